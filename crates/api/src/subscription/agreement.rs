//! What is agreed with a customer, as requests say it: prices, a minimum, a term, a ramp.

use std::collections::BTreeMap;

use billing::subscription::{AgreedPrice, Agreement, Change, NewTerm, Scheduled};
use kernel::{Rate, Result, UnitPrice, time};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    body::escaped,
    parameters::{parse_some, parse_with},
};

/// Figures of a price agreed with a customer, instead of the price book's. What is left out stays the book's.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgreedPriceIn {
    /// The amount of a flat price, of one unit or of one package, in major units.
    #[schema(examples("79"))]
    amount: Option<String>,
    /// The share of a percentage, or of a price that may be less.
    #[schema(examples("1.5"))]
    percent: Option<String>,
}

/// Prices by the key of the plan, add-on or usage price.
pub(super) type Prices = BTreeMap<String, AgreedPriceIn>;

/// The prices of a map that stands at `pointer`.
pub(super) fn prices(prices: &Prices, pointer: &str) -> Result<BTreeMap<String, AgreedPrice>> {
    prices
        .iter()
        .map(|(key, price)| {
            let at = format!("{pointer}/{}", escaped(key));
            let amount = parse_with(UnitPrice::parse, price.amount.as_deref(), &format!("{at}/amount"))?;
            let percent =
                parse_with(Rate::parse_percent, price.percent.as_deref(), &format!("{at}/percent"))?;
            Ok((key.clone(), AgreedPrice { amount, percent }))
        })
        .collect()
}

/// What is agreed with a customer beside the price book.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgreementIn {
    /// Prices by the key of the plan, add-on or usage price.
    #[serde(default)]
    prices: Prices,
    /// The least a period comes to, instead of the plan's minimum, in major units.
    #[schema(examples("1000"))]
    minimum: Option<String>,
}

impl AgreementIn {
    /// Whether anything is agreed.
    pub(super) fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.minimum.is_none()
    }

    pub(super) fn command(&self) -> Result<Agreement> {
        let minimum = parse_with(UnitPrice::parse, self.minimum.as_deref(), "/agreement/minimum")?;
        Ok(Agreement { prices: prices(&self.prices, "/agreement/prices")?, minimum })
    }
}

/// A contract's term.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TermIn {
    /// Its length, 1 to 120 months.
    #[schema(examples(12))]
    months: u32,
    /// Whether another term of the same length follows; otherwise the subscription expires.
    renews: bool,
}

impl From<TermIn> for NewTerm {
    fn from(TermIn { months, renews }: TermIn) -> Self {
        Self { months, renews }
    }
}

/// A change that waits for its day.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepIn {
    /// It is made at the first end of a period on or after this local date.
    #[schema(value_type = String, format = Date, examples("2027-01-01"))]
    on: String,
    /// What changes.
    change: ChangeIn,
}

/// What a step of a ramp changes; what is left out stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeIn {
    /// Key of another plan. It, and every price not agreed, is then that of the price book in force.
    pub(super) plan: Option<String>,
    /// Another cycle, likewise.
    pub(super) cycle: Option<String>,
    /// Units of the plan where it is priced per unit (seats).
    pub(super) quantity: Option<i64>,
    /// Add-ons by key with their new quantity; 0 ends one.
    #[serde(default)]
    pub(super) addons: BTreeMap<String, i64>,
    /// Prices agreed from then on, by the key of the plan, add-on or usage price; needs `subscription.negotiate`.
    #[serde(default)]
    pub(super) prices: Prices,
    /// Every price that is not agreed becomes that of the price book in force.
    #[serde(default)]
    pub(super) reprice: bool,
    /// The least a period comes to from then on, instead of the plan's minimum, in major units; needs
    /// `subscription.negotiate`.
    pub(super) minimum: Option<String>,
    /// A contract's term that begins then, instead of the one there was; needs `subscription.negotiate`.
    pub(super) term: Option<TermIn>,
}

impl ChangeIn {
    /// Where the first thing stands that is agreed beside the price book.
    pub(super) fn negotiated(&self) -> Option<&'static str> {
        let prices = (!self.prices.is_empty()).then_some("/prices");
        let minimum = self.minimum.as_ref().map(|_| "/minimum");
        prices.or(minimum).or(self.term.map(|_| "/term"))
    }

    /// The command of a change that stands at `pointer`.
    pub(super) fn command(&self, pointer: &str) -> Result<Change> {
        Ok(Change {
            plan: self.plan.clone(),
            cycle: parse_some(self.cycle.as_deref(), &format!("{pointer}/cycle"))?,
            quantity: self.quantity,
            addons: self.addons.clone(),
            prices: prices(&self.prices, &format!("{pointer}/prices"))?,
            reprice: self.reprice,
            minimum: parse_with(UnitPrice::parse, self.minimum.as_deref(), &format!("{pointer}/minimum"))?,
            term: self.term.map(NewTerm::from),
            discount: None,
        })
    }
}

/// The steps of a ramp that stands at `/ramp`.
pub(super) fn ramp(steps: &[StepIn]) -> Result<Vec<Scheduled>> {
    let step = |(place, step): (usize, &StepIn)| {
        let on = time::date(&step.on).map_err(|error| error.at(format!("/ramp/{place}/on")))?;
        let change = step.change.command(&format!("/ramp/{place}/change"))?;
        Ok(Scheduled { on, change, offered: false })
    };
    steps.iter().enumerate().map(step).collect()
}

/// Where the first thing stands that a ramp agrees beside the price book.
pub(super) fn priced_step(steps: &[StepIn]) -> Option<String> {
    let mut steps = steps.iter().enumerate();
    steps.find_map(|(place, step)| Some(format!("/ramp/{place}/change{}", step.change.negotiated()?)))
}
