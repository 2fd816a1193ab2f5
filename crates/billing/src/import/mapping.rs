//! Which column is which.

use std::collections::BTreeMap;

use kernel::{Currency, Cycle, Error, Result, Zone};
use serde::Deserialize;

use crate::subscription::BillFrom;

/// A mapping file, in TOML.
///
/// ```toml
/// [columns]                     # our word = the column's name
/// external_id = "account_id"
/// name = "account_name"
/// country = "country"
/// start = "signup_date"         # a date (in the customer's zone) or an instant
/// plan = "plan_tier"
///
/// [plans]                       # the file's word = a plan of the price book
/// Basic = "starter"
///
/// [counts]                      # a limit of the plans = the column that says how many are used;
/// users = "seats"               # add-ons are bought for what the plan does not include
///
/// [countries]                   # the file's word = the ISO code, where they differ
/// UK = "GB"
///
/// [zones]                       # ISO country = time zone
/// US = "America/New_York"
///
/// [metadata]                    # our key = the column's name
/// industry = "industry"
///
/// [defaults]
/// cycle = "month"
/// currency = "USD"
/// zone = "UTC"
/// bill_from = "next_period"     # or current_period, start
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub(super) columns: Columns,
    #[serde(default)]
    pub(super) plans: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) counts: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) countries: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) zones: BTreeMap<String, Zone>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) defaults: Defaults,
}

/// Names of columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Columns {
    /// The merchant's own id: what makes a second run load nothing twice.
    pub(super) external_id: String,
    pub(super) name: String,
    pub(super) plan: String,
    pub(super) country: Option<String>,
    pub(super) start: Option<String>,
    pub(super) email: Option<String>,
    pub(super) address: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) cycle: Option<String>,
    /// Units of a plan that is priced per unit.
    pub(super) quantity: Option<String>,
}

/// What holds for rows that do not say.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) cycle: Cycle,
    pub(super) currency: Option<Currency>,
    pub(super) country: Option<String>,
    pub(super) zone: Zone,
    pub(super) bill_from: BillFrom,
}

impl Default for Defaults {
    fn default() -> Self {
        // Who imports has billed the running period already, unless the mapping says otherwise.
        Self {
            cycle: Cycle::MONTH,
            currency: None,
            country: None,
            zone: Zone::utc(),
            bill_from: BillFrom::NextPeriod,
        }
    }
}

impl Mapping {
    /// Read a mapping file. Errors: `mapping_invalid`, with line and column.
    pub fn read(file: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(String::new, |span| {
                let before = &text[..span.start.min(text.len())];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
                format!(":{line}:{column}")
            });
            Error::invalid("mapping_invalid", format!("{file}{place}: {}.", error.message()))
        })
    }
}
