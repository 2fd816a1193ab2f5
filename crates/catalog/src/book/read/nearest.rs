//! "Did you mean": the known word nearest to an unknown one.

/// Longer words are not compared; no key is longer.
const MAX_CHARS: usize = 64;

/// The candidate with the fewest typing slips from `word`, when they are few for its length; of several, the first.
pub(super) fn nearest<'k>(word: &str, candidates: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = comparable(word)?;
    let tolerated = (word.len() / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let limit = best.map_or(tolerated, |(slips, _)| slips.saturating_sub(1));
        let slips = comparable(candidate).and_then(|chars| slips(&word, &chars, limit));
        best = slips.map(|slips| (slips, candidate)).or(best);
    }
    best.map(|(_, candidate)| candidate)
}

/// Case and the choice between space, hyphen and underscore are no slips.
fn comparable(word: &str) -> Option<Vec<char>> {
    let same = |c: char| if c == ' ' || c == '-' { '_' } else { c };
    let chars: Vec<char> = word.chars().take(MAX_CHARS + 1).flat_map(char::to_lowercase).map(same).collect();
    (chars.len() <= MAX_CHARS).then_some(chars)
}

/// Letters missing, extra, wrong or swapped with their neighbour, if they are no more than `limit`.
fn slips(a: &[char], b: &[char], limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let wrong = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + wrong);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        // A swap reaches back two rows, so both must be over the limit.
        if row.iter().chain(&last).all(|slips| *slips > limit) {
            return None;
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|slips| *slips <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_meant_is_found() {
        let known = ["starter", "growth", "scale"];
        for (typed, meant) in [
            ("growht", Some("growth")),
            ("grwth", Some("growth")),
            ("Growth", Some("growth")),
            ("starrter", Some("starter")),
            ("sacle", Some("scale")),
            ("enterprise", None),
            ("", None),
            (&"growth".repeat(1000), None),
        ] {
            assert_eq!(nearest(typed, known.into_iter()), meant, "{typed}");
        }
        assert_eq!(nearest("extra-user", ["extra_use", "extra_user"].into_iter()), Some("extra_user"));
        assert_eq!(nearest("abc", ["abd", "abe"].into_iter()), Some("abd"), "the first of equals");
    }
}
