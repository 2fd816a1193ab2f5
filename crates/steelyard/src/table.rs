//! Tables that fit the terminal.

use std::fmt::{self, Write};

use crate::output;

/// Which side a column's cells stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Figures.
    Right,
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
        let mut widths: [usize; N] = std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.columns[column].0.chars().count()]).max().unwrap_or_default()
        });
        let mut over = (widths.iter().sum::<usize>() + GAP * N.saturating_sub(1)).saturating_sub(width);
        while over > 0 {
            let texts = widths.iter_mut().zip(self.columns).filter(|(_, (_, side))| *side == Side::Left);
            let widest = texts.map(|(width, _)| width).max().filter(|widest| **widest > NARROWEST);
            let Some(widest) = widest else { return self.stacked() };
            *widest -= 1;
            over -= 1;
        }
        let mut out = String::new();
        let heads = self.columns.map(|(head, _)| head.to_owned());
        for row in [&heads].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, width), (_, side)) in row.iter().zip(widths).zip(self.columns) {
                // Writing to a String does not fail.
                let _ = write_cell(&mut line, cell, width, side);
            }
            out += line.trim_end();
            out.push('\n');
        }
        out
    }

    /// One cell below the other, for a terminal too narrow for columns.
    fn stacked(&self) -> String {
        let heads = self.columns.iter().map(|(head, _)| head.chars().count()).max().unwrap_or_default();
        let mut out = String::new();
        for row in &self.rows {
            for ((head, _), cell) in self.columns.iter().zip(row) {
                let mut line = String::new();
                let _ = write_cell(&mut line, head, heads, Side::Left);
                let _ = write_cell(&mut line, cell, cell.chars().count(), Side::Left);
                out += line.trim_end();
                out.push('\n');
            }
            out.push('\n');
        }
        out
    }
}

fn write_cell(line: &mut String, cell: &str, width: usize, side: Side) -> fmt::Result {
    // Nothing that came from outside may steer the terminal.
    let plain: String =
        cell.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    let cut = if plain.chars().count() > width {
        plain.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    } else {
        plain
    };
    if !line.is_empty() {
        line.push_str(&" ".repeat(GAP));
    }
    match side {
        Side::Left => write!(line, "{cut:<width$}"),
        Side::Right => write!(line, "{cut:>width$}"),
    }
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
}
