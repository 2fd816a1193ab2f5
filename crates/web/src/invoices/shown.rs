//! Which lines of a long document are on its page.

use maud::{Markup, html};

use crate::{
    gate::Answers,
    parts::{self, PAGE},
    show, ui,
};

const SHOWN: usize = PAGE as usize;

/// Some of the lines with how they were worked out; or all of them, as on paper, without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    from: usize,
    /// All of them.
    whole: bool,
    /// How many there are.
    count: usize,
}

impl Shown {
    /// What an address asks for: nothing, a number of lines to begin behind, or all of them.
    pub(crate) fn of(asked: &Answers, count: usize) -> Self {
        let from = asked.get("after").parse().unwrap_or(0_usize);
        Self {
            from: if from < count { from } else { 0 },
            whole: asked.get("lines") == parts::ALL && count > SHOWN,
            count,
        }
    }

    /// The lines that are shown.
    pub(crate) fn part<'l, T>(&self, lines: &'l [T]) -> &'l [T] {
        if self.whole { lines } else { &lines[self.from..self.end()] }
    }

    fn end(&self) -> usize {
        self.count.min(self.from + SHOWN)
    }

    /// Whether they can be opened to see how they were worked out.
    pub(crate) const fn explained(&self) -> bool {
        !self.whole
    }

    /// Which lines there are, and the way to the others; nothing where all of them stand on the page.
    pub(crate) fn ways(&self, path: &str) -> Markup {
        if self.count <= SHOWN {
            return html! {};
        }
        let all = show::grouped(self.count as i128);
        let next = (self.end() < self.count).then(|| format!("{path}?after={}", self.end()));
        html! {
            @if self.whole {
                p class="screen" { "All " (all) " lines. " a href=(path) { "With how each was worked out" } }
            } @else {
                p class="screen" {
                    "Lines " (show::grouped(self.from as i128 + 1)) " to " (show::grouped(self.end() as i128)) " of "
                    (all) "; the sums are of all of them. "
                    a href={ (path) "?lines=" (parts::ALL) } { "All of them, to print" }
                }
                (ui::pagination((self.from > 0).then_some(path), next.as_deref()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Answers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_long_document_is_shown_in_parts_and_printed_whole() {
        let lines: Vec<usize> = (0..120).collect();
        let part = |pairs: &[(&str, &str)]| {
            let shown = Shown::of(&asked(pairs), lines.len());
            (shown.part(&lines).first().copied(), shown.part(&lines).len(), shown.explained())
        };
        assert_eq!(part(&[]), (Some(0), 50, true));
        assert_eq!(part(&[("after", "100")]), (Some(100), 20, true));
        assert_eq!(part(&[("after", "120")]), (Some(0), 50, true), "there is nothing behind the last one");
        assert_eq!(part(&[("lines", "all")]), (Some(0), 120, false));
        let short = Shown::of(&asked(&[("lines", "all")]), 3);
        assert!(short.explained() && short.ways("/x").0.is_empty());
        let ways = Shown::of(&asked(&[("after", "50")]), 120).ways("/x").0;
        assert!(ways.contains("Lines 51 to 100 of 120;") && ways.contains("/x?after=100"), "{ways}");
    }
}
