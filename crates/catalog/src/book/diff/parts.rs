//! What is compared in each part of a book.

use kernel::{Currency, Exact, UnitPrice};

use super::{
    super::{
        advice::{Advice, Prompts, Team, Trigger},
        billing::{Billing, CarryOver},
        cancellation::{Cancellation, CancellationReason, WinBack},
        coupon::{Coupon, Discount},
        meter::{Limit, LimitPolicy, LimitScope, Meter, Window},
        model::{Addon, Feature, FeatureKind, Included, Plan},
        price_text::money,
        threshold::Thresholds,
        trial::{Trial, WithoutMethod},
    },
    Changes,
};

pub(super) fn billing(changes: &mut Changes, old: &Billing, new: &Billing) {
    changes.at("billing", "billing");
    changes.setting("anchor", &old.anchor, &new.anchor);
    changes.setting("proration", &old.proration, &new.proration);
    changes.setting("change day", &old.change_day, &new.change_day);
    changes.setting("cancellation day", &old.cancellation_day, &new.cancellation_day);
    changes.setting("cycle change", &old.cycle_change, &new.cycle_change);
    changes.setting("minimums", &old.minimums, &new.minimums);
    changes.setting("plan change", &old.plan_change, &new.plan_change);
    changes.setting("cancellation credit", &old.cancellation_credit, &new.cancellation_credit);
    changes.setting("invoices", &old.invoices, &new.invoices);
    changes.setting("zero invoices", &old.zero_invoices, &new.zero_invoices);
    changes.value("tax", &old.tax, &new.tax);
    changes.setting("tax rounding", &old.tax_rounding, &new.tax_rounding);
    changes.value("late window", &old.late_window, &new.late_window);
    changes.setting("trial usage", &old.trial_usage, &new.trial_usage);
    changes.setting("usage grace", &old.usage_grace, &new.usage_grace);
    let carry = |billing: &Billing| match &billing.carry_over {
        None => "nothing".to_owned(),
        Some(CarryOver { below, periods }) => {
            format!("below {}, at most {periods} times", amounts_text(below).unwrap_or_default())
        }
    };
    changes.value("carries over", &carry(old), &carry(new));
    changes.setting("what customers change themselves", &old.customer_changes, &new.customer_changes);
}

pub(super) fn trial(changes: &mut Changes, old: Option<&Trial>, new: Option<&Trial>) {
    changes.at("trial", "trial");
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return changes.say(format_args!("added, {} days", new.days)),
        (Some(_), None) => return changes.say("removed"),
        (None, None) => return,
    };
    let plan = |trial: &Trial| trial.plan.clone().unwrap_or_else(|| "the one chosen".into());
    changes.value("days", &old.days, &new.days);
    changes.value("plan", &plan(old), &plan(new));
    changes.value("card required", &old.card_required, &new.card_required);
    changes.value("keep anchor", &old.keep_anchor, &new.keep_anchor);
    changes.value("starts at sign-up", &old.at_sign_up, &new.at_sign_up);
    changes.setting("once per", &old.once_per, &new.once_per);
    changes.setting("reminders", &old.reminders, &new.reminders);
    changes.setting("follow-ups", &old.follow_ups, &new.follow_ups);
    changes.setting("at the end with a payment method", &old.with_method, &new.with_method);
    changes.value("at the end without a payment method", &without(&old.without), &without(&new.without));
}

pub(super) fn cancellation(changes: &mut Changes, old: &Cancellation, new: &Cancellation) {
    changes.at("cancellation", "cancellation");
    changes.setting("reason", &old.reason, &new.reason);
    let win_back = |cancellation: &Cancellation| match &cancellation.win_back {
        None => "none".to_owned(),
        Some(WinBack { coupon, days }) => format!("coupon {coupon} up to {days} days after the end"),
    };
    changes.value("win-back", &win_back(old), &win_back(new));
    changes.entries("reason", &old.reasons, &new.reasons, |changes, old, new| {
        let offer = |reason: &CancellationReason| match &reason.offer {
            None => "nothing".to_owned(),
            Some(coupon) => format!("coupon {coupon}"),
        };
        changes.value("offers", &offer(old), &offer(new));
    });
}

pub(super) fn advice(changes: &mut Changes, old: &Advice, new: &Advice) {
    changes.at("advice", "advice");
    let team = |advice: &Advice| match &advice.team {
        None => "none".to_owned(),
        Some(Team { plan, from, seats, .. }) => {
            let seats = seats.as_deref().map(|seats| format!(", seats by {seats}")).unwrap_or_default();
            format!("plan {plan} from {from} on{seats}")
        }
    };
    changes.value("team", &team(old), &team(new));
    let public =
        |advice: &Advice| advice.team.as_ref().map(|team| team.public_mail.clone()).unwrap_or_default();
    changes.set("public mail", &public(old), &public(new));
    changes.value("periods", &old.periods, &new.periods);
    changes.value("saves (%)", &old.saves, &new.saves);
    changes.setting("features", &old.features, &new.features);
    changes.value("near (%)", &old.near, &new.near);
}

pub(super) fn prompts(changes: &mut Changes, old: &Prompts, new: &Prompts) {
    changes.at("prompts", "prompts");
    for trigger in Trigger::ALL {
        let text = |prompts: &Prompts| {
            prompts.text(trigger).map_or_else(|| "nothing".into(), |text| format!("\"{text}\""))
        };
        changes.value(trigger.word(), &text(old), &text(new));
    }
}

fn without(method: &WithoutMethod) -> String {
    match method {
        WithoutMethod::Suspend => "suspend".into(),
        WithoutMethod::Cancel => "cancel".into(),
        WithoutMethod::Downgrade { plan } => format!("downgrade to {plan}"),
    }
}

pub(super) fn feature(changes: &mut Changes, old: &Feature, new: &Feature) {
    let kind = |feature: &Feature| match &feature.kind {
        FeatureKind::Boolean => "yes or no".to_owned(),
        FeatureKind::Limit { unit } => format!("limit per {unit}"),
        FeatureKind::Value => "value".to_owned(),
    };
    changes.value("kind", &kind(old), &kind(new));
}

pub(super) fn plan(changes: &mut Changes, old: &Plan, new: &Plan) {
    changes.prices("price", &old.prices, &new.prices);
    changes.value("negotiated", &old.negotiated, &new.negotiated);
    changes.prices("minimum", &old.minimum, &new.minimum);
    changes.map(&old.includes, &new.includes, |included| match included {
        Included::UpTo(amount) => amount.to_string(),
        Included::Unlimited => "unlimited".into(),
        Included::Value(text) => format!("\"{text}\""),
    });
    changes.set("feature", &old.features, &new.features);
    changes.map(&old.limits, &new.limits, limit_text);
    let rate = |plan: &Plan| plan.rate_limit.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
    changes.value("rate limit", &rate(old), &rate(new));
    changes.usage(&old.usage, &new.usage);
    changes.tax("tax", old.tax.as_ref(), new.tax.as_ref());
    changes.value("thresholds", &thresholds(&old.thresholds), &thresholds(&new.thresholds));
}

/// "USD 200, USD 500, then every USD 1000".
fn thresholds(list: &[Thresholds]) -> String {
    let one = |thresholds: &Thresholds| {
        let money = |amount| money(amount, thresholds.currency);
        let at: Vec<String> = thresholds.at.iter().copied().map(money).collect();
        let every = thresholds.every.map(|every| format!("every {}", money(every)));
        let then = if at.is_empty() { "" } else { ", then " };
        at.join(", ") + &every.map(|every| format!("{then}{every}")).unwrap_or_default()
    };
    let texts: Vec<String> = list.iter().map(one).collect();
    if texts.is_empty() { "none".into() } else { texts.join("; ") }
}

fn limit_text(limit: &Limit) -> String {
    let per = limit.per.as_ref().map(|unit| format!(" per {unit}")).unwrap_or_default();
    let policy = match limit.policy {
        LimitPolicy::Hard => "hard",
        LimitPolicy::Soft => "soft",
        LimitPolicy::Warn => "warn",
    };
    let scope = match limit.scope {
        LimitScope::Customer => "",
        LimitScope::User => ", each user",
        LimitScope::Seat => ", each seat",
        LimitScope::Key => ", each API key",
    };
    let window = match limit.window {
        Window::Period => String::new(),
        window => format!(", {window}"),
    };
    let alerts = limit.alerts.as_ref().map(|levels| {
        let levels: Vec<String> = levels.iter().map(|level| format!("{level} %")).collect();
        if levels.is_empty() {
            ", no alerts".to_owned()
        } else {
            format!(", alerts at {}", levels.join(", "))
        }
    });
    format!("{}{per} ({policy}{scope}{window}{})", limit.amount, alerts.unwrap_or_default())
}

pub(super) fn meter(changes: &mut Changes, old: &Meter, new: &Meter) {
    let property = |meter: &Meter| meter.property.clone().unwrap_or_else(|| "value".into());
    changes.value("unit", &old.unit, &new.unit);
    changes.setting("aggregation", &old.aggregation, &new.aggregation);
    if old.property != new.property {
        changes.say(format_args!("property {} → {}", property(old), property(new)));
    }
    changes.value("decimals", &old.decimals, &new.decimals);
    changes.setting("dimensions", &old.dimensions, &new.dimensions);
    let bound = |bound: &Option<Exact>| bound.as_ref().map_or_else(|| "none".into(), ToString::to_string);
    changes.value("least value of an event", &bound(&old.min), &bound(&new.min));
    changes.value("greatest value of an event", &bound(&old.max), &bound(&new.max));
    let jump = |meter: &Meter| meter.jump.as_ref().map_or_else(|| "nothing".into(), ToString::to_string);
    changes.value("told of as a jump:", &jump(old), &jump(new));
    let kept = |meter: &Meter| if meter.critical { "in double entry" } else { "in single entry" };
    changes.value("kept", kept(old), kept(new));
}

pub(super) fn coupon(changes: &mut Changes, old: &Coupon, new: &Coupon) {
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.into());
    let count = |coupon: &Coupon| or(coupon.redemptions.map(|count| count.to_string()), "any number");
    let starts = |coupon: &Coupon| or(coupon.starts.map(|date| date.to_string()), "at once");
    let expires = |coupon: &Coupon| or(coupon.expires.map(|date| date.to_string()), "never");
    let minimum = |coupon: &Coupon| or(amounts_text(&coupon.minimum), "any amount");
    let scope = |coupon: &Coupon| {
        let keys = coupon.applies_to.as_ref().map(|keys| keys.iter().map(String::as_str).collect::<Vec<_>>());
        or(keys.map(|keys| keys.join(", ")), "everything")
    };
    changes.value("code", &or(old.code.clone(), "none"), &or(new.code.clone(), "none"));
    changes.value("discount", &discount_text(&old.discount), &discount_text(&new.discount));
    changes.value("lasts", &old.lasts, &new.lasts);
    changes.value("applies to", &scope(old), &scope(new));
    changes.value("redemptions", &count(old), &count(new));
    changes.value("redemptions per customer", &old.per_customer, &new.per_customer);
    changes.value("new customers only", &old.new_customers_only, &new.new_customers_only);
    changes.value("minimum", &minimum(old), &minimum(new));
    changes.value("starts", &starts(old), &starts(new));
    changes.value("expires", &expires(old), &expires(new));
    changes.value("stacks", &old.stacks, &new.stacks);
}

/// "USD 50, EUR 45"; nothing when there is no amount.
fn amounts_text(amounts: &[(Currency, UnitPrice)]) -> Option<String> {
    let texts: Vec<String> = amounts.iter().map(|(currency, amount)| money(*amount, *currency)).collect();
    Some(texts.join(", ")).filter(|text| !text.is_empty())
}

fn discount_text(discount: &Discount) -> String {
    match discount {
        Discount::Percent { rate } => format!("{rate} %"),
        Discount::Amount { amounts } => amounts_text(amounts).unwrap_or_default(),
        Discount::FreeMonths { months } => format!("{months} months free"),
    }
}

pub(super) fn addon(changes: &mut Changes, old: &Addon, new: &Addon) {
    changes.prices("price", &old.prices, &new.prices);
    changes.map(&old.raises, &new.raises, |amount| format!("raised by {amount}"));
    changes.set("feature", &old.features, &new.features);
    let plans = |addon: &Addon| match &addon.plans {
        Some(plans) => plans.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        None => "every plan".into(),
    };
    changes.value("sold with", &plans(old), &plans(new));
    changes.tax("tax", old.tax.as_ref(), new.tax.as_ref());
}
