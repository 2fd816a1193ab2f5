//! `[trial]`.

use std::collections::BTreeSet;

use super::{
    super::trial::{OncePer, Sameness, Trial, WithMethod, WithoutMethod},
    plans::Plans,
    report::{Report, short},
    section::{Item, Section},
    settings::Knobs,
    value,
};

/// Longest trial, and earliest reminder before its end, in days.
const MAX_TRIAL_DAYS: u64 = 365;
/// Days before a trial's end on which a customer is reminded, unless the book says otherwise.
const REMINDERS: [u16; 3] = [7, 3, 1];

/// `[trial]`. None when there is none, or when its length is missing.
pub(super) fn read(item: Option<&Item<'_>>, plans: &Plans, report: &mut Report) -> Option<Trial> {
    let item = item?;
    let mut section = Section::open("[trial]", item.span(), item, report)?;
    let days = section.required("days", report);
    let days = days.and_then(|item| value::whole(item, "`days`", 1..=MAX_TRIAL_DAYS, report));
    let plan = section.optional("plan").and_then(|item| plan_key(item, plans, report));
    let reminders = section.optional("reminders").map(|item| days_of(item, "reminder", "before", report));
    let follow_ups = section.optional("follow_ups").map(|item| days_of(item, "follow-up", "after", report));
    let mut knobs = Knobs { section: &mut section, report };
    let card_required = knobs.switch("card_required");
    let keep_anchor = knobs.switch("keep_anchor");
    let at_sign_up = knobs.switch("at_sign_up");
    let once_per = section.optional("once_per").and_then(|item| once_per(item, report));
    let at_end = section.optional("at_end");
    if let Some(span) = section.key_span("at_sign_up").filter(|_| at_sign_up) {
        let wrong = match (&plan, card_required) {
            (None, _) => Some(("which plan a trial at sign-up is of is not said", "add `plan`")),
            (_, true) => {
                Some(("a trial at sign-up cannot ask for a card first", "leave out `card_required`"))
            }
            _ => None,
        };
        if let Some((message, hint)) = wrong {
            report.add_hint(span, message, hint);
        }
    }
    section.close(report);
    let (with_method, without) = ending(at_end, plans, report);
    if let (Some(item), WithoutMethod::Downgrade { plan: to }) = (at_end, &without) {
        check_fallback(item, plan.as_deref(), to, plans, report);
    }
    Some(Trial {
        plan,
        days: days.and_then(|days| u16::try_from(days).ok())?,
        card_required,
        keep_anchor,
        reminders: reminders.unwrap_or_else(|| REMINDERS.to_vec()),
        follow_ups: follow_ups.map(|days| days.into_iter().rev().collect()).unwrap_or_default(),
        with_method,
        without,
        once_per: once_per.unwrap_or_default(),
        at_sign_up,
    })
}

fn plan_key(item: &Item<'_>, plans: &Plans, report: &mut Report) -> Option<String> {
    let key = value::text(item, "`plan`", report)?;
    plans.find(key, item, report).map(|plan| plan.key.clone())
}

/// `reminders = [7, 3, 1]` and `follow_ups = [5]`, the most days first.
fn days_of(item: &Item<'_>, what: &str, side: &str, report: &mut Report) -> Vec<u16> {
    let mut all = Vec::new();
    for item in value::list(item, &format!("`{}s`", what.replace('-', "_")), report) {
        let Some(days) = value::whole(item, &format!("a {what}"), 1..=MAX_TRIAL_DAYS, report) else {
            continue;
        };
        let Ok(days) = u16::try_from(days) else { continue };
        if all.contains(&days) {
            report.add(item.span(), format!("the {what} {days} days {side} the end is listed twice"));
        }
        all.push(days);
    }
    all.sort_unstable_by(|a, b| b.cmp(a));
    all
}

/// `once_per = ["customer", "email"]`.
fn once_per(item: &Item<'_>, report: &mut Report) -> Option<OncePer> {
    let mut all = BTreeSet::new();
    for item in value::list(item, "`once_per`", report) {
        let same = value::choice(item, "`once_per`", &Sameness::ALL, report);
        if same.is_some_and(|same| !all.insert(same)) {
            report.add(item.span(), "it is listed twice");
        }
    }
    Some(OncePer(all))
}

fn ending(item: Option<&Item<'_>>, plans: &Plans, report: &mut Report) -> (WithMethod, WithoutMethod) {
    let mut with_method = WithMethod::Convert;
    let mut without = WithoutMethod::Suspend;
    let section = item.and_then(|item| Section::open("`at_end`", item.span(), item, report));
    let Some(mut section) = section else { return (with_method, without) };
    let choices = [("convert", WithMethod::Convert)];
    Knobs { section: &mut section, report }.choose("with_method", &choices, &mut with_method);
    if let Some(item) = section.optional("without") {
        without = without_method(item, plans, report).unwrap_or(without);
    }
    section.close(report);
    (with_method, without)
}

/// The plan that trials go on with is sold in each currency that one can try in: who pays in another would be stuck.
fn check_fallback(item: &Item<'_>, tried: Option<&str>, to: &str, plans: &Plans, report: &mut Report) {
    let Some(fallback) = plans.iter().find(|plan| plan.key == to) else { return };
    let sold = fallback.currencies();
    let tried = plans.iter().filter(|plan| plan.key != to && tried.is_none_or(|tried| tried == plan.key));
    let missing = tried.flat_map(|plan| plan.currencies().into_iter().map(move |currency| (plan, currency)));
    let mut missing = missing.filter(|(_, currency)| !sold.is_empty() && !sold.contains(currency));
    if let Some((plan, currency)) = missing.next() {
        let message = format!(
            "plan `{}` has no price in {currency}, in which `{}` can be tried",
            short(to),
            short(&plan.key)
        );
        report.add_hint(item.span(), message, "give it one, or let the trial end in another way");
    }
}

fn without_method(item: &Item<'_>, plans: &Plans, report: &mut Report) -> Option<WithoutMethod> {
    let word = value::text(item, "`without`", report)?;
    if let Some(plan) = word.strip_prefix("downgrade:") {
        let plan = plans.find(plan.trim_start(), item, report)?.key.clone();
        return Some(WithoutMethod::Downgrade { plan });
    }
    match word {
        "suspend" => Some(WithoutMethod::Suspend),
        "cancel" => Some(WithoutMethod::Cancel),
        _ => {
            let message = format!(
                "`{}` is not a choice: \"suspend\", \"cancel\", \"downgrade:\" and a plan",
                short(word)
            );
            report.add_unknown(item.span(), message, word, ["suspend", "cancel", "downgrade"]);
            None
        }
    }
}
