//! Reading rows: from text in columns to a customer and a command. Pure.

use std::{collections::BTreeMap, io::Read};

use catalog::{Book, Included, Plan};
use csv::StringRecord;
use identity::NewCustomer;
use jiff::Timestamp;
use kernel::{Currency, Cycle, Error, Result, Zone, ids::CustomerId, time};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::mapping::Mapping;
use crate::subscription::Start;

/// A row that cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file, from 1; the heading is line 1.
    pub line: u64,
    /// The column it is about, when there is one.
    pub column: Option<String>,
    /// What stands there.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A row that can be loaded.
#[derive(Clone, Debug)]
pub(super) struct GoodRow {
    pub(super) line: u64,
    pub(super) external_id: String,
    pub(super) customer: NewCustomer,
    /// Names no customer yet.
    pub(super) start: Start,
}

/// The most rows of one file.
const MAX_ROWS: usize = 1_000_000;

/// Rows of a file against a price book at an instant.
pub(super) struct Reader<'a> {
    mapping: &'a Mapping,
    book: &'a Book,
    now: Timestamp,
    places: BTreeMap<String, usize>,
}

impl<'a> Reader<'a> {
    /// Read a whole file: the good rows and the bad ones.
    ///
    /// Errors: `file_unreadable`, `column_missing`, `file_too_long`, `mapping_invalid`.
    pub(super) fn read(
        mapping: &'a Mapping,
        book: &'a Book,
        now: Timestamp,
        file: impl Read,
    ) -> Result<(Vec<GoodRow>, Vec<BadRow>)> {
        let mut csv = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(file);
        let unreadable = |error: csv::Error| {
            Error::invalid("file_unreadable", format!("The file cannot be read: {error}."))
        };
        let heading = csv.headers().map_err(unreadable)?.clone();
        let places = heading.iter().enumerate().map(|(place, name)| (name.to_owned(), place)).collect();
        let reader = Self { mapping, book, now, places };
        reader.check_mapping()?;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut lines_of: BTreeMap<String, u64> = BTreeMap::new();
        for record in csv.into_byte_records() {
            if good.len() + bad.len() >= MAX_ROWS {
                return Err(Error::invalid(
                    "file_too_long",
                    format!("The file has more than {MAX_ROWS} rows. Split it."),
                ));
            }
            let record = record.map_err(unreadable)?;
            let line = record.position().map_or(0, csv::Position::line);
            let read = StringRecord::from_byte_record(record)
                .map_err(|_| fault(None, "", "this row is not UTF-8"))
                .and_then(|record| reader.row(line, &record));
            match read {
                Err(fault) => bad.push(BadRow { line, ..fault }),
                Ok(row) => match lines_of.get(&row.external_id) {
                    Some(first) => {
                        let column = Some(mapping.columns.external_id.clone());
                        let reason = format!("line {first} has the same id");
                        bad.push(BadRow { line, column, value: row.external_id, reason });
                    }
                    None => {
                        lines_of.insert(row.external_id.clone(), line);
                        good.push(row);
                    }
                },
            }
        }
        Ok((good, bad))
    }

    /// Every column the mapping names is in the file, every plan and limit in the price book.
    fn check_mapping(&self) -> Result<()> {
        let Mapping { columns, plans, counts, metadata, .. } = self.mapping;
        let optional = [
            &columns.country,
            &columns.start,
            &columns.email,
            &columns.address,
            &columns.zone,
            &columns.currency,
            &columns.cycle,
            &columns.quantity,
        ];
        let named = [&columns.external_id, &columns.name, &columns.plan]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .chain(counts.values())
            .chain(metadata.values());
        for name in named {
            if !self.places.contains_key(name) {
                let known: Vec<&str> = self.places.keys().map(String::as_str).collect();
                let detail = format!("The file has no column {name:?}. It has {}.", known.join(", "));
                return Err(Error::invalid("column_missing", detail));
            }
        }
        if let Some(plan) = plans.values().find(|plan| self.book.plan(plan).is_none()) {
            let detail = format!("The mapping names the plan {plan:?}, which the price book does not have.");
            return Err(Error::invalid("mapping_invalid", detail));
        }
        match counts.keys().find(|limit| self.book.feature(limit).is_none()) {
            None => Ok(()),
            Some(limit) => {
                let detail = format!("The mapping counts {limit:?}, which is no limit of the price book.");
                Err(Error::invalid("mapping_invalid", detail))
            }
        }
    }

    fn row(&self, line: u64, record: &StringRecord) -> Result<GoodRow, BadRow> {
        let Mapping { columns, defaults, .. } = self.mapping;
        let cell = |name: &str| self.places.get(name).and_then(|place| record.get(*place)).unwrap_or("");
        let optional = |name: &Option<String>| {
            name.as_deref().map(|name| (name.to_owned(), cell(name))).filter(|(_, text)| !text.is_empty())
        };
        let country = match (optional(&columns.country), &defaults.country) {
            (Some((_, word)), _) => self.mapping.countries.get(word).map_or(word, String::as_str).to_owned(),
            (None, Some(country)) => country.clone(),
            (None, None) => return Err(fault(columns.country.clone(), "", "the country is missing")),
        };
        let currency = self.parsed(optional(&columns.currency), Currency::parse)?;
        let zone = self.parsed(optional(&columns.zone), Zone::parse)?;
        let zone = zone
            .or_else(|| self.mapping.zones.get(&country).cloned())
            .unwrap_or_else(|| defaults.zone.clone());
        let cycle = self.parsed(optional(&columns.cycle), Cycle::parse)?.unwrap_or(defaults.cycle);
        let quantity = self.parsed(optional(&columns.quantity), whole_number)?;
        let start = self.parsed(optional(&columns.start), |text| instant_or_date(text, &zone))?;
        if start.is_some_and(|start| start > self.now) {
            let column = columns.start.clone().unwrap_or_default();
            let reason = format!("the start lies in the future; it is {} here", self.now);
            return Err(fault(columns.start.clone(), cell(&column), &reason));
        }
        let plan = self.plan(cell(&columns.plan))?;
        let addons = self.addons(plan, cell)?;
        let metadata: Map<String, Json> =
            self.mapping.metadata.iter().map(|(key, name)| (key.clone(), Json::from(cell(name)))).collect();
        let external_id = cell(&columns.external_id).to_owned();
        let customer = NewCustomer {
            name: cell(&columns.name).to_owned(),
            email: optional(&columns.email).map(|(_, text)| text.to_owned()),
            address: optional(&columns.address).map(|(_, text)| text.to_owned()),
            country,
            region: None,
            tax_id: None,
            tax_exempt: false,
            currency: currency.or(defaults.currency).unwrap_or(self.book.currency),
            zone: Some(zone),
            external_id: Some(external_id.clone()),
            metadata: Json::Object(metadata),
        };
        let customer = customer.checked().map_err(|error| self.customer_fault(&error, cell))?;
        let start = Start {
            quantity,
            addons,
            start,
            bill_from: defaults.bill_from,
            ..Start::of(CustomerId::from_uuid(Uuid::nil()), plan.key.clone(), cycle)
        };
        Ok(GoodRow { line, external_id, customer, start })
    }

    fn plan(&self, word: &str) -> Result<&'a Plan, BadRow> {
        let key = self.mapping.plans.get(word).map_or(word, String::as_str);
        self.book.plan(key).ok_or_else(|| {
            let reason = "the mapping and the price book know no such plan";
            fault(Some(self.mapping.columns.plan.clone()), word, reason)
        })
    }

    /// The add-ons that cover what is used beyond what the plan includes.
    fn addons<'c>(
        &self,
        plan: &Plan,
        cell: impl Fn(&str) -> &'c str,
    ) -> Result<BTreeMap<String, i64>, BadRow> {
        let mut addons = BTreeMap::new();
        for (limit, column) in &self.mapping.counts {
            let text = cell(column);
            let wrong = |reason: &str| fault(Some(column.clone()), text, reason);
            let used = whole_number(text).map_err(|error| wrong(&lower(&error)))?;
            let included = match plan.includes.get(limit) {
                Some(Included::Unlimited) => continue,
                Some(Included::UpTo(count)) => i64::try_from(*count).unwrap_or(i64::MAX),
                Some(Included::Value(_)) => {
                    return Err(wrong(&format!("{limit} is no number in the price book")));
                }
                None => 0,
            };
            let missing = used - included;
            if missing <= 0 {
                continue;
            }
            let raising = self.book.addons.iter().filter(|addon| addon.fits(plan));
            let (addon, raise) = raising
                .filter_map(|addon| {
                    addon.raises.get(limit).map(|raise| (addon, i64::try_from(*raise).unwrap_or(i64::MAX)))
                })
                .find(|(_, raise)| *raise > 0)
                .ok_or_else(|| {
                    wrong(&format!("{} includes {included} {limit} and no add-on raises that", plan.name))
                })?;
            addons.insert(addon.key.clone(), (missing + raise - 1) / raise);
        }
        Ok(addons)
    }

    fn parsed<T>(
        &self,
        cell: Option<(String, &str)>,
        parse: impl Fn(&str) -> Result<T>,
    ) -> Result<Option<T>, BadRow> {
        let Some((column, text)) = cell else { return Ok(None) };
        parse(text).map(Some).map_err(|error| fault(Some(column), text, &lower(&error)))
    }

    /// A fault of a customer's field, told by its column.
    fn customer_fault<'c>(&self, error: &Error, cell: impl Fn(&str) -> &'c str) -> BadRow {
        let columns = &self.mapping.columns;
        let column = match error.fields.first().map(|field| field.pointer.as_str()) {
            Some("/name") => Some(columns.name.clone()),
            Some("/email") => columns.email.clone(),
            Some("/address") => columns.address.clone(),
            Some("/country") => columns.country.clone(),
            Some("/external_id") => Some(columns.external_id.clone()),
            _ => None,
        };
        let value = column.as_deref().map_or("", cell);
        fault(column.clone(), value, &lower(error))
    }
}

fn fault(column: Option<String>, value: &str, reason: &str) -> BadRow {
    // A whole document in one cell is not repeated in the report.
    let value = value.chars().take(80).collect();
    BadRow { line: 0, column, value, reason: reason.to_owned() }
}

/// A sentence in the middle of another: its first letter small, its full stop gone.
fn lower(error: &Error) -> String {
    let text = error.detail.trim_end_matches('.');
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn whole_number(text: &str) -> Result<i64> {
    text.parse()
        .ok()
        .filter(|count| (0..=crate::subscription::rules::MAX_QUANTITY).contains(count))
        .ok_or_else(|| Error::invalid("quantity_invalid", "This is not a whole number from 0 to 1000000000."))
}

/// An instant, or the first instant of a date in `zone`.
fn instant_or_date(text: &str, zone: &Zone) -> Result<Timestamp> {
    if text.len() == 10 { time::date(text).map(|date| zone.start_of_day(date)) } else { time::instant(text) }
}
