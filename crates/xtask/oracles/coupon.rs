//! Coupons over the lines of an invoice.

use kernel::{Exact, Money};
use rating::{Coupon, Reduction, discount};
use serde_json::Value;
use tax::Rounding;

use crate::{
    case::{Case, Checked, Miss},
    read,
    rounding::taxes,
};

/// Fees by name, in their order.
fn fees(case: &Case) -> Checked<Vec<(String, Money)>> {
    let given = case.need(&["fees_minor"])?;
    let fee = |(name, value): (String, &Value)| Ok((name, case.minor(value)?));
    match given {
        Value::Object(table) => table.iter().map(|(name, value)| fee((name.clone(), value))).collect(),
        _ => {
            read::several(given).iter().enumerate().map(|(at, value)| fee((at.to_string(), value))).collect()
        }
    }
}

/// The coupons, and which of the fees each covers.
fn coupons(case: &Case, fees: &[(String, Money)]) -> Checked<Vec<(Reduction, Vec<bool>)>> {
    if let Some(coupons) = case.find(&["coupons_in_order", "coupons"]) {
        return read::several(coupons)
            .iter()
            .map(|coupon| Ok((reduction(case, coupon)?, covers(case, coupon, fees))))
            .collect();
    }
    let amounts = read::several(case.need(&["coupons_minor", "coupon_minor"])?);
    let whole = |amount: &Value| Ok((Reduction::Amount(case.minor(amount)?), vec![true; fees.len()]));
    amounts.iter().map(whole).collect()
}

fn reduction(case: &Case, coupon: &Value) -> Checked<Reduction> {
    for key in ["percent", "percentage", "rate_pct", "percentage_rate"] {
        if !coupon[key].is_null() {
            return Ok(Reduction::Percent(read::rate(&coupon[key])?));
        }
    }
    Ok(Reduction::Amount(case.minor(&coupon["amount_minor"])?))
}

/// A coupon names fees, or plans whose fees it covers, or everything.
fn covers(case: &Case, coupon: &Value, fees: &[(String, Money)]) -> Vec<bool> {
    let names: Vec<String> = read::several(&coupon["applies_to"])
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let of_plan = |plan: &str, fee: &str| {
        case.given["plans"][plan].as_array().is_some_and(|fees| fees.iter().any(|one| one == fee))
    };
    let all = names.is_empty() || names.iter().any(|name| name == "all");
    let covered = |fee: &str| all || names.iter().any(|name| name == fee || of_plan(name, fee));
    fees.iter().map(|(fee, _)| covered(fee)).collect()
}

/// The tax rate of a fee: one for all, or by name with one for the others.
fn tax_rate(case: &Case, fee: &str) -> Checked<Option<kernel::Rate>> {
    let rates = &case.given["tax_rate_pct"];
    let rate = match rates {
        Value::Object(table) => table.get(fee).or_else(|| table.get("others")).unwrap_or(&Value::Null),
        one => one,
    };
    if rate.is_null() { Ok(None) } else { read::rate(rate).map(Some) }
}

/// Coupons one after the other, then tax of what is left exactly, for each fee and in all.
pub fn check(case: &Case) -> Checked {
    let fees = fees(case)?;
    if fees.is_empty() {
        return Err(Miss::not("shape not known: no fees"));
    }
    let coupons = coupons(case, &fees)?;
    let lines: Vec<Money> = fees.iter().map(|(_, fee)| *fee).collect();
    let applied: Vec<Coupon<'_>> =
        coupons.iter().map(|(reduction, covers)| Coupon { reduction: *reduction, covers }).collect();
    let splits = discount(&lines, &applied)?;

    let currency = case.currency();
    let gross = Money::total(lines.iter().copied(), currency)?;
    let taken = Money::total(splits.iter().map(|split| split.total), currency)?;
    let net = gross.checked_sub(taken)?;
    case.amount("fees", gross)?;
    case.amount("coupons", taken)?;
    case.amount("coupon_applied", taken)?;
    case.amount("subtotal", net)?;

    let per_major = Exact::from(currency.minor_per_major());
    let (mut taxed, mut shares) = (Vec::new(), Vec::new());
    for (at, (name, fee)) in fees.iter().enumerate() {
        let share: Exact = splits.iter().map(|split| split.exact[at].clone()).sum();
        let left = Exact::from(fee.minor()) - &share;
        if let Some(rate) = tax_rate(case, name)? {
            taxed.push((left.checked_div(&per_major).unwrap_or_else(Exact::zero), rate));
        }
        shares.push(share);
    }
    per_fee(case, &shares)?;
    // Fees by name come in no order of their own.
    let each = taxes(&taxed, currency, Rounding::Line)?.lines;
    let minor: Vec<Exact> = each.iter().map(|tax| Exact::from(tax.minor())).collect();
    case.in_any_order("tax_per_fee_minor", &minor)?;
    let tax = taxes(&taxed, currency, Rounding::Document)?.total;
    case.amount("tax", tax)?;
    case.amount("total", net.checked_add(tax)?)
}

/// What the coupons take off each fee, to as many decimals of a minor unit as cases have.
fn per_fee(case: &Case, shares: &[Exact]) -> Checked {
    let shown: Option<Vec<Exact>> =
        shares.iter().map(|share| Exact::parse_decimal(&share.to_decimal_string(2)).ok()).collect();
    let shown = shown.ok_or_else(|| Miss::wrong("a share cannot be written"))?;
    case.in_any_order("coupon_per_fee", &shown)?;
    case.in_any_order("coupon_per_fee_minor", &shown)
}
