//! `steelyard coupons list | redemptions`

use billing::coupon;
use catalog::{Coupon, Discount, version};
use kernel::{Currency, Error, UnitPrice};
use serde_json::json;

use super::list;
use crate::{
    arguments::Coupons,
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: Coupons) -> Outcome {
    match asked {
        Coupons::List { json } => all(place, json),
        Coupons::Redemptions { coupon, limit, json } => redemptions(place, coupon, limit, json),
    }
}

fn all(place: &Place, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, |view| {
        let version = version::in_force(view)?;
        let keys = version.book.coupons.iter().map(|coupon| coupon.key.clone()).collect();
        Ok((coupon::counts(view, keys)?, version))
    });
    let (counts, version) = found.wait()?;
    let coupons = &version.book.coupons;
    let redeemed = |coupon: &Coupon| counts.get(&coupon.key).copied().unwrap_or(0);
    if json {
        let list = coupons.iter().map(|coupon| json!({ "coupon": coupon, "redeemed": redeemed(coupon) }));
        output::say_json(&list.collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("coupon", Side::Left),
        ("code", Side::Left),
        ("takes off", Side::Left),
        ("from", Side::Left),
        ("lasts", Side::Left),
        ("until", Side::Left),
        ("redeemed", Side::Right),
    ]);
    for coupon in coupons {
        let most = coupon.redemptions.map_or_else(String::new, |most| format!(" of {most}"));
        let everything = || "everything".to_owned();
        let keys = coupon.applies_to.as_ref();
        table.row([
            coupon.key.clone(),
            coupon.code.clone().unwrap_or_else(|| "given by staff".to_owned()),
            takes(coupon),
            keys.map_or_else(everything, |keys| keys.iter().cloned().collect::<Vec<_>>().join(", ")),
            coupon.lasts.to_string(),
            coupon.expires.map_or_else(String::new, |date| date.to_string()),
            format!("{}{most}", redeemed(coupon)),
        ]);
    }
    table.say(&format!("The price book in force in {} has no coupons.", chosen.shown()));
    Ok(())
}

fn takes(coupon: &Coupon) -> String {
    let amount = |(currency, amount): &(Currency, UnitPrice)| format!("{currency} {amount}");
    match &coupon.discount {
        Discount::Percent { rate } => format!("{rate} %"),
        Discount::Amount { amounts } => amounts.iter().map(amount).collect::<Vec<_>>().join(" or "),
        Discount::FreeMonths { months } => output::count(*months, "free month"),
    }
}

fn redemptions(place: &Place, key: String, limit: u32, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let found = coupon::of_coupon(view, &key, None, limit.into())?;
        if found.is_empty() && version::in_force(view)?.book.coupon(&key).is_none() {
            return Err(Error::not_found("coupon"));
        }
        let names = list::names(view, found.iter().map(|one| one.customer))?;
        Ok((found, names))
    });
    let (found, names) = found.wait()?;
    if json {
        let list = found.iter().map(|one| {
            json!({
                "number": one.ordinal,
                "customer": one.customer,
                "subscription": one.subscription,
                "redeemed": one.redeemed,
            })
        });
        output::say_json(&list.collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("number", Side::Right),
        ("customer", Side::Left),
        ("subscription", Side::Left),
        ("redeemed", Side::Left),
    ]);
    for one in found {
        table.row([
            one.ordinal.to_string(),
            names.get(&one.customer).cloned().unwrap_or_default(),
            one.subscription.to_string(),
            format!("{:.0}", one.redeemed),
        ]);
    }
    table.say("Nobody redeemed it yet.");
    Ok(())
}
