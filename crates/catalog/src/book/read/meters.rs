//! `[meters]`, and the places that refer to them.

use std::{collections::HashMap, ops::Range};

use kernel::Exact;

use super::{
    super::meter::{Aggregation, Jump, Meter},
    features::Features,
    report::{Report, short},
    section::{Entry, Item, Names, Section},
    value,
};

/// Most decimals of a quantity.
const MAX_DECIMALS: u64 = 9;
/// Most dimensions of a meter.
const MAX_DIMENSIONS: usize = 20;
/// The property that is aggregated unless the book names another.
const VALUE: &str = "value";
/// The most times the usual day that a jump can be.
const MAX_TIMES: u64 = 1_000_000;
/// Most characters of a dimension or a property.
const MAX_PROPERTY: usize = 63;

/// The meters of the book. Those with a mistake are known by key only.
pub(super) struct Meters<'t> {
    list: Vec<Meter>,
    by_key: HashMap<&'t str, Option<usize>>,
}

/// Read `[meters]`.
pub(super) fn read<'t>(entries: &[Entry<'t>], features: &Features<'_>, report: &mut Report) -> Meters<'t> {
    let mut meters = Meters { list: Vec::new(), by_key: HashMap::new() };
    let mut names = Names::of("meter");
    for entry in entries {
        if features.has(entry.key) {
            let hint = "give one of the two another key";
            report.add_hint(
                entry.key_span.clone(),
                format!("`{}` is a feature already", short(entry.key)),
                hint,
            );
        }
        let meter = read_one(entry, &mut names, report);
        meters.by_key.insert(entry.key, meter.is_some().then_some(meters.list.len()));
        meters.list.extend(meter);
    }
    meters
}

fn read_one(entry: &Entry<'_>, names: &mut Names, report: &mut Report) -> Option<Meter> {
    let what = format!("meter `{}`", short(entry.key));
    let mut section = Section::open(what, entry.key_span.clone(), entry.item, report)?;
    let name_item = section.required("name", report);
    let unit = section.required("unit", report);
    let aggregation = section.optional("aggregation");
    let property = section.optional("property");
    let decimals = section.optional("decimals");
    let dimensions = section.optional("dimensions");
    let (min, max) = (section.optional("min"), section.optional("max"));
    let (jump, critical) = (section.optional("jump"), section.optional("critical"));
    section.close(report);

    let name = name_item.and_then(|item| value::name(item, report));
    if let (Some(name), Some(item)) = (&name, name_item) {
        names.check(entry.key, name, item, report);
    }
    let unit = unit.and_then(|item| value::unit(item, report));
    let aggregation = aggregation.map_or(Some(Aggregation::Count), |item| self::aggregation(item, report));
    let counts = matches!(aggregation, Some(Aggregation::Count | Aggregation::Unique));
    if let Some(item) = decimals.filter(|_| counts) {
        report.add(item.span(), "what is counted one by one has no decimals");
    }
    if let Some(item) = property.filter(|_| aggregation == Some(Aggregation::Count)) {
        report.add(item.span(), "a count looks at no property");
    }
    let decimals = decimals.and_then(|item| value::whole(item, "`decimals`", 0..=MAX_DECIMALS, report));
    let property = property.and_then(|item| self::property(item, "a property", report));
    let property = property.filter(|property| property != VALUE);
    let dimensions = dimensions.map(|item| self::dimensions(item, report)).unwrap_or_default();
    for item in [min, max].into_iter().flatten().filter(|_| counts) {
        report.add(
            item.span(),
            "what is counted one by one has no range: only a number that an event brings has",
        );
    }
    let (min, max) = range(min.filter(|_| !counts), max.filter(|_| !counts), report);
    let adds_up = matches!(aggregation, Some(Aggregation::Count | Aggregation::Sum) | None);
    for (item, what) in [(jump, "a jump"), (critical, "double entry")] {
        if let Some(item) = item.filter(|_| !adds_up) {
            let message = format!("{what} is of a meter that counts or sums up");
            report.add_hint(item.span(), message, "give the meter aggregation = \"sum\", or leave it out");
        }
    }
    let jump = jump.and_then(|item| self::jump(item, report));
    let critical = critical.and_then(|item| value::flag(item, "`critical`", report));
    Some(Meter {
        key: entry.key.to_owned(),
        name: name?,
        unit: unit?,
        aggregation: aggregation?,
        property,
        decimals: decimals.and_then(|decimals| u8::try_from(decimals).ok()).unwrap_or(0),
        dimensions,
        min,
        max,
        jump,
        critical: critical.unwrap_or(false),
    })
}

/// The least and the greatest value of an event.
fn range(
    min: Option<&Item<'_>>,
    max: Option<&Item<'_>>,
    report: &mut Report,
) -> (Option<Exact>, Option<Exact>) {
    let least = min.and_then(|item| value::decimal(item, "`min`", report));
    let most = max.and_then(|item| value::decimal(item, "`max`", report));
    if let (Some(least), Some(most), Some(item)) = (&least, &most, max)
        && least > most
    {
        report.add(item.span(), "`max` is below `min`: no event could be accepted");
    }
    (least, most)
}

/// `10`, or `{ times = 10, floor = 100 }`.
fn jump(item: &Item<'_>, report: &mut Report) -> Option<Jump> {
    let times = |item, report: &mut Report| {
        let times = value::whole(item, "`jump`", 2..=MAX_TIMES, report)?;
        u32::try_from(times).ok()
    };
    let usual = Exact::ratio(Jump::FLOOR.into(), 1);
    if item.get_ref().as_integer().is_some() {
        return Some(Jump { times: times(item, report)?, floor: usual });
    }
    let mut section = Section::open("a jump".to_owned(), item.span(), item, report)?;
    let (asked, floor) = (section.required("times", report), section.optional("floor"));
    section.close(report);
    let floor = floor.map_or(Some(usual), |item| value::decimal(item, "`floor`", report));
    Some(Jump { times: times(asked?, report)?, floor: floor? })
}

fn aggregation(item: &Item<'_>, report: &mut Report) -> Option<Aggregation> {
    let choices = [
        ("count", Aggregation::Count),
        ("sum", Aggregation::Sum),
        ("max", Aggregation::Max),
        ("min", Aggregation::Min),
        ("unique", Aggregation::Unique),
        ("latest", Aggregation::Latest),
        ("time_weighted", Aggregation::TimeWeighted),
    ];
    value::choice(item, "`aggregation`", &choices, report)
}

/// The name of a property of an event.
fn property(item: &Item<'_>, what: &str, report: &mut Report) -> Option<String> {
    let text = value::name(item, report)?;
    if text.chars().count() > MAX_PROPERTY {
        report.add(item.span(), format!("{what} has at most {MAX_PROPERTY} characters"));
        return None;
    }
    Some(text)
}

fn dimensions(item: &Item<'_>, report: &mut Report) -> Vec<String> {
    let mut dimensions: Vec<String> = Vec::new();
    let items = value::list(item, "`dimensions`", report);
    if items.len() > MAX_DIMENSIONS {
        report.add(item.span(), format!("a meter has at most {MAX_DIMENSIONS} dimensions"));
        return dimensions;
    }
    for item in items {
        let Some(dimension) = property(item, "a dimension", report) else { continue };
        if dimensions.contains(&dimension) {
            report.add(item.span(), format!("dimension `{}` is listed twice", short(&dimension)));
        }
        dimensions.push(dimension);
    }
    dimensions
}

impl Meters<'_> {
    pub(super) fn into_list(self) -> Vec<Meter> {
        self.list
    }

    /// Whether this is the key of a meter, if only of one with a mistake.
    pub(super) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// The meter referred to; a key that is none of the meters is reported. None for one with a mistake, too.
    pub(super) fn find(&self, key: &str, span: Range<usize>, report: &mut Report) -> Option<&Meter> {
        match self.by_key.get(key) {
            Some(place) => place.map(|place| &self.list[place]),
            None => {
                let message = format!("meter `{}` is not defined", short(key));
                report.add_unknown(span, message, key, self.list.iter().map(|meter| meter.key.as_str()));
                None
            }
        }
    }

    /// The meter referred to by a text, which must add up an amount of money.
    pub(super) fn summed(&self, item: &Item<'_>, report: &mut Report) -> Option<&Meter> {
        let key = value::text(item, "a meter", report)?;
        let meter = self.find(key, item.span(), report)?;
        must_sum(meter, item.span(), report).then_some(meter)
    }
}

/// A percentage is of an amount that is added up.
pub(super) fn must_sum(meter: &Meter, span: Range<usize>, report: &mut Report) -> bool {
    let sums = meter.aggregation == Aggregation::Sum;
    if !sums {
        let message = format!("a percentage needs an amount, and meter `{}` does not add one up", meter.key);
        report.add_hint(span, message, "give the meter aggregation = \"sum\"");
    }
    sums
}

/// A dimension of the meter; what is none of them is reported.
pub(super) fn has_dimension(meter: &Meter, word: &str, span: Range<usize>, report: &mut Report) -> bool {
    let known = meter.dimensions.iter().any(|dimension| dimension == word);
    if !known {
        let message = format!("`{}` is not a dimension of meter `{}`", short(word), meter.key);
        report.add_unknown(span, message, word, meter.dimensions.iter().map(String::as_str));
    }
    known
}
