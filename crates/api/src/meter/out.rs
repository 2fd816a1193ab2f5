//! Meters and usage in answers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kernel::{Exact, Quantity, Result, time};
use metering::{
    event::{Meter, Reading, word},
    log::Entry,
    usage::{Dimensions, Figure, Span},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::asked::Asked;

/// A meter of the price book.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Meter)]
pub(crate) struct MeterOut {
    /// Its key: the `type` of its events.
    #[schema(examples("agent_runs"))]
    key: String,
    /// What it is called.
    name: String,
    /// One of what it measures.
    unit: String,
    /// How events become a figure: `count`, `sum`, `max`, `min`, `unique`, `latest` or `time_weighted`.
    aggregation: &'static str,
    /// The property of an event's data that is looked at; null for a count.
    property: Option<String>,
    /// Decimals a value keeps.
    decimals: u8,
    /// Properties by which usage can be told apart.
    dimensions: Vec<String>,
}

impl From<&catalog::Meter> for MeterOut {
    fn from(meter: &catalog::Meter) -> Self {
        let counts = meter.aggregation == catalog::Aggregation::Count;
        let property = meter.property.clone().unwrap_or_else(|| "value".to_owned());
        Self {
            key: meter.key.clone(),
            name: meter.name.clone(),
            unit: meter.unit.clone(),
            aggregation: word(meter.aggregation),
            property: (!counts).then_some(property),
            decimals: meter.decimals,
            dimensions: meter.dimensions.clone(),
        }
    }
}

/// How much was used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MeterUsage)]
pub(crate) struct UsedOut {
    /// The key of the meter.
    meter: String,
    /// One of what it measures.
    unit: String,
    /// Whose usage.
    customer: String,
    /// Of which subscription; null for all of the customer's.
    subscription: Option<String>,
    /// The zone days and months are of.
    zone: String,
    /// The figures, one after the other; for each value of the dimensions asked for.
    data: Vec<WindowOut>,
}

/// A figure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageWindow)]
pub(crate) struct WindowOut {
    /// The first instant of its time.
    start: Timestamp,
    /// The first instant after it.
    end: Timestamp,
    /// Its values of the dimensions asked for.
    group: BTreeMap<String, String>,
    /// How much, as decimal text in the meter's unit; a time-weighted value is rounded to 9 decimals.
    #[schema(examples("5200"))]
    value: String,
    /// How many events it comes from.
    events: u64,
}

impl WindowOut {
    pub(super) fn new(span: Span, group: Dimensions, figure: &Figure) -> Result<Self> {
        Ok(Self {
            start: time::from_micros(span.start)?,
            end: time::from_micros(span.end)?,
            group,
            value: decimal(&figure.value),
            events: figure.events,
        })
    }
}

/// As a decimal: exact where it ends, else rounded.
fn decimal(value: &Exact) -> String {
    let text = value.to_string();
    if text.contains('/') { value.to_decimal_string(9) } else { text }
}

impl UsedOut {
    pub(super) fn new(asked: &Asked, data: Vec<WindowOut>) -> Self {
        Self {
            meter: asked.meter.key.clone(),
            unit: asked.unit.clone(),
            customer: asked.customer.to_string(),
            subscription: asked.subscription.map(|id| id.to_string()),
            zone: asked.zone.to_string(),
            data,
        }
    }

    /// The same as a file: a row for each figure, a column for each dimension.
    pub(super) fn csv(&self) -> String {
        let names: BTreeSet<&String> = self.data.iter().flat_map(|one| one.group.keys()).collect();
        let mut file = String::from("start,end");
        for name in &names {
            file += &format!(",{}", field(name));
        }
        file += ",value,events\r\n";
        for one in &self.data {
            file += &format!("{},{}", one.start, one.end);
            for name in &names {
                file += &format!(",{}", field(one.group.get(*name).map_or("", String::as_str)));
            }
            file += &format!(",{},{}\r\n", one.value, one.events);
        }
        file
    }
}

/// A field of a CSV file (RFC 4180). What a spreadsheet would take for a formula is made a text.
fn field(text: &str) -> String {
    let text = match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@') => format!("'{text}"),
        _ => text.to_owned(),
    };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// An event that stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventOut {
    /// Where it was noticed.
    source: String,
    /// Its id there.
    id: String,
    /// When it happened.
    time: Timestamp,
    /// When it was accepted.
    accepted: Timestamp,
    /// What it brought to the meter, as decimal text; null where different values are counted.
    value: Option<String>,
    /// It went beyond a limit when a hold was committed.
    over_limit: bool,
    /// Its data, as it was sent.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
}

impl EventOut {
    pub(super) fn new(entry: Entry, meter: &Meter) -> Result<Self> {
        let value = match entry.reading {
            Reading::Amount(scaled) => Some(Quantity::from_scaled(scaled, meter.decimals)?.to_string()),
            Reading::Value(_) => None,
        };
        Ok(Self {
            source: entry.name.source,
            id: entry.name.id,
            time: time::from_micros(entry.at)?,
            accepted: time::from_micros(entry.accepted)?,
            value,
            over_limit: entry.over_limit,
            data: RawValue::from_string(entry.data).ok(),
        })
    }
}
