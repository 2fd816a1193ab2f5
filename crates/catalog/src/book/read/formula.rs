//! How an amount is found: the keys `price`, `package`, `graduated`, `volume`, `percent`, `times` and what goes
//! with them.

use std::ops::Range;

use kernel::{Currency, Exact, Rate, UnitPrice};

use super::{
    super::price::{PercentTier, Percentage, PriceKind, Started, Tier, Tiers},
    amount::Amounts,
    report::Report,
    section::{Item, Section},
    tiers::{self, TierDraft},
    value,
};

/// The keys that say how an amount is found, one of which a price has, each with the keys that go with it.
const WAYS: [(&str, &[&str]); 5] = [
    ("price", &["package", "started"]),
    ("graduated", &["flat_at_zero"]),
    ("volume", &["flat_at_zero"]),
    ("percent", &["fixed", "free_amount", "free_events", "at_least", "at_most"]),
    ("times", &[]),
];

/// A price whose amounts are still those of all currencies.
#[derive(Clone, Debug)]
pub(super) struct Formula {
    shape: Shape,
    minimum: Option<Amounts>,
    maximum: Option<Amounts>,
    span: Range<usize>,
}

#[derive(Clone, Debug)]
enum Shape {
    Each(Amounts),
    Package { size: Exact, price: Amounts, started: Started },
    Graduated { tiers: Vec<TierDraft>, flat_at_zero: bool },
    Volume { tiers: Vec<TierDraft>, flat_at_zero: bool },
    Percentage(Box<PercentageDraft>),
    Dynamic { times: Exact },
}

#[derive(Clone, Debug)]
struct PercentageDraft {
    rate: Rate,
    fixed: Amounts,
    free_amount: Option<Amounts>,
    free_events: Option<u64>,
    at_least: Option<Amounts>,
    at_most: Option<Amounts>,
}

/// What a formula comes to in one currency.
pub(super) struct Resolved {
    pub kind: PriceKind,
    pub minimum: Option<UnitPrice>,
    pub maximum: Option<UnitPrice>,
}

impl Formula {
    /// An amount for each unit, or, where there are no units, the amount.
    pub(super) fn each(amount: Amounts) -> Self {
        Self { shape: Shape::Each(amount), minimum: None, maximum: None, span: 0..0 }
    }

    /// Read the keys of a section that say how the amount is found. `span` is where a missing one is reported.
    pub(super) fn read(section: &mut Section<'_>, span: Range<usize>, report: &mut Report) -> Option<Self> {
        let before = report.count();
        let way = way(section, &span, report);
        let minimum = amounts(section, "minimum", report);
        let maximum = amounts(section, "maximum", report);
        let shape = match way? {
            "price" => price(section, report),
            "percent" => percentage(section, report),
            "times" => section
                .optional("times")
                .and_then(|item| value::decimal(item, "`times`", report))
                .map(|times| Shape::Dynamic { times }),
            way => tiered(section, way, report),
        };
        let formula = Self { shape: shape?, minimum, maximum, span };
        (report.count() == before).then_some(formula)
    }

    /// Whether it is found from an amount of money rather than from a number of units.
    pub(super) fn is_of_money(&self) -> bool {
        match &self.shape {
            Shape::Percentage(_) | Shape::Dynamic { .. } => true,
            Shape::Graduated { tiers, .. } => tiers.iter().any(TierDraft::is_percent),
            Shape::Each(_) | Shape::Package { .. } | Shape::Volume { .. } => false,
        }
    }

    /// Whether it is a plain amount.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.shape, Shape::Each(_))
    }

    /// Every amount in it.
    pub(super) fn amounts(&self) -> Vec<&Amounts> {
        let mut list: Vec<&Amounts> = self.minimum.iter().chain(&self.maximum).collect();
        match &self.shape {
            Shape::Each(price) | Shape::Package { price, .. } => list.push(price),
            Shape::Graduated { tiers, .. } | Shape::Volume { tiers, .. } => {
                list.extend(tiers.iter().flat_map(TierDraft::amounts));
            }
            Shape::Percentage(draft) => {
                list.push(&draft.fixed);
                list.extend([&draft.free_amount, &draft.at_least, &draft.at_most].into_iter().flatten());
            }
            Shape::Dynamic { .. } => {}
        }
        list
    }

    /// The price in one currency; `unit` is one of what is counted, none for a flat price. Amounts missing in the
    /// currency are reported.
    pub(super) fn resolve(
        &self,
        unit: Option<&str>,
        currency: Currency,
        book: Currency,
        report: &mut Report,
    ) -> Option<Resolved> {
        let minimum = optional(self.minimum.as_ref(), currency, book, report);
        let maximum = optional(self.maximum.as_ref(), currency, book, report);
        if let (Some(least), Some(most)) = (minimum, maximum)
            && least > most
        {
            report.add(self.span.clone(), "the minimum is above the maximum");
        }
        let kind = self.kind(unit, currency, book, report)?;
        Some(Resolved { kind, minimum, maximum })
    }

    fn kind(
        &self,
        unit: Option<&str>,
        currency: Currency,
        book: Currency,
        report: &mut Report,
    ) -> Option<PriceKind> {
        let word = unit.unwrap_or_default().to_owned();
        Some(match &self.shape {
            Shape::Each(price) => {
                let amount = price.get(currency, book, report)?;
                match unit {
                    Some(_) => PriceKind::PerUnit { unit: word, amount },
                    None => PriceKind::Flat { amount },
                }
            }
            Shape::Package { size, price, started } => {
                let amount = price.get(currency, book, report)?;
                PriceKind::Package { unit: word, size: size.clone(), amount, started: *started }
            }
            Shape::Graduated { tiers, flat_at_zero } if tiers.iter().any(TierDraft::is_percent) => {
                let tiers: Option<Vec<PercentTier>> =
                    tiers.iter().map(|tier| tier.percent_tier(currency, book, report)).collect();
                PriceKind::GraduatedPercentage { tiers: tiers?, flat_at_zero: *flat_at_zero }
            }
            Shape::Graduated { tiers, flat_at_zero } => {
                PriceKind::Graduated(in_currency(tiers, word, *flat_at_zero, currency, book, report)?)
            }
            Shape::Volume { tiers, flat_at_zero } => {
                PriceKind::Volume(in_currency(tiers, word, *flat_at_zero, currency, book, report)?)
            }
            Shape::Percentage(draft) => PriceKind::Percentage(Percentage {
                rate: draft.rate,
                fixed: draft.fixed.get(currency, book, report)?,
                free_amount: optional(draft.free_amount.as_ref(), currency, book, report),
                free_events: draft.free_events,
                at_least: optional(draft.at_least.as_ref(), currency, book, report),
                at_most: optional(draft.at_most.as_ref(), currency, book, report),
            }),
            Shape::Dynamic { times } => PriceKind::Dynamic { times: times.clone() },
        })
    }
}

fn in_currency(
    tiers: &[TierDraft],
    unit: String,
    flat_at_zero: bool,
    currency: Currency,
    book: Currency,
    report: &mut Report,
) -> Option<Tiers> {
    let tiers: Option<Vec<Tier>> = tiers.iter().map(|tier| tier.tier(currency, book, report)).collect();
    Some(Tiers { unit, tiers: tiers?, flat_at_zero })
}

fn optional(
    amounts: Option<&Amounts>,
    currency: Currency,
    book: Currency,
    report: &mut Report,
) -> Option<UnitPrice> {
    amounts.and_then(|amounts| amounts.get(currency, book, report))
}

/// Which of the ways the section takes. Keys that do not go with it are reported.
fn way(section: &mut Section<'_>, span: &Range<usize>, report: &mut Report) -> Option<&'static str> {
    let given: Vec<_> = WAYS.iter().filter(|known| section.optional(known.0).is_some()).collect();
    let mut given = given.into_iter();
    let Some((way, goes_with)) = given.next().copied() else {
        let hint = "say how it is found: `price`, `graduated`, `volume`, `percent` or `times`";
        report.add_hint(span.clone(), "there is no price", hint);
        WAYS.iter().flat_map(|known| known.1).for_each(|key| _ = section.optional(key));
        return None;
    };
    for (second, _) in given {
        if let Some(place) = section.key_span(second) {
            let message =
                format!("a price is found in one way, and this one has both `{way}` and `{second}`");
            report.add_hint(place, message, "keep one of the two");
        }
    }
    for (other, keys) in WAYS.iter().filter(|(other, _)| *other != way) {
        for key in keys.iter().copied().filter(|key| !goes_with.contains(key)) {
            if section.optional(key).is_some()
                && let Some(place) = section.key_span(key)
            {
                report.add(place, format!("`{key}` goes with `{other}`, not with `{way}`"));
            }
        }
    }
    Some(way)
}

fn amounts(section: &mut Section<'_>, key: &'static str, report: &mut Report) -> Option<Amounts> {
    section.optional(key).and_then(|item| Amounts::read(item, report))
}

fn price(section: &mut Section<'_>, report: &mut Report) -> Option<Shape> {
    let price = amounts(section, "price", report);
    let choices = [("charged", Started::Charged), ("free", Started::Free)];
    let size = section.optional("package");
    let started = section.optional("started").and_then(|item| {
        if size.is_none() {
            report.add(
                item.span(),
                "`started` says what a package costs that is not full; there is no `package`",
            );
        }
        value::choice(item, "`started`", &choices, report)
    });
    match size {
        Some(item) => {
            let size = value::above_zero(item, "the size of a package", report);
            Some(Shape::Package { size: size?, price: price?, started: started.unwrap_or_default() })
        }
        None => Some(Shape::Each(price?)),
    }
}

fn tiered(section: &mut Section<'_>, way: &'static str, report: &mut Report) -> Option<Shape> {
    let flag = |item: &Item<'_>, report: &mut Report| value::flag(item, "`flat_at_zero`", report);
    let flat_at_zero = section.optional("flat_at_zero").and_then(|item| flag(item, report)).unwrap_or(false);
    let tiers = tiers::read(section.optional(way)?, way, report)?;
    Some(match way {
        "volume" => Shape::Volume { tiers, flat_at_zero },
        _ => Shape::Graduated { tiers, flat_at_zero },
    })
}

fn percentage(section: &mut Section<'_>, report: &mut Report) -> Option<Shape> {
    let rate = section.optional("percent").and_then(|item| value::percent(item, report));
    let events = |item: &Item<'_>, report: &mut Report| {
        value::whole(item, "`free_events`", 1..=1_000_000_000_000, report)
    };
    let draft = PercentageDraft {
        fixed: amounts(section, "fixed", report).unwrap_or_else(Amounts::nothing),
        free_amount: amounts(section, "free_amount", report),
        free_events: section.optional("free_events").and_then(|item| events(item, report)),
        at_least: amounts(section, "at_least", report),
        at_most: amounts(section, "at_most", report),
        rate: rate?,
    };
    Some(Shape::Percentage(Box::new(draft)))
}
