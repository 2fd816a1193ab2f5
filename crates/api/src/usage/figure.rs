//! Figures of usage as requests say them.

use std::collections::BTreeMap;

use billing::usage::{Figure, Groups, Post};
use identity::text;
use kernel::{Error, Exact, Result, time};
use rating::Number;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{body::escaped, parameters::moved};

/// What was measured in all for a stretch: one of `quantity`, `amount`, `transactions`, `incomplete` or `groups`.
/// Numbers are decimal text; amounts are in major units of the subscription's currency.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutUsage {
    /// So many units, or a sum of money whose transactions do not matter.
    #[schema(examples("5200"))]
    quantity: Option<String>,
    /// A sum of money; `events` says of how many transactions.
    #[schema(examples("1234.50"))]
    amount: Option<String>,
    /// How many transactions the amount is the sum of.
    events: Option<u64>,
    /// The amount of each transaction, in their order; up to 100,000.
    transactions: Option<Vec<String>>,
    /// True when there is no complete figure.
    incomplete: Option<bool>,
    /// A figure for each value of the dimensions the usage price is grouped by; up to 1,000.
    groups: Option<BTreeMap<String, FigureIn>>,
    /// When the stretch began: an instant that `GET …/usage` shows. The one that is not billed yet, when left out.
    #[schema(examples("2026-03-01T00:00:00Z"))]
    period_start: Option<String>,
    /// The last event in the figure, by whatever counts events; up to 200 characters. The line it is billed by keeps it.
    watermark: Option<String>,
}

/// What was measured for one group: one of `quantity`, `amount`, `transactions` or `incomplete`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FigureIn {
    /// So many units, or a sum of money whose transactions do not matter.
    quantity: Option<String>,
    /// A sum of money; `events` says of how many transactions.
    amount: Option<String>,
    /// How many transactions the amount is the sum of.
    events: Option<u64>,
    /// The amount of each transaction, in their order.
    transactions: Option<Vec<String>>,
    /// True when there is no complete figure.
    incomplete: Option<bool>,
}

impl PutUsage {
    /// Errors: `usage_invalid`, `number_malformed`, `time_malformed`, `time_out_of_range`, `text_invalid`.
    pub(super) fn command(&self, key: String) -> Result<Post> {
        let Self { quantity, amount, events, transactions, incomplete, .. } = self.clone();
        let single = FigureIn { quantity, amount, events, transactions, incomplete };
        let groups = match &self.groups {
            None => Groups::from([(String::new(), single.figure("")?)]),
            Some(_) if single.says_something() => return Err(one_of("")),
            Some(groups) => groups
                .iter()
                .map(|(name, figure)| {
                    Ok((name.clone(), figure.figure(&format!("/groups/{}", escaped(name)))?))
                })
                .collect::<Result<_>>()?,
        };
        let start = self.period_start.as_deref().map(time::instant).transpose();
        let watermark = self.watermark.as_deref().map(|text| text::line(text, 200, "/watermark"));
        let start = start.map_err(|error| error.at("/period_start"))?;
        Ok(Post { key, groups, start, watermark: watermark.transpose()? })
    }

    /// Where the figure stands.
    pub(super) const fn place(&self) -> &'static str {
        match self {
            Self { groups: Some(_), .. } => "/groups",
            Self { transactions: Some(_), .. } => "/transactions",
            Self { amount: Some(_), .. } => "/amount",
            Self { incomplete: Some(_), .. } => "/incomplete",
            _ => "/quantity",
        }
    }
}

impl FigureIn {
    const fn says_something(&self) -> bool {
        self.quantity.is_some()
            || self.amount.is_some()
            || self.events.is_some()
            || self.transactions.is_some()
            || self.incomplete.is_some()
    }

    /// The figure of a body that stands at `pointer`.
    fn figure(&self, pointer: &str) -> Result<Figure> {
        let read = |text: &str, name: &str| number(text, &format!("{pointer}/{name}"));
        match self {
            Self {
                quantity: Some(quantity),
                amount: None,
                events: None,
                transactions: None,
                incomplete: None,
            } => Ok(Figure::Quantity(read(quantity, "quantity")?)),
            Self {
                quantity: None,
                amount: Some(amount),
                events: Some(events),
                transactions: None,
                incomplete: None,
            } => Ok(Figure::Amount { total: read(amount, "amount")?, events: *events }),
            Self {
                quantity: None,
                amount: None,
                events: None,
                transactions: Some(all),
                incomplete: None,
            } => {
                let all =
                    all.iter().enumerate().map(|(place, one)| read(one, &format!("transactions/{place}")));
                Ok(Figure::Transactions(all.collect::<Result<_>>()?))
            }
            Self {
                quantity: None,
                amount: None,
                events: None,
                transactions: None,
                incomplete: Some(true),
            } => Ok(Figure::Incomplete),
            _ => Err(one_of(pointer)),
        }
    }
}

fn one_of(pointer: &str) -> Error {
    let detail = "Say one thing: a quantity, an amount with its number of events, the transactions, or incomplete: \
                  true; or one of these for each of the groups.";
    Error::invalid("usage_invalid", detail).at(pointer)
}

/// A plain decimal.
fn number(text: &str, pointer: &str) -> Result<Number> {
    Exact::parse_decimal(text).map(Number::from).map_err(|mut error| {
        error.fields.clear();
        error.at(pointer)
    })
}

/// A refusal of a figure, at the place it has in the body. What is wrong with the key is wrong in the path.
pub(super) fn placed(mut error: Error, place: &str) -> Error {
    error.fields.retain(|field| field.pointer != "/key");
    moved(error, "/figures", place)
}
