//! A stretch that is over and not billed yet, because figures may still come in (knob `usage_grace`).

use catalog::version::Version;
use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use kernel::{Cycle, Edge, Error, Period, Result, Schedule, Zone, ids::BookVersionId};
use serde::{Deserialize, Serialize};

use super::{
    agreement::{Agreement, Discount},
    model::{Item, ItemKind, Rhythm, Subscription},
    rules::arrears,
};

/// A stretch that is over, with the subscription as it was then: that is what it is rated by.
#[derive(Clone, Debug, PartialEq)]
pub struct Closing {
    /// When it is billed.
    pub cut: Edge,
    /// Where it ended.
    pub end: Edge,
    /// Only the usage with a cycle of its own ended there; otherwise everything that is paid in arrears did.
    pub of_rhythm: bool,
    /// The price book version it is billed by.
    pub book: BookVersionId,
    items: Vec<Item>,
    agreement: Agreement,
    discounts: Vec<Discount>,
    schedule: Schedule,
    period: Period,
    arrears_from: Edge,
    peak: i64,
    rhythm: Option<Rhythm>,
}

impl Closing {
    /// The stretch of a subscription that ended at `end` and is billed at `cut`.
    pub(super) fn of(subscription: &Subscription, end: Edge, cut: Edge, of_rhythm: bool) -> Self {
        let Subscription { book, items, agreement, discounts, schedule, period, arrears_from, .. } =
            subscription.clone();
        let (peak, rhythm) = (subscription.peak, subscription.rhythm);
        Self {
            cut,
            end,
            of_rhythm,
            book,
            items,
            agreement,
            discounts,
            schedule,
            period,
            arrears_from,
            peak,
            rhythm,
        }
    }

    /// The subscription as it was when the stretch ended.
    pub fn as_it_was(&self, now: &Subscription) -> Subscription {
        let Self { book, items, agreement, discounts, schedule, period, .. } = self.clone();
        Subscription {
            book,
            items,
            agreement,
            discounts,
            schedule,
            period,
            billed_through: if self.of_rhythm { self.period.end } else { self.end },
            arrears_from: self.arrears_from,
            peak: self.peak,
            rhythm: self.rhythm,
            closing: None,
            ..now.clone()
        }
    }

    /// The stretch a figure under `key` belongs to, of a subscription as it was; none when that one did not end.
    pub(crate) fn period(&self, was: &Subscription, version: &Version, key: &str) -> Option<Period> {
        let period = arrears::open_period(was, version, key);
        let of_rhythm = was.rhythm.is_some_and(|rhythm| rhythm.stretch == period);
        (of_rhythm || !self.of_rhythm).then_some(period)
    }

    /// Where the first of what it bills began.
    pub(crate) fn earliest(&self) -> Timestamp {
        let rhythm = self.rhythm.map(|rhythm| rhythm.stretch.start.at);
        let period = (!self.of_rhythm).then_some(self.arrears_from.at);
        rhythm.into_iter().chain(period).min().unwrap_or(self.end.at)
    }

    /// As it is stored. Errors: `internal`.
    pub(super) fn json(&self) -> Result<serde_json::Value> {
        serde_json::to_value(Stored::from(self)).map_err(|error| Error::internal(error.to_string()))
    }

    /// The inverse of [`Closing::json`]. Errors: `internal`.
    pub(super) fn read(json: serde_json::Value) -> Result<Self> {
        let stored: Stored = serde_json::from_value(json)
            .map_err(|error| Error::internal(format!("a stored stretch cannot be read: {error}")))?;
        stored.closing()
    }
}

type StoredEdge = (Date, Timestamp);
type StoredPeriod = (StoredEdge, StoredEdge);

/// A closing stretch in storage.
#[derive(Serialize, Deserialize)]
struct Stored {
    cut: StoredEdge,
    end: StoredEdge,
    of_rhythm: bool,
    book: BookVersionId,
    items: Vec<(i64, String, String, i64)>,
    #[serde(default, skip_serializing_if = "Agreement::is_empty")]
    agreement: Agreement,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    discounts: Vec<Discount>,
    schedule: (Date, Cycle, Zone, Option<Time>),
    period: StoredPeriod,
    arrears_from: StoredEdge,
    peak: i64,
    rhythm: Option<(Cycle, StoredPeriod, i64)>,
}

const fn stored_edge(edge: Edge) -> StoredEdge {
    (edge.date, edge.at)
}

const fn stored_period(period: Period) -> StoredPeriod {
    (stored_edge(period.start), stored_edge(period.end))
}

const fn edge((date, at): StoredEdge) -> Edge {
    Edge { date, at }
}

const fn period((start, end): StoredPeriod) -> Period {
    Period { start: edge(start), end: edge(end) }
}

impl From<&Closing> for Stored {
    fn from(closing: &Closing) -> Self {
        let Closing { items, agreement, discounts, schedule, .. } = closing.clone();
        let item = |item: Item| (item.ordinal, item.kind.word().to_owned(), item.key, item.quantity);
        let Schedule { anchor, cycle, zone, wall_time } = schedule;
        Self {
            cut: stored_edge(closing.cut),
            end: stored_edge(closing.end),
            of_rhythm: closing.of_rhythm,
            book: closing.book,
            items: items.into_iter().map(item).collect(),
            agreement,
            discounts,
            schedule: (anchor, cycle, zone, wall_time),
            period: stored_period(closing.period),
            arrears_from: stored_edge(closing.arrears_from),
            peak: closing.peak,
            rhythm: closing.rhythm.map(|rhythm| (rhythm.cycle, stored_period(rhythm.stretch), rhythm.peak)),
        }
    }
}

impl Stored {
    fn closing(self) -> Result<Closing> {
        let (anchor, cycle, zone, wall_time) = self.schedule;
        let item = |(ordinal, kind, key, quantity): (i64, String, String, i64)| {
            let kind = ItemKind::parse(&kind).ok_or_else(|| Error::internal("a stored item is none"))?;
            Ok(Item { ordinal, kind, key, quantity })
        };
        let rhythm = |(cycle, stretch, peak)| Rhythm { cycle, stretch: period(stretch), peak };
        Ok(Closing {
            cut: edge(self.cut),
            end: edge(self.end),
            of_rhythm: self.of_rhythm,
            book: self.book,
            items: self.items.into_iter().map(item).collect::<Result<_>>()?,
            agreement: self.agreement,
            discounts: self.discounts,
            schedule: Schedule { anchor, cycle, zone, wall_time },
            period: period(self.period),
            arrears_from: edge(self.arrears_from),
            peak: self.peak,
            rhythm: self.rhythm.map(rhythm),
        })
    }
}
