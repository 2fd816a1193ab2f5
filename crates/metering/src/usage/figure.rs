//! From the tallies of hours to the figure of a span of time.

use std::collections::HashSet;

use catalog::Aggregation;
use kernel::Exact;

use super::{
    tally::{Sample, State, Tally, stood},
    window::Span,
};

/// What a meter measured in a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// How many events it comes from; those that only set a value standing at the start are not among them.
    pub events: u64,
    /// The figure in the meter's unit; 0 when there was nothing.
    pub value: Exact,
}

/// A figure in the making, over hours and series.
///
/// Several series (values of dimensions) make one figure so: counts, sums and time-weighted values add up, of the
/// greatest, least and latest there is one, and different values are different over all of them.
#[derive(Clone, Debug)]
pub struct Total {
    aggregation: Aggregation,
    events: u64,
    sum: i128,
    peak: Option<i64>,
    latest: Option<Sample>,
    distinct: HashSet<u128>,
}

impl Total {
    /// Of nothing yet.
    pub fn new(aggregation: Aggregation) -> Self {
        Self { aggregation, events: 0, sum: 0, peak: None, latest: None, distinct: HashSet::new() }
    }

    /// Add the hours of one series, in order of time and each wholly within `span`. `carry` is the value that
    /// stood when the span began; a value stands until `until`, which is the span's end or, earlier, now.
    pub fn add_series<'t>(
        &mut self,
        span: Span,
        until: i64,
        carry: Option<i64>,
        hours: impl IntoIterator<Item = &'t Tally>,
    ) {
        let mut standing = Sample { at: span.start, value: carry.unwrap_or(0) };
        for tally in hours.into_iter().filter(|tally| tally.events > 0) {
            self.events += tally.events;
            match &tally.state {
                State::Counted => {}
                State::Sum(sum) => self.sum += sum,
                State::Max(value) => self.peak = Some(self.peak.map_or(*value, |peak| peak.max(*value))),
                State::Min(value) => self.peak = Some(self.peak.map_or(*value, |peak| peak.min(*value))),
                State::Latest(last) => self.latest = self.latest.max(Some(*last)),
                State::Standing { first, integral, last } => {
                    self.sum += stood(standing.value, standing.at, *first) + integral;
                    standing = *last;
                }
            }
        }
        let until = until.min(span.end);
        if self.aggregation == Aggregation::TimeWeighted && until > standing.at {
            self.sum += stood(standing.value, standing.at, until);
        }
    }

    /// Add the different values of some hours.
    pub fn add_distinct(&mut self, values: impl IntoIterator<Item = u128>) {
        self.distinct.extend(values);
    }

    /// The figure, of a meter that keeps so many decimals.
    pub fn figure(&self, decimals: u8, span: Span) -> Figure {
        let scale = 10_i128.pow(decimals.into());
        let value = match self.aggregation {
            Aggregation::Count => Exact::ratio(self.events.into(), 1),
            Aggregation::Unique => Exact::ratio(self.distinct.len() as i128, 1),
            Aggregation::Sum => Exact::ratio(self.sum, scale),
            Aggregation::Max | Aggregation::Min => Exact::ratio(self.peak.unwrap_or(0).into(), scale),
            Aggregation::Latest => Exact::ratio(self.latest.map_or(0, |last| last.value).into(), scale),
            Aggregation::TimeWeighted => {
                let length = i128::from(span.end - span.start).max(1);
                Exact::ratio(self.sum, 1)
                    .checked_div(&Exact::ratio(length * scale, 1))
                    .unwrap_or_else(Exact::zero)
            }
        };
        Figure { events: self.events, value }
    }
}
