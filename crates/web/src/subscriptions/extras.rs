//! What was agreed with a customer beside the price book: coupons, prices, a term, steps to come.

use billing::subscription::{
    AgreedPrice, Agreement, COMP, Change, Discount, Off, Scheduled, Subscription, Term,
};
use catalog::{Book, version::Version};
use identity::permission::may;
use kernel::Currency;
use maud::{Markup, html};

use super::{Head, items};
use crate::{gate::Desk, show, ui};

/// Everything of it, beside the page of a subscription.
pub(super) fn section(desk: &Desk, head: &Head) -> Markup {
    let subscription = &head.subscription;
    let running: Vec<&Discount> = subscription.discounts.iter().filter(|one| one.left != Some(0)).collect();
    let may_change = desk.may::<may::SubscriptionWrite>() && !subscription.is_over();
    let label = if may_change { "Redeem or take away" } else { "All of them" };
    let path = desk.at(&format!("/subscriptions/{}/coupons", subscription.id));
    let link = html! { a href=(path) { (label) } };
    html! {
        @if may_change || !subscription.discounts.is_empty() {
            (ui::section("Coupons", link, html! {
                @if running.is_empty() { p { "None." } } @else {
                    ul class="changes" {
                        @for one in running { li { (one.name) ": " (taken_off(one, subscription.currency)) } }
                    }
                }
            }))
        }
        @if !subscription.agreement.is_empty() || subscription.term.is_some() {
            (ui::section("Agreed with this customer", html! {}, agreed(subscription, &head.version)))
        }
        @if !subscription.scheduled.is_empty() {
            (ui::section("What changes later", html! {}, steps(&subscription.scheduled, subscription, &head.version)))
        }
    }
}

/// `20 % of Starter and Seats, on 2 more invoices, before 1 Feb 2027`.
pub(super) fn taken_off(one: &Discount, currency: Currency) -> String {
    let what = match one.reduction {
        Off::Percent(_) if one.key == COMP => "everything costs nothing".to_owned(),
        Off::Percent(rate) => format!("{rate} %"),
        Off::Amount(amount) => show::unit_price(amount, currency),
        Off::FreeMonths => "free".to_owned(),
    };
    let of = one.applies_to.as_ref().map(|keys| {
        let keys: Vec<String> = keys.iter().map(|key| show::sentence(key)).collect();
        format!(" of {}", keys.join(" and "))
    });
    let minimum = one.minimum.map(|least| format!(", from {} on", show::unit_price(least, currency)));
    let until = one.until.map(|until| format!(", before {}", show::date(until)));
    format!(
        "{what}{}{}{}{}",
        of.unwrap_or_default(),
        minimum.unwrap_or_default(),
        left(one),
        until.unwrap_or_default()
    )
}

/// `, on 2 more invoices`, `, used up`.
fn left(one: &Discount) -> String {
    match (one.left, &one.reduction) {
        (None, _) if one.until.is_some() => String::new(),
        (None, _) => ", for ever".to_owned(),
        (Some(0), _) => ", used up".to_owned(),
        (Some(count), Off::FreeMonths) => format!(", {} left", show::count(count, "month")),
        (Some(count), _) => format!(", on {}", show::count(count, "more invoice")),
    }
}

fn agreed(subscription: &Subscription, version: &Version) -> Markup {
    let Agreement { prices, minimum } = &subscription.agreement;
    let currency = subscription.currency;
    html! {
        ul class="changes" {
            @for (key, price) in prices {
                li { (named(&version.book, subscription, key)) ": " (figures(price, currency)) }
            }
            @if let Some(minimum) = minimum {
                li { "A period comes to " (show::unit_price(*minimum, currency)) " at least" }
            }
            @if let Some(term) = &subscription.term { li { (of_term(term)) } }
        }
    }
}

/// `A term of 12 months, until 1 Feb 2027, then another one`.
pub(super) fn of_term(term: &Term) -> String {
    let then = if term.renews { "then another one" } else { "then it expires" };
    format!("A term of {}, until {}, {then}", show::count(term.months, "month"), show::date(term.ends))
}

/// `USD 79.00`, `1.5 %`, or both.
pub(super) fn figures(price: &AgreedPrice, currency: Currency) -> String {
    let amount = price.amount.map(|amount| show::unit_price(amount, currency));
    let percent = price.percent.map(|percent| format!("{percent} %"));
    amount.into_iter().chain(percent).collect::<Vec<_>>().join(" and ")
}

/// What a key of a plan, add-on or usage price is called.
fn named(book: &Book, subscription: &Subscription, key: &str) -> String {
    let plan = book.plan(subscription.plan());
    let usage = plan.and_then(|plan| plan.usage.iter().find(|usage| usage.key == key));
    let name = usage.map(|usage| &usage.name).or_else(|| book.plan(key).map(|plan| &plan.name));
    let name = name.or_else(|| book.addon(key).map(|addon| &addon.name));
    name.cloned().unwrap_or_else(|| show::sentence(key))
}

/// Steps of a ramp and what was scheduled, soonest first.
pub(super) fn steps(steps: &[Scheduled], subscription: &Subscription, version: &Version) -> Markup {
    html! {
        ul class="changes" {
            @for step in steps {
                li { "From " (show::date(step.on)) ": " (step_text(&step.change, subscription, version)) }
            }
        }
    }
}

/// What a change asks for, with the prices it agrees.
pub(super) fn step_text(change: &Change, subscription: &Subscription, version: &Version) -> String {
    let mut parts = vec![items::asked(change, subscription, Some(version))];
    let prices = change.prices.iter().map(|(key, price)| {
        format!("{} at {}", named(&version.book, subscription, key), figures(price, subscription.currency))
    });
    parts.extend(prices);
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
