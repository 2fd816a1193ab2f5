//! Which column is which, and which word means what.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Cycle, Error, Result, Zone};
use serde::Deserialize;

use super::field::Field;
use crate::subscription::{BillFrom, State};

/// A mapping file, in TOML; `docs/import.md` tells of every part of it.
///
/// ```toml
/// [customer]                    # our word = the column's name
/// id = "account_id"
/// name = "account_name"
/// country = "country"
///
/// [subscription]
/// id = "subscription_id"
/// customer = "account_id"       # joined with [customer] by its id
/// plan = "plan_tier"
/// start = "start_date"
/// end = "end_date"
///
/// [plans]                       # the file's word = a plan of the price book
/// Basic = "starter"
///
/// [countries]                   # the file's word = the ISO code, where they differ
/// UK = "GB"
///
/// [zones]                       # ISO country = time zone
/// US = "America/New_York"
///
/// [defaults]                    # what holds where the file says nothing
/// cycle = "month"
/// bill_from = "next_period"     # or current_period, start
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub(super) customer: Option<CustomerFields>,
    pub(super) subscription: Option<SubscriptionFields>,
    pub(super) change: Option<ChangeFields>,
    pub(super) addon: Option<AddonFields>,
    #[serde(default)]
    pub(super) plans: BTreeMap<String, PlanWord>,
    #[serde(default)]
    pub(super) addons: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) cycles: BTreeMap<String, Cycle>,
    #[serde(default)]
    pub(super) states: BTreeMap<String, StateWord>,
    #[serde(default)]
    pub(super) events: BTreeMap<String, EventWord>,
    #[serde(default)]
    pub(super) countries: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) zones: BTreeMap<String, Zone>,
    #[serde(default)]
    pub(super) dates: Dates,
    #[serde(default)]
    pub(super) trial: TrialWords,
    pub(super) check: Option<Check>,
    #[serde(default)]
    pub(super) defaults: Defaults,
}

/// Fields of a customer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerFields {
    /// The merchant's own id: what makes a second run load nothing twice.
    pub(super) id: Field,
    pub(super) name: Field,
    pub(super) email: Option<Field>,
    pub(super) address: Option<Field>,
    pub(super) country: Option<Field>,
    /// ISO 3166-2 without the country.
    pub(super) region: Option<Field>,
    pub(super) tax_id: Option<Field>,
    pub(super) tax_exempt: Option<Field>,
    pub(super) zone: Option<Field>,
    pub(super) currency: Option<Field>,
    /// Our key = the column.
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, Field>,
    /// Rows to leave out: the column = the words that say so.
    #[serde(default)]
    pub(super) skip: BTreeMap<String, BTreeSet<String>>,
}

/// Fields of a subscription.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionFields {
    pub(super) id: Field,
    /// The customer's id.
    pub(super) customer: Field,
    pub(super) plan: Field,
    pub(super) cycle: Option<Field>,
    /// Units of a plan that is priced per unit.
    pub(super) quantity: Option<Field>,
    pub(super) currency: Option<Field>,
    /// When it began; with a trial, when that began.
    pub(super) start: Field,
    /// When it ended, or is to end.
    pub(super) end: Option<Field>,
    pub(super) state: Option<Field>,
    /// When a paused or suspended one became that.
    pub(super) since: Option<Field>,
    /// Whether it is, or ended as, a trial.
    pub(super) trial: Option<Field>,
    pub(super) trial_end: Option<Field>,
    /// When its next period begins.
    pub(super) next_period: Option<Field>,
    /// Whether it goes on after its period; or the opposite:
    pub(super) renews: Option<Field>,
    pub(super) cancels_at_period_end: Option<Field>,
    /// A method of payment is on file.
    pub(super) has_method: Option<Field>,
    /// Name of the legal entity that invoices.
    pub(super) legal_entity: Option<Field>,
    /// A limit of the plans = the column that says how many are used; add-ons are bought for what the plan does not
    /// include.
    #[serde(default)]
    pub(super) counts: BTreeMap<String, Field>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, Field>,
    #[serde(default)]
    pub(super) skip: BTreeMap<String, BTreeSet<String>>,
    /// What several rows of one id are.
    #[serde(default)]
    pub(super) rows: Rows,
}

/// What several rows of one id are.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rows {
    /// A mistake.
    #[default]
    Subscriptions,
    /// What it was one after the other, each from its start.
    Phases,
}

/// Fields of something that happened to a subscription.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeFields {
    pub(super) subscription: Field,
    pub(super) at: Field,
    /// What happened; none: a change.
    pub(super) event: Option<Field>,
    /// What it became; what is left out or empty stayed.
    pub(super) plan: Option<Field>,
    pub(super) cycle: Option<Field>,
    pub(super) quantity: Option<Field>,
    /// What it was before.
    pub(super) from_plan: Option<Field>,
    pub(super) from_cycle: Option<Field>,
    pub(super) from_quantity: Option<Field>,
    #[serde(default)]
    pub(super) skip: BTreeMap<String, BTreeSet<String>>,
}

/// Fields of an add-on a subscription has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddonFields {
    pub(super) subscription: Field,
    pub(super) addon: Field,
    pub(super) quantity: Option<Field>,
    #[serde(default)]
    pub(super) skip: BTreeMap<String, BTreeSet<String>>,
}

/// What the file's word for a plan means.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "the key of a plan, or { plan = \"its key\", cycle = \"year\" }")]
pub(super) enum PlanWord {
    Plan(String),
    #[serde(rename_all = "snake_case")]
    PlanAndCycle {
        plan: String,
        cycle: Cycle,
    },
}

impl PlanWord {
    pub(super) fn plan(&self) -> &str {
        match self {
            Self::Plan(plan) | Self::PlanAndCycle { plan, .. } => plan,
        }
    }

    pub(super) const fn cycle(&self) -> Option<Cycle> {
        match self {
            Self::Plan(_) => None,
            Self::PlanAndCycle { cycle, .. } => Some(*cycle),
        }
    }
}

/// A state a subscription can be brought in with.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateWord {
    Trialing,
    Active,
    Paused,
    Suspended,
    Canceled,
}

impl StateWord {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Trialing => State::Trialing.word(),
            Self::Active => State::Active.word(),
            Self::Paused => State::Paused.word(),
            Self::Suspended => State::Suspended.word(),
            Self::Canceled => State::Canceled.word(),
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        let all = [Self::Trialing, Self::Active, Self::Paused, Self::Suspended, Self::Canceled];
        all.into_iter().find(|state| state.word() == word)
    }
}

/// What can have happened to a subscription.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventWord {
    Change,
    Pause,
    Resume,
}

/// How the files write dates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Dates {
    /// `strftime` patterns, `unix` for seconds or `unix_ms`; the first that fits. None: ISO 8601.
    pub(super) formats: Vec<String>,
    /// Where a time without an offset is; none: in the customer's zone.
    pub(super) zone: Option<Zone>,
}

/// What the files leave out about trials.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TrialWords {
    /// Days of a trial whose end the file does not give; none: the price book's.
    pub(super) days: Option<u16>,
    /// What became of a subscription the file still has in a trial that is over.
    pub(super) over: Option<StateWord>,
}

/// Comparing what the former system billed with what the price book makes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) amount: Field,
    #[serde(default)]
    pub(super) per: Per,
    #[serde(default)]
    pub(super) differs: Differs,
}

/// What an amount of the file is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Per {
    /// A period of the subscription.
    #[default]
    Period,
    /// A month, whatever the cycle.
    Month,
    /// A unit and a period.
    Unit,
}

/// What to do with a row whose amount is another.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Differs {
    /// Load it and say so.
    #[default]
    Notice,
    /// It is bad.
    Bad,
    /// What the file says is agreed with the customer, instead of the price book's, and said so.
    Agree,
}

/// What holds for rows that do not say.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) cycle: Cycle,
    pub(super) currency: Option<Currency>,
    pub(super) country: Option<String>,
    pub(super) zone: Zone,
    pub(super) bill_from: BillFrom,
    pub(super) has_method: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        // Who imports has billed the running period already, unless the mapping says otherwise.
        Self {
            cycle: Cycle::MONTH,
            currency: None,
            country: None,
            zone: Zone::utc(),
            bill_from: BillFrom::NextPeriod,
            has_method: false,
        }
    }
}

impl Mapping {
    /// Read a mapping file. Errors: `mapping_invalid`, with line and column.
    pub fn read(file: &str, text: &str) -> Result<Self> {
        let mapping: Self = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(String::new, |span| {
                let before = &text[..span.start.min(text.len())];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
                format!(":{line}:{column}")
            });
            Error::invalid("mapping_invalid", format!("{file}{place}: {}.", error.message()))
        })?;
        mapping
            .check()
            .map_err(|sentence| Error::invalid("mapping_invalid", format!("{file}: {sentence}")))?;
        Ok(mapping)
    }

    fn check(&self) -> Result<(), &'static str> {
        let Self { customer, subscription, change, addon, .. } = self;
        if customer.is_none() && subscription.is_none() {
            return Err("a mapping has a part [customer], a part [subscription] or both.");
        }
        if subscription.is_none() && (change.is_some() || addon.is_some()) {
            return Err("[change] and [addon] need a part [subscription].");
        }
        let Some(subscription) = subscription else { return Ok(()) };
        if subscription.renews.is_some() && subscription.cancels_at_period_end.is_some() {
            return Err("`renews` and `cancels_at_period_end` say the same. Keep one of them.");
        }
        if subscription.rows == Rows::Phases && change.is_some() {
            return Err("with rows = \"phases\" the rows themselves say what changed. Leave [change] out.");
        }
        if self.trial.over == Some(StateWord::Trialing) || self.trial.over == Some(StateWord::Paused) {
            return Err("a trial that is over became active, suspended or canceled.");
        }
        Ok(())
    }
}
