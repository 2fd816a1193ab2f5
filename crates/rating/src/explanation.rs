//! How a line came to be, complete enough to compute it again by hand.

use kernel::{Currency, Error, Exact, Money, ProrationUnit, Result, UnitPrice};
use serde::{Deserialize, Serialize};

/// The steps from a price to an amount. The amount is the product of all steps before the last, rounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The currency of every amount in it.
    pub currency: Currency,
    /// In order.
    pub steps: Vec<Step>,
}

/// One step. Amounts and quantities are decimal text, in major units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The price that applies.
    Price {
        /// The plan's or add-on's name.
        name: String,
        /// Where it stands in the price book.
        place: String,
        /// The version of the price book.
        book: i64,
        /// The price of one unit, or of all.
        amount: UnitPrice,
        /// One of what is counted, when it is per unit.
        #[serde(skip_serializing_if = "Option::is_none")]
        per: Option<String>,
        /// The cycle it is for; none for a price charged once.
        #[serde(skip_serializing_if = "Option::is_none")]
        every: Option<String>,
    },
    /// A monthly price in a period of several months.
    Months {
        /// The months of the period.
        months: u32,
    },
    /// The quantity on the subscription.
    Quantity {
        /// How many.
        quantity: String,
        /// Of what.
        unit: String,
    },
    /// A part of a full period.
    Share {
        /// What is counted.
        unit: ProrationUnit,
        /// Units charged.
        part: i64,
        /// Units of the full period.
        whole: i64,
    },
    /// The one rounding: half away from zero, to the currency's minor unit.
    Round {
        /// The exact product: a decimal, or a fraction `n/d` when it does not end.
        exact: String,
        /// The amount of the line.
        amount: String,
    },
}

impl Explanation {
    /// The amount again, from nothing but the explanation.
    ///
    /// Errors: `internal` when a stored text is no number.
    pub fn recompute(&self) -> Result<Money> {
        let number = |text: &str| {
            Exact::parse_decimal(text).map_err(|_| Error::internal(format!("an explanation holds {text:?}, no number")))
        };
        let mut exact = Exact::one();
        for step in &self.steps {
            let factor = match step {
                Step::Price { amount, .. } => number(&amount.to_string())?,
                Step::Months { months } => Exact::from(i64::from(*months)),
                Step::Quantity { quantity, .. } => number(quantity)?,
                Step::Share { part, whole, .. } => Exact::ratio((*part).into(), (*whole).max(1).into()),
                Step::Round { .. } => continue,
            };
            exact = exact * factor;
        }
        Money::from_exact_major(&exact, self.currency)
    }

    /// One line of text per step, for pages, the command line and e-mails.
    pub fn sentences(&self) -> Vec<String> {
        let code = self.currency.code();
        self.steps.iter().map(|step| sentence(step, code)).collect()
    }
}

fn sentence(step: &Step, currency: &str) -> String {
    match step {
        Step::Price { name, place, book, amount, per, every } => {
            let per = per.as_ref().map(|unit| format!(" per {unit}")).unwrap_or_default();
            let every = every.as_ref().map(|cycle| format!(" every {cycle}")).unwrap_or_default();
            format!("{name}: {currency} {amount}{per}{every} (price book version {book}, {place})")
        }
        Step::Months { months } => format!("× {months} months of the monthly price"),
        Step::Quantity { quantity, unit } => format!("× {quantity}, the quantity subscribed (unit: {unit})"),
        Step::Share { unit, part, whole } => {
            let unit = match unit {
                ProrationUnit::Day => "days",
                ProrationUnit::Second => "seconds",
                ProrationUnit::ThirtyDayMonth => "days of 30-day months",
                ProrationUnit::None => "units",
            };
            format!("× {part}/{whole}: {part} of the period's {whole} {unit}")
        }
        Step::Round { exact, amount } if exact_equals(exact, amount) => format!("= {currency} {amount}, exactly"),
        Step::Round { exact, amount } => {
            format!("= {currency} {exact}, rounded half up to {currency} {amount}")
        }
    }
}

fn exact_equals(exact: &str, amount: &str) -> bool {
    match (Exact::parse_decimal(exact), Exact::parse_decimal(amount)) {
        (Ok(exact), Ok(amount)) => exact == amount,
        _ => false,
    }
}
