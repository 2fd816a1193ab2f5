//! `[features]`, and the places where plans and add-ons refer to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    super::model::{Feature, FeatureKind, Included},
    meters::Meters,
    report::{Report, short},
    section::{Entry, Item, Names, Section, entries},
    value,
};

/// Most of a limit a plan can include.
const MAX_AMOUNT: u64 = 1_000_000_000_000;

/// The features of the book. Those with a mistake are known by key only.
pub(super) struct Features<'t> {
    list: Vec<Feature>,
    by_key: HashMap<&'t str, Option<usize>>,
    /// The units of all limits.
    units: HashSet<String>,
}

/// Read `[features]`.
pub(super) fn read<'t>(entries: &[Entry<'t>], report: &mut Report) -> Features<'t> {
    let mut features = Features { list: Vec::new(), by_key: HashMap::new(), units: HashSet::new() };
    let mut names = Names::of("feature");
    for entry in entries {
        let feature = read_one(entry, &mut names, report);
        features.by_key.insert(entry.key, feature.is_some().then_some(features.list.len()));
        if let Some(FeatureKind::Limit { unit }) = feature.as_ref().map(|feature| &feature.kind) {
            features.units.insert(unit.clone());
        }
        features.list.extend(feature);
    }
    features
}

fn read_one(entry: &Entry<'_>, names: &mut Names, report: &mut Report) -> Option<Feature> {
    let mut name_item = entry.item;
    let mut kind = Some(FeatureKind::Boolean);
    if entry.item.get_ref().as_str().is_none() {
        let what = format!("feature `{}`", short(entry.key));
        let mut section = Section::open(what, entry.key_span.clone(), entry.item, report)?;
        let name = section.required("name", report);
        kind = read_kind(&mut section, report);
        section.close(report);
        name_item = name?;
    }
    let name = value::name(name_item, report)?;
    names.check(entry.key, &name, name_item, report);
    Some(Feature { key: entry.key.to_owned(), name, kind: kind? })
}

fn read_kind(section: &mut Section<'_>, report: &mut Report) -> Option<FeatureKind> {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Boolean,
        Limit,
        Value,
    }
    let kinds = [("boolean", Kind::Boolean), ("limit", Kind::Limit), ("value", Kind::Value)];
    let kind = match section.optional("kind") {
        Some(item) => value::choice(item, "`kind`", &kinds, report)?,
        None => Kind::Boolean,
    };
    let unit = match kind {
        Kind::Limit => Some(section.required("unit", report)?),
        _ => section.optional("unit"),
    };
    match (kind, unit) {
        (Kind::Limit, unit) => Some(FeatureKind::Limit { unit: value::unit(unit?, report)? }),
        (_, Some(unit)) => {
            report.add_hint(
                unit.span(),
                "only a limit has a unit",
                "add kind = \"limit\", or leave the unit out",
            );
            None
        }
        (Kind::Boolean, None) => Some(FeatureKind::Boolean),
        (Kind::Value, None) => Some(FeatureKind::Value),
    }
}

impl Features<'_> {
    pub(super) fn into_list(self) -> Vec<Feature> {
        self.list
    }

    /// Whether this is the key of a feature, if only of one with a mistake.
    pub(super) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// The kind of a feature referred to; a key that is none of the features is reported.
    fn kind(&self, key: &str, span: std::ops::Range<usize>, report: &mut Report) -> Option<&FeatureKind> {
        match self.by_key.get(key) {
            Some(place) => place.map(|place| &self.list[place].kind),
            None => {
                let message = format!("feature `{}` is not defined", short(key));
                let known = self.list.iter().map(|feature| feature.key.as_str());
                report.add_unknown(span, message, key, known);
                None
            }
        }
    }

    /// The unit of a limit.
    pub(super) fn unit_of(&self, limit: &str) -> Option<&str> {
        let feature = self.by_key.get(limit).copied().flatten().map(|place| &self.list[place])?;
        match &feature.kind {
            FeatureKind::Limit { unit } => Some(unit),
            _ => None,
        }
    }

    /// Whether a limit is counted in this unit.
    pub(super) fn has_unit(&self, unit: &str) -> bool {
        self.units.contains(unit)
    }

    /// The units of all limits, in the order of the file.
    pub(super) fn units(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter_map(|feature| self.unit_of(&feature.key))
    }

    /// `features = […]`: keys of boolean features.
    pub(super) fn granted(&self, item: Option<&Item<'_>>, report: &mut Report) -> BTreeSet<String> {
        let mut granted = BTreeSet::new();
        for item in item.map_or(&[][..], |item| value::list(item, "`features`", report)) {
            let Some(key) = value::text(item, "a feature", report) else { continue };
            match self.kind(key, item.span(), report) {
                Some(FeatureKind::Limit { .. }) => {
                    let message = format!("`{key}` is a limit, not a feature to have or not");
                    report.add_hint(
                        item.span(),
                        message,
                        format!("write its amount: includes = {{ {key} = 10 }}"),
                    );
                }
                Some(FeatureKind::Value) => {
                    let message = format!("`{key}` is a value, not a feature to have or not");
                    report.add_hint(
                        item.span(),
                        message,
                        format!("write it: includes = {{ {key} = \"…\" }}"),
                    );
                }
                _ if !granted.insert(key.to_owned()) => {
                    report.add(item.span(), format!("feature `{}` is listed twice", short(key)));
                }
                _ => {}
            }
        }
        granted
    }

    /// `includes = { … }`: amounts of limits and texts of values.
    pub(super) fn included(
        &self,
        item: Option<&Item<'_>>,
        report: &mut Report,
    ) -> BTreeMap<String, Included> {
        let mut included = BTreeMap::new();
        for entry in entries("includes", item, report) {
            let value = match self.kind(entry.key, entry.key_span.clone(), report) {
                Some(FeatureKind::Limit { .. }) => amount(&entry, report),
                Some(FeatureKind::Value) => value::value(entry.item, report).map(Included::Value),
                Some(FeatureKind::Boolean) => {
                    let message = format!("`{}` is a feature to have or not, without an amount", entry.key);
                    report.add_hint(entry.key_span, message, format!("write features = [\"{}\"]", entry.key));
                    None
                }
                None => None,
            };
            included.extend(value.map(|value| (entry.key.to_owned(), value)));
        }
        included
    }

    /// `raises = { … }`: by how much one unit of an add-on raises a limit, of a feature or of a meter.
    pub(super) fn raised(
        &self,
        item: Option<&Item<'_>>,
        meters: &Meters<'_>,
        report: &mut Report,
    ) -> BTreeMap<String, u64> {
        let mut raised = BTreeMap::new();
        for entry in entries("raises", item, report) {
            if meters.has(entry.key) {
                let amount = value::whole(entry.item, "the amount", 1..=MAX_AMOUNT, report);
                raised.extend(amount.map(|amount| (entry.key.to_owned(), amount)));
                continue;
            }
            match self.kind(entry.key, entry.key_span.clone(), report) {
                Some(FeatureKind::Limit { .. }) => {
                    let amount = value::whole(entry.item, "the amount", 1..=MAX_AMOUNT, report);
                    raised.extend(amount.map(|amount| (entry.key.to_owned(), amount)));
                }
                Some(_) => {
                    report.add(entry.key_span, format!("`{}` is not a limit that could be raised", entry.key))
                }
                None => {}
            }
        }
        raised
    }
}

fn amount(entry: &Entry<'_>, report: &mut Report) -> Option<Included> {
    match entry.item.get_ref().as_str() {
        Some("unlimited") => Some(Included::Unlimited),
        Some(word) => {
            let message =
                format!("`{}` is not an amount: a limit is a whole number or \"unlimited\"", short(word));
            report.add_unknown(entry.item.span(), message, word, ["unlimited"]);
            None
        }
        None => value::whole(entry.item, "a limit", 0..=MAX_AMOUNT, report).map(Included::UpTo),
    }
}
