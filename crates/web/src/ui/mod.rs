//! The visual language of the product: components as functions that return [`maud::Markup`].
//!
//! Rules that hold everywhere here:
//! - Arguments are typed and already formatted: a component never rounds, converts or looks anything up.
//! - All text is escaped by maud. A component takes `Markup` only where a caller composes components.
//! - There is no inline style, inline script or `on…` attribute: the pages run under `default-src 'self'`.
//! - Every component works without `app.js`, in light and dark, on a 390 px phone and on paper.
//!
//! [`gallery`] shows each of them with real data; look at it before and after a change.

pub mod assets;

mod badge;
mod chart;
mod code;
mod countdown;
mod explanation;
mod facts;
mod field;
mod form;
mod frame;
mod gallery;
mod icon;
mod invoice;
mod notice;
mod section;
mod table;

#[cfg(test)]
mod tests;

pub use badge::{Tone, badge, state};
pub use chart::{Against, Chart, Series, Share, Slot, Value, against, columns, lines, shares, spark};
pub use code::{code_block, copyable};
pub use countdown::{Countdown, Urgency, countdown};
pub use explanation::{Step, explanation};
pub use facts::{
    Moment, Stat, amount, definition_list, figures, figures_noted, optional, progress, refreshing, stat,
    stats, timeline,
};
pub use field::{Choice, Field, Input, field, hidden_field};
pub use form::{
    Button, button_link, chosen, error_summary, filters, form, form_as, post_button, post_button_with,
};
pub use frame::{
    Account, Crumb, Environment, Frame, OwnFrame, Sandbox, Section, bare_page, open_page, own_page, page,
    quiet_page,
};
pub use gallery::gallery;
pub use icon::{Icon, icon};
pub use invoice::{
    CREDIT_COLUMNS, INVOICE_COLUMNS, InvoiceLine, InvoiceSheet, Party, Total, invoice_sheet, statement_lines,
    totals,
};
pub use notice::{Kind, empty, error_message, error_page, notice};
pub use section::{anchored, header, header_about, more, more_at, section, split, split_above};
pub use table::{Column, Narrow, Row, Table, pagination, table};
