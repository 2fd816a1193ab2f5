//! Tables, the main furniture of a back office.

use maud::{Markup, html};

use super::icon::{Icon, icon};

/// A column's head and how its cells are set.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    label: &'a str,
    numeric: bool,
    lead: bool,
    spare: bool,
}

impl<'a> Column<'a> {
    /// Words, set to the left.
    pub const fn text(label: &'a str) -> Self {
        Self { label, numeric: false, lead: false, spare: false }
    }

    /// Figures, set to the right in equal widths.
    pub const fn number(label: &'a str) -> Self {
        Self { label, numeric: true, lead: false, spare: false }
    }

    /// The column that stands beside a row's name when rows are stacked on a phone; at most one, not the first.
    pub const fn lead(self) -> Self {
        Self { lead: true, ..self }
    }

    /// A column that is left out where there is little room, as on a phone: the page a row opens says it too.
    pub const fn spare(self) -> Self {
        Self { spare: true, ..self }
    }

    const fn class(&self) -> Option<&'static str> {
        match (self.numeric, self.lead, self.spare) {
            (true, true, _) => Some("num lead"),
            (true, false, true) => Some("num spare"),
            (true, false, false) => Some("num"),
            (false, true, _) => Some("lead"),
            (false, false, true) => Some("spare"),
            (false, false, false) => None,
        }
    }
}

/// A row: one cell for each column, the first of which names it.
#[derive(Debug, Clone)]
pub struct Row {
    cells: Vec<Markup>,
    href: Option<String>,
}

impl Row {
    /// A row that leads nowhere.
    pub const fn new(cells: Vec<Markup>) -> Self {
        Self { cells, href: None }
    }

    /// A row that opens a page; its first cell becomes the link and the whole row is its target.
    pub fn link(href: impl Into<String>, cells: Vec<Markup>) -> Self {
        Self { cells, href: Some(href.into()) }
    }
}

/// What a table does where there is no room for its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Narrow {
    /// Each row becomes a small block of names and values: for lists.
    Stack,
    /// The table scrolls sideways in its own region: for figures that are compared across columns.
    Scroll,
}

/// A table and everything about it.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// What the table shows; read by screen readers, not shown.
    pub caption: &'a str,
    /// Its columns.
    pub columns: &'a [Column<'a>],
    /// Its rows.
    pub rows: Vec<Row>,
    /// A last row of totals, under a double rule.
    pub total: Option<Row>,
    /// What it does on a phone.
    pub narrow: Narrow,
    /// What stands in its place when it has no rows; see [`super::empty`].
    pub empty: Markup,
}

/// A table, or its empty state.
pub fn table(table: Table) -> Markup {
    if table.rows.is_empty() {
        return table.empty;
    }
    debug_assert!(!table.columns.first().is_some_and(|first| first.lead), "the first column names the row");
    let (class, region) = match table.narrow {
        Narrow::Stack => ("table stack", None),
        Narrow::Scroll => ("table scroll", Some("region")),
    };
    html! {
        div class=(class) role=[region] tabindex=[region.map(|_| "0")] aria-label=[region.map(|_| table.caption)] {
            table {
                caption class="unseen" { (table.caption) }
                thead {
                    tr {
                        @for column in table.columns {
                            th scope="col" class=[column.class()] { (column.label) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows { (table_row(row, table.columns)) }
                }
                @if let Some(total) = &table.total {
                    tfoot { (table_row(total, table.columns)) }
                }
            }
        }
    }
}

fn table_row(row: &Row, columns: &[Column]) -> Markup {
    debug_assert_eq!(row.cells.len(), columns.len(), "a cell for each column");
    html! {
        tr class=[row.href.as_ref().map(|_| "linked")] {
            @for (at, (cell, column)) in row.cells.iter().zip(columns).enumerate() {
                @if at == 0 {
                    th scope="row" class=[column.class()] {
                        @if let Some(href) = &row.href { a href=(href) { (cell) } } @else { (cell) }
                    }
                } @else {
                    td class=[column.class()] data-label=(column.label) { (cell) }
                }
            }
        }
    }
}

/// The way onward through a long list. `first_url` leads back to its start when this is not it.
/// Nothing is shown when the list fits on one page.
pub fn pagination(first_url: Option<&str>, next_url: Option<&str>) -> Markup {
    html! {
        @if first_url.is_some() || next_url.is_some() {
            nav class="pagination" aria-label="Pages" {
                @if let Some(url) = first_url { a class="button" href=(url) { "Back to the first" } }
                @if let Some(url) = next_url { a class="button" href=(url) rel="next" { "Next page" (icon(Icon::Arrow)) } }
            }
        }
    }
}
