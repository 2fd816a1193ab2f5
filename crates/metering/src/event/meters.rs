//! The meters of an environment, as the hot path wants them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use catalog::{Aggregation, Book, Jump, LimitScope};
use kernel::Exact;

/// A meter, and by what its events are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Its key.
    pub key: String,
    /// How events become a quantity.
    pub aggregation: Aggregation,
    /// The property that is aggregated; none: `value`.
    pub property: Option<String>,
    /// Decimals a value keeps; a count and a number of different values have none.
    pub decimals: u8,
    /// Dimensions of the book, and `user`, `seat` or `key` where a plan limits the meter for each of these.
    pub dimensions: BTreeSet<String>,
    /// Whether a plan limits it and it can be counted under the limit, so that somebody may have to be told.
    pub limited: bool,
    /// The values events may bring.
    pub range: Range,
    /// How much more than usual is told of.
    pub jump: Option<Jump>,
    /// Whether it is kept in double entry.
    pub critical: bool,
    /// The aggregation and the decimals in one word: a meter that comes to measure otherwise starts anew.
    pub kind: String,
}

/// The values events may bring, scaled by the meter's decimals and both included; none: there is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The least one.
    pub least: Option<i64>,
    /// The greatest one.
    pub most: Option<i64>,
}

impl Range {
    /// What the book says, narrowed to what the decimals can tell apart.
    fn of(meter: &catalog::Meter, decimals: u8) -> Self {
        let scale = Exact::ratio(10_i128.pow(decimals.into()), 1);
        let least = meter.min.as_ref().map(|min| (min * &scale).ceil().unwrap_or(i64::MAX));
        let most = meter.max.as_ref().map(|max| (max * &scale).floor().unwrap_or(i64::MAX));
        Self { least, most }
    }

    /// Whether a value may come.
    pub fn admits(self, value: i64) -> bool {
        self.least.is_none_or(|least| value >= least) && self.most.is_none_or(|most| value <= most)
    }
}

/// Which property of an event says whose usage it is, for a limit of this scope; none for the customer's.
pub const fn scope_property(scope: LimitScope) -> Option<&'static str> {
    match scope {
        LimitScope::Customer => None,
        LimitScope::User => Some("user"),
        LimitScope::Seat => Some("seat"),
        LimitScope::Key => Some("key"),
    }
}

impl Meter {
    /// The meter with what the plans of the book ask of it.
    pub fn of(book: &Book, meter: &catalog::Meter) -> Self {
        let limits: Vec<_> = book.plans.iter().filter_map(|plan| plan.limits.get(&meter.key)).collect();
        let scopes = limits.iter().filter_map(|limit| scope_property(limit.scope));
        let decimals = decimals(meter);
        Self {
            key: meter.key.clone(),
            aggregation: meter.aggregation,
            property: meter.property.clone(),
            decimals,
            dimensions: meter.dimensions.iter().cloned().chain(scopes.map(str::to_owned)).collect(),
            limited: !limits.is_empty() && can_be_limited(meter.aggregation),
            range: Range::of(meter, decimals),
            jump: meter.jump.clone(),
            critical: meter.critical,
            kind: kind(meter),
        }
    }

    /// With what an older book asks of it too: it measures as it does now, by all dimensions and limits of both.
    fn join(&mut self, older: &Self) {
        self.dimensions.extend(older.dimensions.iter().cloned());
        self.limited |= older.limited && can_be_limited(self.aggregation);
    }
}

/// The decimals a value of a meter keeps.
const fn decimals(meter: &catalog::Meter) -> u8 {
    match meter.aggregation {
        Aggregation::Count | Aggregation::Unique => 0,
        _ => meter.decimals,
    }
}

/// The aggregation and the decimals of a meter in one word, such as `sum/3`.
pub fn kind(meter: &catalog::Meter) -> String {
    format!("{}/{}", word(meter.aggregation), decimals(meter))
}

/// Whether what is measured so can be counted under a limit: it is added up.
pub const fn can_be_limited(aggregation: Aggregation) -> bool {
    matches!(aggregation, Aggregation::Count | Aggregation::Sum)
}

/// The word of an aggregation in storage and in the book.
pub const fn word(aggregation: Aggregation) -> &'static str {
    match aggregation {
        Aggregation::Count => "count",
        Aggregation::Sum => "sum",
        Aggregation::Max => "max",
        Aggregation::Min => "min",
        Aggregation::Unique => "unique",
        Aggregation::Latest => "latest",
        Aggregation::TimeWeighted => "time_weighted",
    }
}

/// All meters of a book, by key.
#[derive(Clone, Debug, Default)]
pub struct Meters(HashMap<String, Arc<Meter>>);

impl Meters {
    /// Those of this book.
    pub fn of(book: &Book) -> Self {
        Self::of_books(std::iter::once(book))
    }

    /// Those of several books that are agreed to at the same time, the newest one first. A meter measures as the newest
    /// book that has it says; what older ones tell its events apart by, and limit, stays.
    pub fn of_books<'b>(books: impl Iterator<Item = &'b Book>) -> Self {
        let mut all: HashMap<String, Meter> = HashMap::new();
        for book in books {
            for meter in &book.meters {
                let one = Meter::of(book, meter);
                match all.get_mut(&meter.key) {
                    Some(newer) => newer.join(&one),
                    None => drop(all.insert(meter.key.clone(), one)),
                }
            }
        }
        Self(all.into_iter().map(|(key, meter)| (key, Arc::new(meter))).collect())
    }

    /// All of them, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Meter>> {
        self.0.values()
    }

    /// The meter with this key.
    pub fn get(&self, key: &str) -> Option<&Arc<Meter>> {
        self.0.get(key)
    }
}
