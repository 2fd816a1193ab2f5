//! "Did you mean": the known word nearest to an unknown one.

/// Longer words are not compared; no key is longer.
const MAX_CHARS: usize = 64;

/// The candidate with the fewest typing slips from `word`, when they are few for its length; of several, the first.
pub(super) fn nearest<'k>(word: &str, candidates: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = comparable(word)?;
    let tolerated = (word.len() / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    let mut rows = Rows::default();
    for candidate in candidates {
        let limit = best.map_or(tolerated, |(slips, _)| slips.saturating_sub(1));
        // A character is at least a byte: most candidates are told apart by their length alone.
        if candidate.len() + limit < word.len() {
            continue;
        }
        let slips = comparable(candidate).and_then(|chars| rows.slips(&word, &chars, limit));
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

/// The last rows of the table of slips between the beginnings of two words.
#[derive(Default)]
struct Rows {
    before_last: Vec<usize>,
    last: Vec<usize>,
    row: Vec<usize>,
}

impl Rows {
    /// Letters missing, extra, wrong or swapped with their neighbour, if they are no more than `limit`.
    fn slips(&mut self, a: &[char], b: &[char], limit: usize) -> Option<usize> {
        if a.len().abs_diff(b.len()) > limit {
            return None;
        }
        // Beginnings whose lengths are further apart than the limit have more slips: only a band is computed.
        let beyond = limit + 1;
        for row in [&mut self.before_last, &mut self.last, &mut self.row] {
            row.clear();
            row.resize(b.len() + 1, beyond);
        }
        self.last.iter_mut().enumerate().for_each(|(j, slips)| *slips = j.min(beyond));
        for i in 1..=a.len() {
            let (from, to) = (i.saturating_sub(limit).max(1), (i + limit).min(b.len()));
            self.row.fill(beyond);
            self.row[0] = i.min(beyond);
            for j in from..=to {
                let wrong = usize::from(a[i - 1] != b[j - 1]);
                let mut slips = (self.last[j] + 1).min(self.row[j - 1] + 1).min(self.last[j - 1] + wrong);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    slips = slips.min(self.before_last[j - 2] + 1);
                }
                self.row[j] = slips.min(beyond);
            }
            // A swap reaches back two rows, so both must be over the limit.
            if self.row.iter().chain(&self.last).all(|slips| *slips > limit) {
                return None;
            }
            std::mem::swap(&mut self.before_last, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.row);
        }
        self.last.last().copied().filter(|slips| *slips <= limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// All of the table, without a band: what [`Rows::slips`] must agree with.
    fn slips_of_all(a: &[char], b: &[char]) -> usize {
        let mut table = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
        (0..=a.len()).for_each(|i| table[i][0] = i);
        (0..=b.len()).for_each(|j| table[0][j] = j);
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                let wrong = usize::from(a[i - 1] != b[j - 1]);
                let mut slips =
                    (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + wrong);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    slips = slips.min(table[i - 2][j - 2] + 1);
                }
                table[i][j] = slips;
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn the_band_finds_what_the_whole_table_says(a in "[abc]{0,9}", b in "[abc]{0,9}", limit in 0..5_usize) {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let all = slips_of_all(&a, &b);
            let mut rows = Rows::default();
            rows.slips(&b, &a, 4); // used before
            prop_assert_eq!(rows.slips(&a, &b, limit), Some(all).filter(|all| *all <= limit));
        }
    }
}
