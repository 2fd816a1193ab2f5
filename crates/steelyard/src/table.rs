//! Tables that fit the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output;

/// Which side a column's cells stand on, and what becomes of them where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Text, which may be cut.
    Left,
    /// Figures, which are never cut.
    Right,
    /// Text that is of no use when it is cut: an id, an instant.
    Whole,
    /// Text that may be cut, in a column that is left out before the table falls apart; `--json` says it all.
    Spare,
}

/// Rows under headings.
pub struct Table<const N: usize> {
    columns: [(&'static str, Side); N],
    rows: Vec<[String; N]>,
}

/// Text cut to less than this says nothing any more; a date fits. Figures are never cut.
const NARROWEST: usize = 10;
const GAP: usize = 2;

impl<const N: usize> Table<N> {
    /// No rows yet.
    pub const fn new(columns: [(&'static str, Side); N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// One more row.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// Print it, cut to the terminal's width when a person reads it; `empty` when there are no rows.
    pub fn say(&self, empty: &str) {
        if self.rows.is_empty() {
            return output::say(empty);
        }
        let width = terminal_size::terminal_size().filter(|_| output::is_terminal());
        let width = width.map_or(usize::MAX, |(width, _)| usize::from(width.0));
        output::say(self.fitting(width).trim_end());
    }

    fn fitting(&self, width: usize) -> String {
        let Some(widths) = self.widths(width) else { return self.stacked() };
        let mut out = String::new();
        let heads = self.columns.map(|(head, _)| head.to_owned());
        for row in [&heads].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, width), (_, side)) in row.iter().zip(widths).zip(self.columns) {
                if let Some(width) = width {
                    write_cell(&mut line, cell, width, side);
                }
            }
            out += line.trim_end();
            out.push('\n');
        }
        out
    }

    /// How wide each column is so that all fit, none for one that is left out; nothing when they cannot.
    fn widths(&self, width: usize) -> Option<[Option<usize>; N]> {
        let mut widths: [Option<usize>; N] = std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].width());
            cells.chain([self.columns[column].0.width()]).max()
        });
        loop {
            let kept = widths.iter().flatten();
            let gaps = GAP * kept.clone().count().saturating_sub(1);
            let mut over = (kept.sum::<usize>() + gaps).saturating_sub(width);
            let mut cut = widths;
            while over > 0 {
                let texts = cut.iter_mut().zip(self.columns).filter(|(_, (_, side))| side.may_be_cut());
                let texts = texts.filter_map(|(width, _)| width.as_mut());
                let Some(widest) = texts.max().filter(|widest| **widest > NARROWEST) else { break };
                *widest -= 1;
                over -= 1;
            }
            if over == 0 {
                return Some(cut);
            }
            let spare = |column: &usize| self.columns[*column].1 == Side::Spare && widths[*column].is_some();
            widths[(0..N).rev().find(spare)?] = None;
        }
    }

    /// One cell below the other, for a terminal too narrow for columns.
    fn stacked(&self) -> String {
        let heads = self.columns.iter().map(|(head, _)| head.width()).max().unwrap_or_default();
        let mut out = String::new();
        for row in &self.rows {
            for ((head, _), cell) in self.columns.iter().zip(row) {
                let mut line = String::new();
                write_cell(&mut line, head, heads, Side::Left);
                write_cell(&mut line, cell, cell.width(), Side::Left);
                out += line.trim_end();
                out.push('\n');
            }
            out.push('\n');
        }
        out
    }
}

impl Side {
    const fn may_be_cut(self) -> bool {
        matches!(self, Self::Left | Self::Spare)
    }
}

/// Widths are those of a terminal, where a Chinese character takes two places.
fn write_cell(line: &mut String, cell: &str, width: usize, side: Side) {
    // Nothing that came from outside may steer the terminal.
    let plain: String =
        cell.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    let shown = if plain.width() > width { cut(&plain, width) } else { plain };
    if !line.is_empty() {
        line.push_str(&" ".repeat(GAP));
    }
    let room = " ".repeat(width.saturating_sub(shown.width()));
    let parts = if side == Side::Right { [room, shown] } else { [shown, room] };
    line.extend(parts);
}

/// The beginning of a text, and a sign that it goes on.
fn cut(text: &str, width: usize) -> String {
    let mut taken = 0;
    let fits = |letter: &char| {
        taken += letter.width().unwrap_or_default();
        taken < width
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_its_terminal() {
        let mut table = Table::new([("name", Side::Left), ("amount", Side::Right)]);
        table.row(["Müller & Söhne Maschinenbau".to_owned(), "49.00".to_owned()]);
        table.row(["A\u{1b}[31m".to_owned(), "1,249.00".to_owned()]);
        assert_eq!(
            table.fitting(usize::MAX),
            "name                           amount\n\
             Müller & Söhne Maschinenbau     49.00\n\
             A\u{fffd}[31m                       1,249.00\n"
        );
        assert_eq!(
            table.fitting(24),
            "name              amount\nMüller & Söhn…     49.00\nA\u{fffd}[31m          1,249.00\n"
        );
        assert_eq!(
            table.fitting(19),
            "name    Müller & Söhne Maschinenbau\namount  49.00\n\nname    A\u{fffd}[31m\namount  1,249.00\n\n",
            "a figure is never cut"
        );
    }

    #[test]
    fn ids_stay_whole_and_spare_columns_go_first() {
        let columns =
            [("customer", Side::Whole), ("name", Side::Left), ("plan", Side::Left), ("every", Side::Spare)];
        let mut table = Table::new(columns);
        table.row(["cus_0123456789", "Müller & Söhne", "professional", "month"].map(str::to_owned));
        assert_eq!(
            table.fitting(46),
            "customer        name         plan        every\ncus_0123456789  Müller & S…  professio…  month\n"
        );
        assert_eq!(
            table.fitting(40),
            "customer        name         plan\ncus_0123456789  Müller & S…  profession…\n"
        );
        assert!(table.fitting(30).starts_with("customer  cus_0123456789\nname      Müller & Söhne\n"));
    }

    #[test]
    fn wide_characters_take_two_places() {
        let mut table = Table::new([("name", Side::Left), ("amount", Side::Right)]);
        table.row(["株式会社山田製作所".to_owned(), "9,800".to_owned()]);
        table.row(["Ann".to_owned(), "50".to_owned()]);
        assert_eq!(
            table.fitting(usize::MAX),
            "name                amount\n株式会社山田製作所   9,800\nAnn                     50\n"
        );
        assert_eq!(table.fitting(20), "name          amount\n株式会社山…    9,800\nAnn               50\n");
    }
}
