//! `[billing]`, and what a line is to the tax rules.

use kernel::{MonthDays, ProrationUnit};

use super::{
    super::billing::{
        Anchor, Billing, CancellationCredit, CancellationDay, CarryOver, ChangeDay, CustomerChanges,
        CycleChange, Invoices, LateWindow, Minimums, PlanChange, TaxCategory, TaxRounding, TrialUsage,
        UsageGrace, ZeroInvoices,
    },
    BookCurrency,
    amount::Amounts,
    report::{Report, short},
    section::{Item, Section, is_key},
    settings::Knobs,
    value,
};

/// Most times in a row that an invoice is carried over.
const MAX_CARRIED: u64 = 24;

const UNITS: [(&str, ProrationUnit); 4] = [
    ("day", ProrationUnit::Day),
    ("second", ProrationUnit::Second),
    ("thirty_day_month", ProrationUnit::THIRTY_DAY_MONTH),
    ("none", ProrationUnit::None),
];

/// Read `[billing]`.
pub(super) fn read(item: Option<&Item<'_>>, currency: BookCurrency, report: &mut Report) -> Billing {
    let mut billing = Billing::default();
    let Some(item) = item else { return billing };
    let Some(mut section) = Section::open("[billing]", item.span(), item, report) else { return billing };
    let proration = section.optional("proration");
    let tax = section.optional("tax");
    let late_window = section.optional("late_window");
    let usage_grace = section.optional("usage_grace");
    let carry_over = section.optional("carry_over");
    choices(&mut Knobs { section: &mut section, report }, &mut billing);
    check_reset(&section, &billing, report);
    section.close(report);
    billing.proration = proration.and_then(|item| unit(item, report)).unwrap_or(billing.proration);
    billing.tax = tax.and_then(|item| category(item, report)).unwrap_or(billing.tax);
    let window = late_window.and_then(|item| window(item, report));
    billing.late_window = window.unwrap_or(billing.late_window);
    billing.carry_over = carry_over.and_then(|item| carry(item, currency, report));
    billing.usage_grace = usage_grace.and_then(|item| grace(item, report)).unwrap_or(billing.usage_grace);
    billing
}

/// The knobs that are one word of a few.
fn choices(knob: &mut Knobs<'_, '_, '_>, billing: &mut Billing) {
    let anchors = [("anniversary", Anchor::Anniversary), ("calendar", Anchor::Calendar)];
    let change_days = [("new", ChangeDay::New), ("old", ChangeDay::Old)];
    let cancellation_days = [("billed", CancellationDay::Billed), ("free", CancellationDay::Free)];
    let credits = [("unused", CancellationCredit::Unused), ("none", CancellationCredit::None)];
    let cycle_changes = [("restart", CycleChange::Restart), ("keep", CycleChange::Keep)];
    let plan_changes = [("prorate", PlanChange::Prorate), ("reset", PlanChange::Reset)];
    let minimums = [("whole", Minimums::Whole), ("prorated", Minimums::Prorated)];
    let invoices =
        [("consolidated", Invoices::Consolidated), ("per_subscription", Invoices::PerSubscription)];
    let zero_invoices = [("issue", ZeroInvoices::Issue), ("skip", ZeroInvoices::Skip)];
    let roundings = [
        ("category", TaxRounding::Category),
        ("document", TaxRounding::Document),
        ("line", TaxRounding::Line),
    ];
    let trial_usage = [("free", TrialUsage::Free), ("billed", TrialUsage::Billed)];
    let customer_changes = [
        ("plans", CustomerChanges::Plans),
        ("quantities", CustomerChanges::Quantities),
        ("none", CustomerChanges::None),
    ];
    knob.choose("customer_changes", &customer_changes, &mut billing.customer_changes);
    knob.choose("anchor", &anchors, &mut billing.anchor);
    knob.choose("change_day", &change_days, &mut billing.change_day);
    knob.choose("cancellation_day", &cancellation_days, &mut billing.cancellation_day);
    knob.choose("cancellation_credit", &credits, &mut billing.cancellation_credit);
    knob.choose("cycle_change", &cycle_changes, &mut billing.cycle_change);
    knob.choose("plan_change", &plan_changes, &mut billing.plan_change);
    knob.choose("minimums", &minimums, &mut billing.minimums);
    knob.choose("invoices", &invoices, &mut billing.invoices);
    knob.choose("zero_invoices", &zero_invoices, &mut billing.zero_invoices);
    knob.choose("tax_rounding", &roundings, &mut billing.tax_rounding);
    knob.choose("trial_usage", &trial_usage, &mut billing.trial_usage);
}

/// Periods that begin on the 1st cannot begin anew on the day of a change.
fn check_reset(section: &Section<'_>, billing: &Billing, report: &mut Report) {
    let span = section.key_span("plan_change");
    if let (Some(span), PlanChange::Reset, Anchor::Calendar) = (span, billing.plan_change, billing.anchor) {
        let message = "a change of the plan cannot begin a new period where periods begin with the calendar";
        report.add_hint(span, message, "leave out `plan_change`, or anchor = \"calendar\"");
    }
}

/// `proration`: a word, or how many days all months have.
fn unit(item: &Item<'_>, report: &mut Report) -> Option<ProrationUnit> {
    if !item.get_ref().is_table() {
        return value::choice(item, "`proration`", &UNITS, report);
    }
    let mut section = Section::open("`proration`", item.span(), item, report)?;
    let days = section.required("days_in_month", report);
    section.close(report);
    let range = u64::from(MonthDays::LEAST)..=u64::from(MonthDays::MOST);
    let days = value::whole(days?, "`days_in_month`", range, report)?;
    u8::try_from(days).ok().and_then(MonthDays::new).map(ProrationUnit::FixedMonth)
}

/// `late_window = "90 days"`.
fn window(item: &Item<'_>, report: &mut Report) -> Option<LateWindow> {
    let text = value::text(item, "`late_window`", report)?;
    let window = LateWindow::parse(text);
    if window.is_none() {
        let hint = format!("write so many days, from 1 to {}, such as \"90 days\"", LateWindow::MAX_DAYS);
        report.add_hint(item.span(), format!("`{}` is not a time", short(text)), hint);
    }
    window
}

/// `usage_grace = "2 days"`.
fn grace(item: &Item<'_>, report: &mut Report) -> Option<UsageGrace> {
    let text = value::text(item, "`usage_grace`", report)?;
    let grace = UsageGrace::parse(text);
    if grace.is_none() {
        let most = UsageGrace::MAX_DAYS;
        let hint = format!("write \"none\", or so many hours or days up to {most} days, such as \"2 days\"");
        report.add_hint(item.span(), format!("`{}` is not a time", short(text)), hint);
    }
    grace
}

/// `carry_over = { below = "5", periods = 3 }`.
fn carry(item: &Item<'_>, book: BookCurrency, report: &mut Report) -> Option<CarryOver> {
    let mut section = Section::open("`carry_over`", item.span(), item, report)?;
    let below = section.required("below", report);
    let periods = section.required("periods", report);
    section.close(report);
    let (below, book) = (below?, book?);
    let amounts = Amounts::read(below, report);
    let periods = periods.and_then(|item| value::whole(item, "`periods`", 1..=MAX_CARRIED, report));
    let amounts = amounts?;
    let currencies = Amounts::currencies([&amounts], book);
    if currencies.is_empty() {
        report.add_hint(below.span(), "what is carried over is above 0", "leave `carry_over` out");
    }
    let each = |currency| Some((currency, amounts.get(currency, book, report)?));
    let below: Vec<_> = currencies.into_iter().filter_map(each).collect();
    Some(CarryOver { below, periods: u16::try_from(periods?).ok()? })
}

/// `tax = "reduced"`.
pub(super) fn category(item: &Item<'_>, report: &mut Report) -> Option<TaxCategory> {
    let key = value::text(item, "`tax`", report)?;
    if !is_key(key) {
        let hint = "use a lower case word, such as \"standard\" or \"reduced\"";
        report.add_hint(item.span(), format!("`{}` is not a tax category", short(key)), hint);
        return None;
    }
    Some(TaxCategory(key.to_owned()))
}
