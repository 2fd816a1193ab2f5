//! Where amounts are rounded, and tax with it.

use kernel::{Currency, Exact, Money, Rate};
use serde_json::Value;
use tax::{Billed, Jurisdiction, Kind, Rounding, TaxedLine, Taxes, Treatment, compute, credited};

use crate::{
    case::{Case, Checked, Miss},
    coupon, credit_note,
    desk::Office,
    read,
};

/// The taxes on lines of exact amounts in major units, each at its rate.
pub fn taxes(lines: &[(Exact, Rate)], currency: Currency, rounding: Rounding) -> Checked<Taxes> {
    let treatments: Vec<Treatment> = lines.iter().map(|(_, rate)| at(*rate)).collect::<Checked<_>>()?;
    let lines = lines.iter().zip(&treatments);
    let lines: Vec<TaxedLine<'_>> =
        lines.map(|((net, _), treatment)| TaxedLine { net: net.clone(), treatment }).collect();
    Ok(compute(&lines, currency, rounding)?)
}

/// A tax at a rate; whose it is does not matter here.
fn at(rate: Rate) -> Checked<Treatment> {
    let kind = if rate.is_zero() { Kind::Exempt } else { Kind::Standard };
    let jurisdiction = Jurisdiction::parse("DE")?;
    Ok(Treatment { jurisdiction, kind, rate, name: "VAT".into(), reason: String::new(), note: None })
}

/// Tax on a net amount, rounded once.
pub fn tax(net: Money, rate: Rate) -> Checked<Money> {
    Ok(taxes(&[(net.exact_major(), rate)], net.currency(), Rounding::Category)?.total)
}

/// The part of a tax that belongs to a part of the net amount, all that was credited before counted in.
pub fn share_of_tax(tax: Money, net: Money, credited_before: i64, now: i64) -> Checked<Money> {
    let (zero, amount) = (Money::zero(net.currency()), |minor| Money::new(minor, net.currency()));
    let untouched = Billed { net, tax, credited_net: zero, credited_tax: zero };
    let credited_net = amount(credited_before)?;
    let credited_tax = if credited_before == 0 { zero } else { credited(&untouched, credited_net)? };
    Ok(credited(&Billed { credited_net, credited_tax, ..untouched }, amount(now)?)?)
}

/// `rounding.*` and `tax`.
pub fn check(case: &Case, office: &Office) -> Checked {
    if case.find(&["fees_minor"]).is_some() {
        return coupon::check(case);
    }
    if case.find(&["fees_exact_minor"]).is_some() {
        return fractions(case);
    }
    if case.find(&["credit_note_nets_minor"]).is_some() {
        return several_notes(case);
    }
    if case.find(&["price_minor"]).is_some() {
        return credit_note::check(case, office);
    }
    if case.find(&["paid_credits", "credits"]).is_some() {
        return top_up(case);
    }
    let net = case.minor(case.need(&["net_minor", "amount_minor"])?)?;
    let rate = read::rate(case.need(&["tax_rate_pct"])?)?;
    let tax = tax(net, rate)?;
    case.amount("tax", tax)?;
    case.amount("total", net.checked_add(tax)?)
}

/// Lines below a cent: each is rounded, tax is of their sum.
fn fractions(case: &Case) -> Checked {
    let per_major = Exact::from(case.currency().minor_per_major());
    let fees: Option<Vec<Exact>> = read::several(&case.given["fees_exact_minor"])
        .iter()
        .map(|fee| read::number(fee)?.checked_div(&per_major))
        .collect();
    let fees = fees.ok_or_else(|| Miss::not("no exact fees"))?;
    let mut net = Money::zero(case.currency());
    for fee in fees {
        net = net.checked_add(Money::from_exact_major(&fee, case.currency())?)?;
    }
    let tax = tax(net, read::rate(case.need(&["tax_rate_pct"])?)?)?;
    let gross = net.checked_add(tax)?;
    case.amount("fees", net)?;
    case.amount("tax", tax)?;
    case.amount("gross", gross)
}

/// Credit notes one after the other: their taxes add up to that of the invoice.
fn several_notes(case: &Case) -> Checked {
    let net = case.minor(case.need(&["invoice_net_minor"])?)?;
    let of_invoice = tax(net, read::rate(case.need(&["tax_rate_pct"])?)?)?;
    case.amount("invoice_tax", of_invoice)?;
    let (mut before, mut taxes, mut totals) = (0, Vec::new(), Vec::new());
    for credited in read::several(&case.given["credit_note_nets_minor"]).iter().filter_map(Value::as_i64) {
        let tax = share_of_tax(of_invoice, net, before, credited)?;
        before += credited;
        taxes.push(tax);
        totals.push(Money::new(credited, net.currency())?.checked_add(tax)?);
    }
    case.amounts("credit_note_taxes", &taxes)?;
    case.amounts("credit_note_totals", &totals)
}

/// Credits bought at a rate: what is invoiced for them.
fn top_up(case: &Case) -> Checked {
    let paid = case.number(&["paid_credits", "credits"])? * case.number(&["rate"])?;
    let amount = Money::from_exact_major(&paid, case.currency())?;
    case.amount("invoice", amount)?;
    case.figure("credits", &amount.exact_major())
}
