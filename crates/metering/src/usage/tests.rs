//! Laws of tallies, figures and windows.

use catalog::Aggregation;
use jiff::Timestamp;
use kernel::{Exact, Zone};
use proptest::prelude::*;

use super::{
    Followed, Grain, Sample, Span, Tally, Total,
    window::{HOUR, hour, hour_of, shift_of},
    windows,
};

const ALL: [Aggregation; 7] = [
    Aggregation::Count,
    Aggregation::Sum,
    Aggregation::Max,
    Aggregation::Min,
    Aggregation::Unique,
    Aggregation::Latest,
    Aggregation::TimeWeighted,
];

/// Few instants, so that several fall together.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (0_i64..40, -5_i64..6).prop_map(|(at, value)| Sample { at: at * HOUR / 8, value });
    proptest::collection::vec(sample, 0..24)
}

/// Keep a tally as the product does: follow each change, count anew where it cannot.
fn kept(aggregation: Aggregation, samples: &[Sample]) -> Tally {
    let (mut tally, mut seen) = (Tally::empty(aggregation), Vec::new());
    for sample in samples {
        seen.push(*sample);
        if tally.add(*sample) == Followed::CountAnew {
            tally = Tally::of(aggregation, seen.clone());
        }
    }
    tally
}

/// The figure of a span, from hours.
fn figure(aggregation: Aggregation, samples: &[Sample], span: Span) -> Exact {
    let mut hours: Vec<i64> = samples.iter().map(|sample| hour_of(sample.at, 0)).collect();
    hours.sort_unstable();
    hours.dedup();
    let tallies: Vec<Tally> = hours
        .into_iter()
        .map(|start| {
            let within = |sample: &&Sample| hour(start).contains(sample.at) && span.contains(sample.at);
            Tally::of(aggregation, samples.iter().filter(within).copied().collect())
        })
        .collect();
    let carry = samples.iter().filter(|sample| sample.at < span.start).max().map(|sample| sample.value);
    let mut total = Total::new(aggregation);
    total.add_series(span, span.end, carry, &tallies);
    total.figure(0, span).value
}

/// A value weighted by how long it stood, one microsecond-free step after the other.
fn weighted(samples: &[Sample], span: Span) -> Exact {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let mut integral = 0_i128;
    for (index, sample) in sorted.iter().enumerate() {
        let until = sorted.get(index + 1).map_or(span.end, |next| next.at);
        let (from, to) = (sample.at.max(span.start), until.clamp(span.start, span.end));
        integral += i128::from(sample.value) * i128::from((to - from).max(0));
    }
    Exact::ratio(integral, i128::from(span.end - span.start))
}

proptest! {
    #[test]
    fn the_order_of_events_does_not_matter(samples in samples(), seed: u64) {
        let mut shuffled = samples.clone();
        // A fixed shuffle of the seed; proptest shrinks it to few swaps.
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, (seed.rotate_left(index as u32) % (index as u64 + 1)) as usize);
        }
        for aggregation in ALL {
            prop_assert_eq!(kept(aggregation, &samples), kept(aggregation, &shuffled));
            prop_assert_eq!(kept(aggregation, &samples), Tally::of(aggregation, samples.clone()));
        }
    }

    #[test]
    fn a_voided_event_was_never_sent(samples in samples(), which: prop::sample::Index) {
        prop_assume!(!samples.is_empty());
        let mut without = samples.clone();
        let gone = without.remove(which.index(samples.len()));
        for aggregation in ALL {
            let mut tally = kept(aggregation, &samples);
            if tally.remove(aggregation, gone) == Followed::CountAnew {
                tally = Tally::of(aggregation, without.clone());
            }
            prop_assert_eq!(tally, Tally::of(aggregation, without.clone()), "{:?}", aggregation);
        }
    }

    #[test]
    fn windows_add_up(samples in samples(), cut in 1_i64..40) {
        let (whole, at) = (Span { start: 0, end: 5 * HOUR }, cut * HOUR / 8);
        let parts = [Span { start: 0, end: at }, Span { start: at, end: 5 * HOUR }];
        for aggregation in [Aggregation::Count, Aggregation::Sum] {
            let sum: Exact = parts.iter().map(|part| figure(aggregation, &samples, *part)).sum();
            prop_assert_eq!(sum, figure(aggregation, &samples, whole));
        }
        // A time-weighted figure is a mean: its parts add up when each is weighted by its length.
        let length = |span: &Span| Exact::ratio((span.end - span.start).into(), 1);
        let sum: Exact =
            parts.iter().map(|part| figure(Aggregation::TimeWeighted, &samples, *part) * length(part)).sum();
        prop_assert_eq!(sum, figure(Aggregation::TimeWeighted, &samples, whole) * length(&whole));
    }

    #[test]
    fn a_time_weighted_figure_is_the_mean_over_time(samples in samples(), start in 0_i64..20, length in 1_i64..20) {
        let span = Span { start: start * HOUR / 8, end: (start + length) * HOUR / 8 };
        prop_assert_eq!(figure(Aggregation::TimeWeighted, &samples, span), weighted(&samples, span));
    }

    #[test]
    fn a_tally_reads_back(samples in samples()) {
        for aggregation in ALL {
            let tally = Tally::of(aggregation, samples.clone());
            prop_assert_eq!(Tally::decode(aggregation, &tally.encode()).unwrap(), tally);
        }
    }

    #[test]
    fn windows_have_no_gap_in_any_zone(zone in 0_usize..8, start in 0_i64..900_000, hours in 1_i64..400, grain in 0_usize..3) {
        let zones = ["UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
            "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"];
        let zone = Zone::parse(zones[zone]).unwrap();
        let from = Timestamp::from_second(start * 1_800).unwrap();
        let to = Timestamp::from_second(start * 1_800 + hours * 3_600).unwrap();
        let grain = [Grain::Hour, Grain::Day, Grain::Month][grain];
        let parts = windows(grain, &zone, from, to).unwrap();
        prop_assert_eq!(parts[0].start, from.as_microsecond());
        prop_assert_eq!(parts[parts.len() - 1].end, to.as_microsecond());
        prop_assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        prop_assert!(parts.iter().all(|part| part.start < part.end));
    }
}

#[test]
fn hours_begin_where_those_of_the_zone_do() {
    let at: Timestamp = "2026-07-01T10:40:00Z".parse().unwrap();
    for (zone, shift, start) in [
        ("UTC", 0, "2026-07-01T10:00:00Z"),
        ("Europe/Berlin", 0, "2026-07-01T10:00:00Z"),
        ("Asia/Kolkata", 30, "2026-07-01T10:30:00Z"),
        ("Asia/Kathmandu", 15, "2026-07-01T10:15:00Z"),
        ("America/St_Johns", 30, "2026-07-01T10:30:00Z"),
    ] {
        let zone = Zone::parse(zone).unwrap();
        assert_eq!(shift_of(&zone, at), shift, "{zone}");
        let start: Timestamp = start.parse().unwrap();
        assert_eq!(hour_of(at.as_microsecond(), shift), start.as_microsecond(), "{zone}");
    }
}

#[test]
fn a_local_day_has_23_24_or_25_hours() {
    let zone = Zone::parse("Europe/Berlin").unwrap();
    for (day, next, hours) in [
        ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 23),
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 25),
        ("2026-06-01T22:00:00Z", "2026-06-02T22:00:00Z", 24),
    ] {
        let (day, next) = (day.parse().unwrap(), next.parse().unwrap());
        assert_eq!(windows(Grain::Day, &zone, day, next).unwrap(), [Span::new(day, next)]);
        assert_eq!(windows(Grain::Hour, &zone, day, next).unwrap().len(), hours);
    }
}
