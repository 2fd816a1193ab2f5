//! Taking an invoice back after it was paid.

use jiff::Timestamp;
use kernel::{Cycle, Money, Zone};

use crate::{
    case::{Case, Checked, Miss},
    changes::{Knobs, book},
    desk::{Office, Wanted},
    read,
};

/// When the invoices are issued: the rates of that day are taken.
const AT: &str = "2026-01-01T12:00:00Z";

/// `invoice.void`: what was paid is to the customer's credit again. Other engines write a credit note for it; here
/// the void itself gives it back.
pub fn check(case: &Case, office: &Office) -> Checked {
    let fee = read::major(case, case.need(&["fee_minor", "net_minor"])?)?;
    let rate = read::rate(case.need(&["tax_rate_pct"])?)?;
    let void = case.need(&["void"])?;
    if void["refund_minor"].as_i64().is_some_and(|refund| refund != 0) {
        return Err(Miss::not("refunds: payments issue"));
    }
    let at: Timestamp = AT.parse().map_err(|_| Miss::not("no instant"))?;
    let on = Zone::utc().date_of(at);
    let place = tax::PLACES.iter().filter(|place| place.code.len() == 2);
    let place = place.clone().find(|place| place.rate(tax::Category::Standard, on) == rate);
    let place =
        place.ok_or_else(|| Miss::not(format!("no country of the tax table has a rate of {rate} %")))?;

    let desk = office.desk(
        case,
        &Zone::utc(),
        &book(case, &Knobs::of(case)?, &[("old", Cycle::MONTH, fee)], &[]),
        at,
    )?;
    desk.sell_within(place.code)?;
    let paid = case.minor(&void["credit_minor"])?;
    desk.pay_in(paid)?;
    desk.start(&Wanted::plan(Cycle::MONTH))?;
    let before = desk.credit()?;
    let voided = desk.void_last()?;
    let status = if voided.state == billing::invoice::State::Void { "voided" } else { voided.state.word() };
    case.text("invoice_status", status)?;
    case.amount("invoice_total", voided.totals.total)?;
    case.amount("invoice_tax", voided.totals.tax)?;
    case.amount("credit_note_total", desk.credit()?.checked_sub(before)?)?;
    case.amount("owed", Money::zero(desk.currency()).checked_add(desk.owed()?)?)
}
