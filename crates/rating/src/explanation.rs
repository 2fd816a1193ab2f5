//! How a line came to be, complete enough to compute it again by hand.

use catalog::Price;
use jiff::{Timestamp, civil::Date};
use kernel::{Currency, Edge, Money, ProrationUnit, Rate, Result, UnitPrice};
use serde::{Deserialize, Serialize};

use crate::{Number, metered::not_below_zero, recompute, sentences};

/// The steps from a price to an amount.
///
/// Read from first to last they keep one running amount: a price sets it, what is bought or measured multiplies it
/// or adds to it, minimum, maximum and what was billed bound and lower it, and the last step rounds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The currency of every amount in it.
    pub currency: Currency,
    /// In order.
    pub steps: Vec<Step>,
}

/// One step. Amounts and quantities are decimal text, in major units; a number that does not end is `n/d`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The price that applies, when it is one figure.
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
    /// How the price before it follows from the price of a month.
    Prepaid {
        /// The price of a month.
        monthly: UnitPrice,
        /// Months paid at once.
        months: u32,
        /// What is taken off for that.
        off: Rate,
    },
    /// The price that applies, when it is more than one figure. It adds nothing itself.
    Tariff {
        /// What is charged.
        name: String,
        /// Where it stands in the price book.
        place: String,
        /// The version of the price book.
        book: i64,
        /// All of it.
        price: Box<Price>,
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
    /// What the steps that follow are about: a quantity bought or measured, or an amount of money measured.
    Measured {
        /// How many, or how much.
        quantity: Number,
        /// One of what is counted; none for money.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        /// Over how many events, where that counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        events: Option<u64>,
    },
    /// How far what was measured goes: it adds nothing itself.
    UpTo {
        /// The last event in it, by whatever counts events.
        watermark: String,
    },
    /// Billed before the stretch ends, because usage had reached a threshold: it adds nothing itself. What was measured is
    /// everything counted in the whole stretch by then.
    Early {
        /// The threshold.
        reached: String,
        /// The local date on which the stretch ends.
        date: Date,
        /// The instant at which it ends.
        until: Timestamp,
    },
    /// There is no complete figure for the period.
    Unmeasured,
    /// Units that are included in the plan, taken off what was measured.
    Included {
        /// How many.
        each: Number,
        /// For each of so many units bought.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<Number>,
        /// What is left to charge.
        left: Number,
    },
    /// Transactions that are free, taken off what was measured.
    Free {
        /// How many.
        events: u64,
        /// How much of the amount measured is free.
        amount: Number,
    },
    /// Adds a price for each unit.
    Units {
        /// How many.
        units: Number,
        /// For one.
        each: UnitPrice,
        /// What they cost.
        amount: Number,
    },
    /// Adds a price for each package.
    Packages {
        /// How many units.
        units: Number,
        /// Units in a package.
        size: Number,
        /// How many packages they are.
        packages: i64,
        /// For one package.
        each: UnitPrice,
        /// What they cost.
        amount: Number,
    },
    /// Adds one tier.
    Tier {
        /// The tier begins above this.
        from: Number,
        /// Its last unit; none for the last tier.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        up_to: Option<Number>,
        /// Units charged in it.
        units: Number,
        /// Packages these units are, with the size of one, when it is sold in packages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        packages: Option<(i64, Number)>,
        /// For one unit or package.
        each: UnitPrice,
        /// For entering the tier.
        flat: UnitPrice,
        /// What the tier costs.
        amount: Number,
    },
    /// Adds one tier of a graduated percentage.
    PercentTier {
        /// The tier begins above this.
        from: Number,
        /// Its end; none for the last tier.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        up_to: Option<Number>,
        /// The part of the amount in it.
        of: Number,
        /// The share of that part.
        percent: Rate,
        /// For entering the tier.
        flat: UnitPrice,
        /// What the tier costs.
        amount: Number,
    },
    /// Adds a share of an amount.
    Percent {
        /// The share.
        percent: Rate,
        /// Of what.
        of: Number,
        /// What that is.
        amount: Number,
    },
    /// Adds a fixed amount for each transaction.
    Fixed {
        /// How many.
        events: u64,
        /// For one.
        each: UnitPrice,
        /// What they cost.
        amount: Number,
    },
    /// Adds the transactions that cost the least or the most a transaction can.
    Bounded {
        /// Which of the two.
        bound: Bound,
        /// How many.
        events: u64,
        /// How much of the amount measured they are.
        of: Number,
        /// For one.
        each: UnitPrice,
        /// What they cost.
        amount: Number,
    },
    /// Adds the amount measured, times a number.
    Times {
        /// The number.
        times: Number,
        /// What that is.
        amount: Number,
    },
    /// A level of a quantity that changed within the period, for the time it stood.
    Level {
        /// How many.
        quantity: Number,
        /// What is counted.
        unit: ProrationUnit,
        /// Units of the period for which it stood.
        part: i64,
        /// Units of the full period.
        whole: i64,
        /// What they cost, flat amounts apart.
        amount: Number,
    },
    /// Adds the flat amounts of the tiers entered, once.
    Flats {
        /// The highest quantity.
        highest: Number,
        /// What they come to.
        amount: Number,
    },
    /// The flat price or the share, whichever is less.
    Lesser {
        /// The share.
        percent: Rate,
        /// Of what.
        of: Number,
        /// What that is.
        amount: Number,
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
    /// The least the price comes to: what is missing is added.
    Minimum {
        /// The least.
        minimum: Number,
        /// The part of it a shorter period counts for: units charged, units of the full period.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        share: Option<(i64, i64)>,
        /// What is added.
        added: Number,
    },
    /// The most it comes to: what is beyond is taken off.
    Maximum {
        /// The most.
        maximum: Number,
        /// What is taken off.
        taken: Number,
    },
    /// What a credit note took back and is charged again, instead of a price.
    Restored {
        /// What it was, and by which credit note.
        name: String,
        /// The amount.
        amount: String,
    },
    /// Takes off what has been billed for the same already.
    Billed {
        /// The amount.
        amount: String,
    },
    /// Never below zero: what was billed is enough.
    Enough,
    /// Takes off a discount.
    Discount {
        /// The coupon.
        name: String,
        /// The amount.
        amount: String,
    },
    /// The rounding: half away from zero, to the currency's minor unit.
    Round {
        /// The exact amount: a decimal, or a fraction `n/d` when it does not end.
        exact: String,
        /// The rounded one.
        amount: String,
    },
}

/// The least or the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The least.
    AtLeast,
    /// The most.
    AtMost,
}

impl Explanation {
    /// The amount again, from nothing but the explanation, by code of its own: every step is worked out anew and
    /// must come to what it says, and a price of several figures is applied once more to what was measured.
    ///
    /// Errors: `internal` when a step does not come to what it says; `amount_out_of_range`.
    pub fn recompute(&self) -> Result<Money> {
        recompute::recompute(self)
    }

    /// The running amount after the last step, worked out anew.
    pub(crate) fn exact(&self) -> Result<kernel::Exact> {
        recompute::exact(self)
    }

    /// How many units were included before any were charged, and how many of them are left; none when none are.
    pub fn allowance(&self) -> Option<(Number, Number)> {
        let measured = self.steps.iter().find_map(|step| match step {
            Step::Measured { quantity, .. } => Some(&**quantity),
            _ => None,
        })?;
        let included = self.steps.iter().find_map(|step| match step {
            Step::Included { each, times: Some(times), .. } => Some(&**each * &**times),
            Step::Included { each, times: None, .. } => Some((**each).clone()),
            _ => None,
        })?;
        let left = not_below_zero(&included - measured);
        Some((included.into(), left.into()))
    }

    /// One line of text per step, for pages, the command line and e-mails.
    pub fn sentences(&self) -> Vec<String> {
        let code = self.currency.code();
        self.steps.iter().map(|step| sentences::sentence(step, code)).collect()
    }

    /// The same for a figure that goes up to an event.
    #[must_use]
    pub fn measured_up_to(mut self, watermark: &str) -> Self {
        let measured =
            self.steps.iter().position(|step| matches!(step, Step::Measured { .. } | Step::Lesser { .. }));
        if let Some(place) = measured {
            self.steps.insert(place + 1, Step::UpTo { watermark: watermark.to_owned() });
        }
        self
    }

    /// The same for what is billed before its stretch ends, because usage had reached a threshold.
    #[must_use]
    pub fn early(mut self, reached: Money, end: Edge) -> Self {
        let counted = |step: &Step| matches!(step, Step::Measured { .. } | Step::UpTo { .. });
        let place = self.steps.iter().rposition(counted).map_or(self.steps.len(), |place| place + 1);
        let step = Step::Early { reached: reached.decimal(), date: end.date, until: end.at };
        self.steps.insert(place, step);
        self
    }

    /// When the stretch ends, for what is billed before.
    pub fn early_until(&self) -> Option<Timestamp> {
        self.steps.iter().find_map(|step| match step {
            Step::Early { until, .. } => Some(*until),
            _ => None,
        })
    }

    /// The same after a discount of `amount`.
    #[must_use]
    pub fn discounted(mut self, name: &str, amount: Money) -> Self {
        self.steps.push(Step::Discount { name: name.to_owned(), amount: amount.decimal() });
        self
    }
}
