//! What a customer is found by: the words of its name, e-mail address and external id, written so that
//! `müller` and `Muller` are the same. Personal like what they are made of, and erased with it.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A word is kept and compared up to here, in bytes.
const LONGEST: usize = 40;
/// More words than this of one customer are not kept.
const MOST: usize = 24;
/// A shorter word of a search would find a good part of everybody.
pub const SHORTEST: usize = 2;
/// Words of a search beyond these are left out.
pub(super) const MOST_SOUGHT: usize = 4;

/// Text without case and accents: `Müller & Söhne` → `muller & sohne`.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            'ß' | 'ẞ' => out.push_str("ss"),
            'æ' | 'Æ' => out.push_str("ae"),
            'œ' | 'Œ' => out.push_str("oe"),
            'ø' | 'Ø' => out.push('o'),
            'ł' | 'Ł' => out.push('l'),
            'đ' | 'Đ' => out.push('d'),
            letter => out.extend(letter.to_lowercase()),
        }
    }
    out
}

/// A folded name as lists are sorted by it.
pub(super) fn sort_key(name: &str) -> Vec<u8> {
    cut(&fold(name)).as_bytes().to_vec()
}

/// The beginning of a word, as long as one is kept.
fn cut(word: &str) -> &str {
    &word[..word.floor_char_boundary(LONGEST)]
}

/// The words of a customer, each once. Whatever stands between spaces is a word, and so is the rest of it from each
/// part on: `a-2e4581` is found by `2e45`, `ann.holt@example.com` by `holt` and by `example`.
pub(super) fn words(name: Option<&str>, email: Option<&str>, external_id: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for text in [name, external_id, email].into_iter().flatten() {
        let folded = fold(text);
        for chunk in folded.split_whitespace() {
            for start in starts(chunk) {
                let word = cut(chunk[start..].trim_end_matches(is_mark));
                if !word.is_empty() && words.len() < MOST && !words.iter().any(|known| known == word) {
                    words.push(word.to_owned());
                }
            }
        }
    }
    words
}

/// Where the parts of a word begin: at its first letter or digit, and behind each mark.
/// The end of an internet domain (`com`) is no part.
fn starts(chunk: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut behind_mark, mut domain) = (true, None);
    for (at, letter) in chunk.char_indices() {
        let mark = is_mark(letter);
        if !mark && behind_mark && domain.is_none_or(|domain| at <= domain) {
            starts.push(at);
        }
        if letter == '@' && !starts.is_empty() {
            domain = domain.or(Some(at + 1));
        }
        behind_mark = mark;
    }
    starts
}

fn is_mark(letter: char) -> bool {
    !letter.is_alphanumeric()
}

/// The words as a person's row keeps them, to be compared with and taken back: ` ann holt `.
pub(super) fn joined(words: &[String]) -> String {
    format!(" {} ", words.join(" "))
}

/// The inverse of [`joined`].
pub(super) fn split(joined: &str) -> impl Iterator<Item = &str> {
    joined.split_whitespace()
}

/// What is sought, longest first, because that finds the fewest; too short words are left out.
pub(super) fn sought(text: &str) -> Vec<String> {
    let folded = fold(text);
    let chunks = folded.split_whitespace().map(|chunk| cut(chunk.trim_matches(is_mark)));
    let mut sought: Vec<String> =
        chunks.filter(|word| word.chars().count() >= SHORTEST).map(str::to_owned).collect();
    sought.sort_by_key(|word| std::cmp::Reverse(word.len()));
    sought.dedup();
    sought.truncate(MOST_SOUGHT);
    sought
}

/// Where the words that begin so end, bytewise: `bra` → `brb`. None when nothing comes after them.
pub(super) fn after(prefix: &str) -> Option<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

/// A pattern of LIKE, with `!` before what would mean something in it: some word begins so.
pub(super) fn pattern(word: &str) -> String {
    let mut out = String::from("% ");
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '!') {
            out.push('!');
        }
        out.push(letter);
    }
    out.push('%');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_accents_do_not_matter() {
        assert_eq!(
            fold("Müller & Söhne ŁÓDŹ Straße Ørsted ﬁne Ａ"),
            "muller & sohne lodz strasse orsted fine a"
        );
        assert_eq!(fold("東京ガス"), "東京カス");
    }

    #[test]
    fn words_are_found_at_each_of_their_parts() {
        let found = words(
            Some("Brandt & Söhne (Metallbau) GmbH"),
            Some("ann.holt@mail.example.com"),
            Some("A-2e4581"),
        );
        assert_eq!(
            found,
            [
                "brandt",
                "sohne",
                "metallbau",
                "gmbh",
                "a-2e4581",
                "2e4581",
                "ann.holt@mail.example.com",
                "holt@mail.example.com",
                "mail.example.com"
            ]
        );
        assert_eq!(words(Some("O'Neill"), None, None), ["o'neill", "neill"]);
        assert_eq!(words(Some("&&& --"), None, None), Vec::<String>::new());
        assert!(words(Some(&"a b c d e ".repeat(60)), None, None).len() <= MOST);
        let long = "ü".repeat(200);
        assert_eq!(words(Some(&long), None, None), ["u".repeat(LONGEST)]);
    }

    #[test]
    fn a_search_takes_its_longest_words() {
        assert_eq!(sought("  Söhne, Brandt a "), ["brandt", "sohne"]);
        assert_eq!(sought("x"), Vec::<String>::new());
        assert_eq!(sought("aa bb cc dd ee").len(), MOST_SOUGHT);
    }

    #[test]
    fn a_range_of_words_ends_behind_the_last_that_begins_so() {
        assert_eq!(after("bra"), Some(b"brb".to_vec()));
        assert_eq!(after(""), None);
        assert_eq!(pattern("100%_!"), "% 100!%!_!!%");
    }

    proptest! {
        /// Whatever a customer is called, each word of its name finds it by every beginning of it.
        #[test]
        fn every_beginning_of_a_word_is_in_the_range_of_its_search(name in "\\PC{1,60}", length in 2_usize..12) {
            let words = words(Some(&name), None, None);
            for word in sought(&name) {
                let prefix: String = word.chars().take(length).collect();
                let end = after(&prefix).unwrap_or_default();
                let found = words.iter().any(|known| known.starts_with(&prefix)
                    && known.as_bytes() >= prefix.as_bytes() && known.as_bytes() < end.as_slice());
                prop_assert!(found || words.len() == MOST, "{prefix:?} of {name:?} in {words:?}");
            }
            let kept = joined(&words);
            prop_assert_eq!(split(&kept).collect::<Vec<_>>(), words);
        }
    }
}
