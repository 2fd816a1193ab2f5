//! `steelyard subscriptions show`

use billing::subscription::{self, Discount, Off, Subscription};
use jiff::civil::Date;
use kernel::{Currency, Zone};

use super::{sentence, wanted};
use crate::{failure::Outcome, output, place::Place};

pub fn run(place: &Place, reference: String) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let id = subscription::resolve(view, &reference)?;
        Ok((subscription::find(view, id)?, view.now()))
    });
    let (subscription, now) = found.wait()?;
    output::say(sentence(&subscription, "is"));
    details(&subscription, subscription.schedule.zone.date_of(now)).into_iter().for_each(output::say);
    Ok(())
}

/// What was agreed beside the price book, what waits, and what is left of coupons: a line each.
fn details(one: &Subscription, today: Date) -> Vec<String> {
    let Subscription { schedule, currency, .. } = one;
    let zone: &Zone = &schedule.zone;
    let mut lines = vec![format!(
        "Fees are billed up to {}, what is paid at the end of a period from {} on.",
        one.billed_through.date, one.arrears_from.date
    )];
    if let Some(rhythm) = one.rhythm {
        let (start, end) = (rhythm.stretch.start.date, rhythm.stretch.end.date);
        lines.push(format!("Usage is billed every {}, now from {start} to {end}.", rhythm.cycle));
    }
    if let Some(term) = one.term {
        let then = if term.renews { "then another one follows" } else { "then it expires" };
        lines.push(format!("Its term of {} months is over on {}; {then}.", term.months, term.ends));
    }
    for (key, price) in &one.agreement.prices {
        let amount = price.amount.map(|amount| format!("{currency} {amount}"));
        let percent = price.percent.map(|percent| format!("{percent} %"));
        let figures: Vec<String> = amount.into_iter().chain(percent).collect();
        lines.push(format!("Agreed for {key}: {}.", figures.join(" and ")));
    }
    if let Some(minimum) = one.agreement.minimum {
        lines.push(format!("Agreed minimum of a period: {currency} {minimum}."));
    }
    lines.extend(one.scheduled.iter().map(|step| format!("From {}: {}.", step.on, wanted(&step.change))));
    lines.extend(coupons(one, today));
    if let Some(end) = one.trial_end.filter(|end| zone.date_of(end.at) <= today) {
        lines.push(format!("Its trial ended on {}.", end.date));
    }
    lines
}

/// The coupons it has, and what is left of each on a local date.
pub fn coupons(one: &Subscription, today: Date) -> Vec<String> {
    one.discounts.iter().map(|discount| coupon(discount, one.currency, today)).collect()
}

/// A coupon and what is left of it.
fn coupon(discount: &Discount, currency: Currency, today: Date) -> String {
    let takes = match discount.reduction {
        Off::Percent(rate) => format!("{rate} % off"),
        Off::Amount(amount) => format!("{currency} {amount} off each invoice"),
        Off::FreeMonths => "free months".to_owned(),
    };
    let left = match (discount.left, discount.until, discount.reduction) {
        _ if !discount.runs(today) => "used up".to_owned(),
        (Some(left), _, Off::FreeMonths) => format!("{} left", output::count(left, "month")),
        (Some(left), ..) => format!("{} left", output::count(left, "invoice")),
        (None, Some(until), _) => format!("until {until}"),
        (None, None, _) => "for good".to_owned(),
    };
    format!("Coupon {} ({}): {takes}, {left}.", discount.key, discount.name)
}
