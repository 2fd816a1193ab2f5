//! From one price to another.

use std::cmp::Ordering;

use kernel::{Exact, UnitPrice};
use serde::Serialize;

use crate::{AddonPrice, PayIn, Price, PriceKind, Tiers};

/// What happens to a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceStep {
    /// It costs the same, whatever the quantity.
    Same,
    /// It costs more, or for some quantities the same.
    Raised,
    /// It costs less, or for some quantities the same.
    Lowered,
    /// It is found in another way, or costs more for some quantities and less for others.
    Different,
}

impl PriceStep {
    /// From a price to another for the same cycle in the same currency.
    pub fn between(before: &Price, after: &Price) -> Self {
        Self::scaled((before, 1), (after, 1))
    }

    /// From an add-on's price in a period to another.
    pub(super) fn of_addon(before: &AddonPrice<'_>, after: &AddonPrice<'_>) -> Self {
        Self::scaled((before.price, before.months_factor), (after.price, after.months_factor))
    }

    /// Each price counts so many times.
    fn scaled((before, times_before): (&Price, u32), (after, times_after): (&Price, u32)) -> Self {
        if before.pay_in != after.pay_in || shape(before) != shape(after) {
            return Self::Different;
        }
        let times = |figures: Vec<Figure>, times: u32| -> Vec<Figure> {
            let times = Exact::from(i64::from(times));
            figures.into_iter().map(|figure| figure.map(|figure| &figure * &times)).collect()
        };
        let (before, after) = (times(figures(before), times_before), times(figures(after), times_after));
        let mut step = Self::Same;
        for (before, after) in before.iter().zip(&after) {
            let one = match compare(before.as_ref(), after.as_ref()) {
                Ordering::Equal => continue,
                Ordering::Less => Self::Raised,
                Ordering::Greater => Self::Lowered,
            };
            if step != Self::Same && step != one {
                return Self::Different;
            }
            step = one;
        }
        step
    }

    /// "rises from USD 49 to USD 59".
    pub(super) fn words(before: &Price, after: &Price) -> String {
        let step = Self::between(before, after);
        let (old, new) = (before.to_string(), after.to_string());
        if before.pay_in != after.pay_in && old == new {
            let when = if after.pay_in == PayIn::Arrears { "the end" } else { "the start" };
            return format!("stays {new}, paid at {when} of each period");
        }
        step.words_for(&old, &new)
    }

    /// The same with the prices in words.
    pub(super) fn words_for(self, old: &str, new: &str) -> String {
        let verb = match self {
            Self::Same => return format!("stays {new}"),
            Self::Raised => "rises",
            Self::Lowered => "falls",
            Self::Different => "changes",
        };
        format!("{verb} from {old} to {new}")
    }
}

/// "12 × USD 5 per user".
pub(super) fn over_months(price: &AddonPrice<'_>) -> String {
    match price.months_factor {
        1 => price.price.to_string(),
        months => format!("{months} × {}", price.price),
    }
}

/// A figure of a price; none is a missing maximum.
type Figure = Option<Exact>;

fn compare(before: Option<&Exact>, after: Option<&Exact>) -> Ordering {
    match (before, after) {
        (Some(before), Some(after)) => before.cmp(after),
        // No maximum is the highest.
        (before, after) => before.is_none().cmp(&after.is_none()),
    }
}

/// A price without its figures: only prices of one shape can be dearer or cheaper than each other. What plans and
/// add-ons are not priced by stays whole.
fn shape(price: &Price) -> PriceKind {
    let zero = UnitPrice::ZERO;
    let mut kind = price.kind.clone();
    match &mut kind {
        PriceKind::Flat { amount }
        | PriceKind::PerUnit { amount, .. }
        | PriceKind::Package { amount, .. } => *amount = zero,
        PriceKind::LesserOf { amount, rate, .. } => (*amount, *rate) = (zero, kernel::Rate::ZERO),
        PriceKind::Graduated(tiers) | PriceKind::Volume(tiers) => {
            for tier in &mut tiers.tiers {
                (tier.price, tier.flat) = (zero, zero);
            }
        }
        PriceKind::Percentage(_) | PriceKind::GraduatedPercentage { .. } | PriceKind::Dynamic { .. } => {}
    }
    kind
}

/// The figures of a price, as many for each price of its shape; a higher one never makes it cheaper.
fn figures(price: &Price) -> Vec<Figure> {
    let of_tiers = |tiers: &Tiers| -> Vec<Figure> {
        tiers
            .tiers
            .iter()
            .flat_map(|tier| [tier.price, tier.flat])
            .map(|figure| Some(figure.exact()))
            .collect()
    };
    let mut figures = match &price.kind {
        PriceKind::Flat { amount }
        | PriceKind::PerUnit { amount, .. }
        | PriceKind::Package { amount, .. } => {
            vec![Some(amount.exact())]
        }
        PriceKind::LesserOf { amount, rate, .. } => vec![Some(amount.exact()), Some(rate.exact())],
        PriceKind::Graduated(tiers) | PriceKind::Volume(tiers) => of_tiers(tiers),
        PriceKind::Percentage(_) | PriceKind::GraduatedPercentage { .. } | PriceKind::Dynamic { .. } => {
            Vec::new()
        }
    };
    figures.push(Some(price.minimum.unwrap_or(UnitPrice::ZERO).exact()));
    figures.push(price.maximum.map(UnitPrice::exact));
    figures
}
