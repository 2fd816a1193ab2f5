//! The currency, and `[trial]`.

use std::ops::Range;

use kernel::Currency;

use super::{
    super::model::{Trial, WithMethod, WithoutMethod},
    plans::Plans,
    report::{Report, short},
    section::{Item, Section},
    value,
};

/// Longest trial, and earliest reminder before its end, in days.
const MAX_TRIAL_DAYS: u64 = 365;
/// Days before a trial's end on which a customer is reminded, unless the book says otherwise.
const REMINDERS: [u16; 3] = [7, 3, 1];

/// `currency`.
pub(super) fn currency(item: &Item<'_>, report: &mut Report) -> Option<Currency> {
    let code = value::text(item, "`currency`", report)?;
    currency_code(code, item.span(), report)
}

/// A currency by its code; what is none is reported at `span`.
pub(super) fn currency_code(code: &str, span: Range<usize>, report: &mut Report) -> Option<Currency> {
    let currency = Currency::parse(code).ok();
    if currency.is_none() {
        let message = format!("`{}` is not the code of a currency (ISO 4217)", short(code));
        report.add_unknown(span, message, code, Currency::all().map(|known| known.code()));
    }
    currency
}

/// Settings with a default.
pub(super) struct Knobs<'s, 't, 'r> {
    pub section: &'s mut Section<'t>,
    pub report: &'r mut Report,
}

impl Knobs<'_, '_, '_> {
    pub(super) fn choose<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)], setting: &mut T) {
        let Some(item) = self.section.optional(key) else { return };
        *setting = value::choice(item, &format!("`{key}`"), choices, self.report).unwrap_or(*setting);
    }

    fn switch(&mut self, key: &'static str) -> bool {
        let item = self.section.optional(key);
        item.and_then(|item| value::flag(item, &format!("`{key}`"), self.report)).unwrap_or(false)
    }
}

/// `[trial]`. None when there is none, or when its length is missing.
pub(super) fn trial(item: Option<&Item<'_>>, plans: &Plans, report: &mut Report) -> Option<Trial> {
    let item = item?;
    let mut section = Section::open("[trial]", item.span(), item, report)?;
    let days = section.required("days", report);
    let days = days.and_then(|item| value::whole(item, "`days`", 1..=MAX_TRIAL_DAYS, report));
    let plan = section.optional("plan").and_then(|item| plan_key(item, plans, report));
    let reminders = section.optional("reminders").map(|item| reminders(item, report));
    let mut knobs = Knobs { section: &mut section, report };
    let card_required = knobs.switch("card_required");
    let keep_anchor = knobs.switch("keep_anchor");
    let at_end = section.optional("at_end");
    section.close(report);
    let (with_method, without) = ending(at_end, plans, report);
    Some(Trial {
        plan,
        days: days.and_then(|days| u16::try_from(days).ok())?,
        card_required,
        keep_anchor,
        reminders: reminders.unwrap_or_else(|| REMINDERS.to_vec()),
        with_method,
        without,
    })
}

fn plan_key(item: &Item<'_>, plans: &Plans, report: &mut Report) -> Option<String> {
    let key = value::text(item, "`plan`", report)?;
    plans.find(key, item, report).map(|plan| plan.key.clone())
}

fn reminders(item: &Item<'_>, report: &mut Report) -> Vec<u16> {
    let mut reminders = Vec::new();
    for item in value::list(item, "`reminders`", report) {
        let Some(days) = value::whole(item, "a reminder", 1..=MAX_TRIAL_DAYS, report) else { continue };
        let Ok(days) = u16::try_from(days) else { continue };
        if reminders.contains(&days) {
            report.add(item.span(), format!("the reminder {days} days before the end is listed twice"));
        }
        reminders.push(days);
    }
    reminders.sort_unstable_by(|a, b| b.cmp(a));
    reminders
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
