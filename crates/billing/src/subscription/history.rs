//! A subscription that ran somewhere else before: what it was, and from when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{Currency, Cycle, Zone, ids::LegalEntityId};
use serde_json::Value as Json;

use super::{agreement::Agreement, model::BillFrom};

/// What a subscription consisted of from some instant on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contents {
    /// Key of a plan of the price book in force.
    pub plan: String,
    /// How often it was billed.
    pub cycle: Cycle,
    /// Units of the plan, when it is priced per unit.
    pub quantity: Option<i64>,
    /// Add-ons by key, with their quantity.
    pub addons: BTreeMap<String, i64>,
}

/// What happened to a subscription between its start and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It became something else.
    Changed(Contents),
    /// It was paused.
    Paused,
    /// It went on after a pause.
    Resumed,
}

/// How a history ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It still runs, or is paused: in its trial, when that ends later than now.
    Running,
    /// Access is off since then; at the trial's end, because nobody paid.
    Suspended(Timestamp),
    /// It ended then; at the trial's end, because nobody paid.
    Canceled(Timestamp),
}

/// When a running subscription is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With the period it is in.
    WithPeriod,
    /// With the period of that instant: at that instant when it is the period's end.
    At(Timestamp),
}

/// A subscription that ran somewhere else.
#[derive(Clone, Debug)]
pub struct History {
    /// The merchant's own id for it.
    pub external_id: Option<String>,
    /// When it began, at the latest now.
    pub started: Timestamp,
    /// What it began as.
    pub first: Contents,
    /// What happened then, in order of time.
    pub events: Vec<(Timestamp, What)>,
    /// The end of the trial it began with. A later end than now: it is still tried.
    pub trial_end: Option<Timestamp>,
    /// How it stands.
    pub standing: Standing,
    /// A cancellation to come.
    pub ends: Option<Ends>,
    /// When its next period begins, where the former system says so; none: what the start leads to.
    pub next_period: Option<Timestamp>,
    /// From where to bill it. From its start only when nothing happened since.
    pub bill_from: BillFrom,
    /// Where its days begin; none: the customer's zone.
    pub zone: Option<Zone>,
    /// Billed in this currency; none: the customer's.
    pub currency: Option<Currency>,
    /// Who invoices; none: the first legal entity.
    pub entity: Option<LegalEntityId>,
    /// What was agreed beside the price book, for what it consists of now.
    pub agreement: Agreement,
    /// A method of payment is on file.
    pub has_method: bool,
    /// The merchant's own notes.
    pub metadata: Json,
}
