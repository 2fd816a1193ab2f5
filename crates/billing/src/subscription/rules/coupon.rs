//! Which coupons a subscription may have. Pure.

use catalog::{Book, Coupon};
use jiff::civil::Date;
use kernel::{Currency, Error, Result};

use crate::subscription::{agreement::Discount, model::Item};

/// The coupon that a key or a customer's code names. Codes do not look at capitals.
///
/// Errors: `coupon_unknown`.
pub fn find<'b>(book: &'b Book, named: &str) -> Result<&'b Coupon> {
    let by_code =
        |coupon: &&Coupon| coupon.code.as_ref().is_some_and(|code| code.eq_ignore_ascii_case(named));
    book.coupon(named).or_else(|| book.coupons.iter().find(by_code)).ok_or_else(|| {
        let detail = format!("There is no coupon {named:?} in the price book.");
        Error::invalid("coupon_unknown", detail).at("/coupons")
    })
}

/// What the coupons named give a subscription of these items on the local date `today`. How often a coupon may be
/// redeemed is counted where that is stored.
///
/// Errors: `coupon_unknown`, `coupon_expired`, `coupon_not_stackable`, `coupon_currency`, `coupon_not_for_plan`,
/// `coupon_twice`.
pub fn redeem(
    book: &Book,
    named: &[String],
    items: &[Item],
    currency: Currency,
    today: Date,
) -> Result<Vec<Discount>> {
    let coupons = named.iter().map(|named| find(book, named)).collect::<Result<Vec<_>>>()?;
    let mut discounts: Vec<Discount> = Vec::with_capacity(coupons.len());
    for coupon in &coupons {
        let wrong = |code, detail: String| Err(Error::invalid(code, detail).at("/coupons"));
        if !coupon.is_valid_on(today) {
            let detail = format!("The coupon {} cannot be redeemed on {today}.", coupon.name);
            return wrong("coupon_expired", detail);
        }
        if discounts.iter().any(|one| one.key == coupon.key) {
            let detail = format!("The coupon {} is named twice.", coupon.name);
            return Err(Error::conflict("coupon_twice", detail).at("/coupons"));
        }
        if coupons.len() > 1 && !coupon.stacks {
            let detail = format!("The coupon {} does not go together with other coupons.", coupon.name);
            return Err(Error::conflict("coupon_not_stackable", detail).at("/coupons"));
        }
        let plan = items.first().and_then(|item| book.plan(&item.key));
        let usage = plan.iter().flat_map(|plan| &plan.usage).map(|usage| usage.key.as_str());
        if !items.iter().map(|item| item.key.as_str()).chain(usage).any(|key| coupon.covers(key)) {
            let detail = format!("The coupon {} covers nothing in this subscription.", coupon.name);
            return wrong("coupon_not_for_plan", detail);
        }
        discounts.push(Discount::of(coupon, currency)?);
    }
    Ok(discounts)
}

/// What one more coupon gives a subscription that has some.
///
/// Errors: those of [`redeem`].
pub fn add(
    book: &Book,
    has: &[Discount],
    named: &str,
    items: &[Item],
    currency: Currency,
    today: Date,
) -> Result<Discount> {
    let new = redeem(book, &[named.to_owned()], items, currency, today)?.into_iter().next();
    let new = new.ok_or_else(|| Error::internal("a coupon gave nothing"))?;
    if has.iter().any(|one| one.key == new.key) {
        let detail = format!("The subscription has had the coupon {} before.", new.name);
        return Err(Error::conflict("coupon_twice", detail).at("/coupon"));
    }
    let stacks = |key: &str| book.coupon(key).is_none_or(|coupon| coupon.stacks);
    let mut running = has.iter().filter(|one| one.runs(today));
    if let Some(other) = running.find(|one| !stacks(&one.key) || !stacks(&new.key)) {
        let detail = format!("The coupons {} and {} do not go together.", other.name, new.name);
        return Err(Error::conflict("coupon_not_stackable", detail).at("/coupon"));
    }
    Ok(new)
}
