//! How subscriptions to a book are billed: its knobs.

use std::fmt;

use jiff::SignedDuration;
use kernel::{Currency, ProrationUnit, UnitPrice};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::price::is_default;

/// The knobs of billing (domain rules §4–6); the defaults are the rules' own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    /// Where periods begin.
    pub anchor: Anchor,
    /// The unit in which a part of a period is measured.
    pub proration: ProrationUnit,
    /// Whose the day of a change is.
    pub change_day: ChangeDay,
    /// Whether the day of a cancellation is paid for.
    pub cancellation_day: CancellationDay,
    /// What a change of the billing cycle does to the period.
    pub cycle_change: CycleChange,
    /// What a minimum is in a period shorter than its own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub minimums: Minimums,
    /// What a change of the plan does to the period.
    #[serde(default, skip_serializing_if = "is_default")]
    pub plan_change: PlanChange,
    /// What a cancellation gives back.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancellation_credit: CancellationCredit,
    /// What goes onto one invoice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub invoices: Invoices,
    /// What becomes of an invoice over nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub zero_invoices: ZeroInvoices,
    /// What a book's lines are to the tax rules where nothing else is said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tax: TaxCategory,
    /// Over what tax is rounded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tax_rounding: TaxRounding,
    /// How late an event may come.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late_window: LateWindow,
    /// Whether usage during a trial is billed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trial_usage: TrialUsage,
    /// How long after its end a period waits for late figures before its usage is billed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub usage_grace: UsageGrace,
    /// What customers may change on their own page.
    #[serde(default, skip_serializing_if = "is_default")]
    pub customer_changes: CustomerChanges,
    /// Which invoices are over so little that they wait for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry_over: Option<CarryOver>,
}

/// Invoices of a bill run that are over so little that what they bill waits for the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarryOver {
    /// Those that come to less than this, tax included: an amount for each currency, in major units.
    pub below: Vec<(Currency, UnitPrice)>,
    /// At most so many times in a row, 1–24.
    pub periods: u16,
}

impl Default for Billing {
    fn default() -> Self {
        Self {
            anchor: Anchor::Anniversary,
            proration: ProrationUnit::Day,
            change_day: ChangeDay::New,
            cancellation_day: CancellationDay::Billed,
            cycle_change: CycleChange::Restart,
            minimums: Minimums::default(),
            plan_change: PlanChange::default(),
            cancellation_credit: CancellationCredit::default(),
            invoices: Invoices::default(),
            zero_invoices: ZeroInvoices::default(),
            tax: TaxCategory::default(),
            tax_rounding: TaxRounding::default(),
            late_window: LateWindow::default(),
            trial_usage: TrialUsage::default(),
            usage_grace: UsageGrace::default(),
            customer_changes: CustomerChanges::default(),
            carry_over: None,
        }
    }
}

/// Where periods begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// On the day of the month the subscription started.
    Anniversary,
    /// On the 1st of the month (quarter, year), or on a Monday.
    Calendar,
}

/// Whose the day of a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeDay {
    /// The new state's.
    New,
    /// The old state's: the new one counts from the next day.
    Old,
}

/// Whether the day of a cancellation is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancellationDay {
    /// It is.
    Billed,
    /// It is not.
    Free,
}

/// What a change of the billing cycle does to the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleChange {
    /// A new period and anchor start with the change.
    Restart,
    /// The anchor stays.
    Keep,
}

/// What a minimum is in a period shorter than its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Minimums {
    /// The whole of it.
    #[default]
    Whole,
    /// The part of it that the period is.
    Prorated,
}

/// What a change of the plan does to the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanChange {
    /// The period goes on: what is not used of the old plan is credited, the rest of the new one charged.
    #[default]
    Prorate,
    /// A new period and anchor start with the change and are charged whole; nothing is credited for the old plan.
    Reset,
}

/// What a cancellation before the end of a paid period gives back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancellationCredit {
    /// The part of the period that is not used.
    #[default]
    Unused,
    /// Nothing.
    None,
}

/// What goes onto one invoice of a bill run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invoices {
    /// All that falls due for a customer on a local date, by legal entity and currency.
    #[default]
    Consolidated,
    /// What falls due for one subscription.
    PerSubscription,
}

/// What becomes of an invoice whose lines come to nothing, also before discounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZeroInvoices {
    /// It is issued like any other.
    #[default]
    Issue,
    /// There is none.
    Skip,
}

/// Over what tax is added up exactly before it is rounded, once, to the minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxRounding {
    /// The lines of one tax category and rate, as EN 16931 has it.
    #[default]
    Category,
    /// All lines of the document.
    Document,
    /// Each line on its own.
    Line,
}

/// Whether usage during a trial is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialUsage {
    /// It is metered, and nothing is charged.
    #[default]
    Free,
    /// It is charged like usage of a paid period.
    Billed,
}

/// What something sold is to the tax rules: a key such as `standard`, `reduced` or `books`, to which the tax rules
/// give rates. `standard` unless the book says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaxCategory(pub(super) String);

impl TaxCategory {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TaxCategory {
    fn default() -> Self {
        Self("standard".to_owned())
    }
}

impl fmt::Display for TaxCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What customers may change of their subscriptions on their own page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerChanges {
    /// The plan, how often it is billed, quantities and add-ons.
    #[default]
    Plans,
    /// Quantities and add-ons.
    Quantities,
    /// Nothing: the page only shows.
    None,
}

/// How long after the instant it happened an event may still come in; an older one is refused unless staff send it
/// as a backfill (domain rules §5). In JSON `"90 days"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateWindow {
    days: u16,
}

impl LateWindow {
    /// The longest there can be, in days.
    pub const MAX_DAYS: u16 = 3650;

    /// Days of 24 hours, 1–3650.
    pub const fn days(self) -> u16 {
        self.days
    }

    /// `1 day`, `90 days`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let days = match text {
            "1 day" => 1,
            _ => text.strip_suffix(" days")?.parse().ok()?,
        };
        let window = Some(Self { days }).filter(|_| (1..=Self::MAX_DAYS).contains(&days));
        // One spelling: no sign, no zeros in front.
        window.filter(|window| window.to_string() == text)
    }
}

impl Default for LateWindow {
    fn default() -> Self {
        Self { days: 90 }
    }
}

impl fmt::Display for LateWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.days == 1 { "" } else { "s" };
        write!(f, "{} day{plural}", self.days)
    }
}

impl Serialize for LateWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LateWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no number of days"))
    }
}

/// How long after the end of a period its usage is billed, so that late figures still come in (domain rules §6). In
/// JSON `"none"`, `"12 hours"` or `"2 days"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageGrace {
    hours: u16,
}

impl UsageGrace {
    /// The longest there can be, in days.
    pub const MAX_DAYS: u16 = 28;

    /// Whether usage is billed when its period ends.
    pub const fn is_none(self) -> bool {
        self.hours == 0
    }

    /// The time itself; days have 24 hours.
    pub const fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(self.hours as i64)
    }

    /// `none`, `1 hour`, `36 hours`, `2 days`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (count, unit) = match text {
            "none" => return Some(Self::default()),
            text => text.split_once(' ')?,
        };
        let count: u16 = count.parse().ok()?;
        let hours = match unit {
            "hour" | "hours" => count,
            "day" | "days" => count.checked_mul(24)?,
            _ => return None,
        };
        let grace = Some(Self { hours }).filter(|_| (1..=Self::MAX_DAYS * 24).contains(&hours));
        // One spelling of a count: no sign, no zeros in front, and the plural of several.
        let plural = if count == 1 { "" } else { "s" };
        grace.filter(|_| text == format!("{count} {}{plural}", unit.trim_end_matches('s')))
    }
}

impl fmt::Display for UsageGrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.hours {
            0 => return f.write_str("none"),
            hours if hours % 24 == 0 => (hours / 24, "day"),
            hours => (hours, "hour"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

impl Serialize for UsageGrace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UsageGrace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no time of grace"))
    }
}
