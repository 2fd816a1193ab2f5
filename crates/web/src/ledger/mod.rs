//! The books: what every account holds, and how it came to.

mod balance;
mod called;
mod in_ledger;
mod kind;
mod statement;

use ::ledger::AccountKind;
use axum::{Router, routing::get};
use jiff::Timestamp;
use kernel::{Currency, Error, Result, ids::LegalEntityId, time};
use maud::{Markup, html};

use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Staff},
    show, ui,
};
use identity::permission::may;

pub(crate) use in_ledger::InLedger;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/ledger", get(page)).route("/ledger/accounts/{id}", get(statement::page))
}

/// The trial balance, or the accounts of one kind.
async fn page(staff: Staff<may::LedgerRead>, Asked(asked): Asked) -> Answer {
    let (asked, as_of) = match as_of(&staff, &asked) {
        Ok(as_of) => (asked, as_of),
        Err(error) => (asked.refused(error)?, None),
    };
    let kind = asked
        .some("kind")
        .map(|word| AccountKind::parse(word).ok_or_else(|| Error::not_found("kind of account")));
    match kind.transpose()? {
        None => balance::page(&staff, &asked, as_of).await,
        Some(kind) => kind::page(&staff, &asked, kind, as_of).await,
    }
}

/// The end of the day asked for, which is the last instant that counts.
fn as_of(desk: &Desk, asked: &Answers) -> Result<Option<Timestamp>> {
    let Some(text) = asked.some("as_of") else { return Ok(None) };
    let day = time::date(text).map_err(|error| error.at("/as_of"))?;
    let next = day
        .tomorrow()
        .map_err(|_| Error::invalid("time_out_of_range", "This day is too late.").at("/as_of"))?;
    Ok(Some(desk.zone.start_of_day(next) - jiff::SignedDuration::from_micros(1)))
}

fn filters(desk: &Desk, asked: &Answers) -> Markup {
    let field = ui::Field::new("At the end of", "as_of", ui::Input::Date)
        .value(asked.get("as_of"))
        .error(asked.error("as_of"));
    ui::filters(
        &desk.at("/ledger"),
        html! {
            (ui::field(&field))
            @for name in ["kind", "entity"] {
                @if let Some(value) = asked.some(name) { (ui::hidden_field(name, value)) }
            }
        },
        "Show",
    )
}

/// What a legal entity is called.
fn entity_name(desk: &Desk, id: LegalEntityId) -> &str {
    desk.entities.iter().find(|known| known.id == id).map_or("", |known| known.name.as_str())
}

fn columns(first: &str) -> [ui::Column<'_>; 4] {
    [
        ui::Column::text(first),
        ui::Column::number("Debit"),
        ui::Column::number("Credit"),
        ui::Column::number("Balance").lead(),
    ]
}

fn figures(name: Markup, debit: i128, credit: i128, text: &dyn Fn(i128) -> String) -> Vec<Markup> {
    let balance = ui::amount(&balance(debit - credit, text));
    vec![name, ui::amount(&text(debit)), ui::amount(&text(credit)), balance]
}

/// A balance with its side, as books have it: `Dr`, `Cr`. A credit balance is nothing to be alarmed at.
fn balance(sum: i128, text: &dyn Fn(i128) -> String) -> String {
    let side = match sum.signum() {
        1 => " Dr",
        -1 => " Cr",
        _ => "",
    };
    format!("{}{side}", text(sum.saturating_abs()))
}

/// A posting in the column of its side; the other one is empty.
fn sides(minor: i64, currency: Currency) -> [Markup; 2] {
    let figure = ui::amount(&show::minor(i128::from(minor).abs(), currency));
    if minor < 0 { [html! {}, figure] } else { [figure, html! {}] }
}
