//! The taxes of a document, and why each is as it is.

use maud::{Markup, html};
use tax::Tax;

use crate::{show, ui};

/// A table of them.
pub(crate) fn taxes(taxes: &[Tax]) -> Markup {
    let rows = taxes.iter().map(|Tax { treatment, base, amount }| {
        ui::Row::new(vec![
            html! { (treatment.label()) },
            html! { (treatment.jurisdiction) },
            show::money(*base),
            show::money(*amount),
            html! { (treatment.reason) },
        ])
    });
    ui::table(ui::Table {
        caption: "Tax",
        columns: &[
            ui::Column::text("Tax"),
            ui::Column::text("Jurisdiction"),
            ui::Column::number("Of"),
            ui::Column::number("Amount").lead(),
            ui::Column::text("Why"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No tax", "No tax was assessed.", html! {}),
    })
}
