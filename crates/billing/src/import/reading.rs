//! From the text of a row to what it means. Pure.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Book, Included, Plan, version::Version};
use identity::{LegalEntity, NewCustomer, text};
use jiff::Timestamp;
use kernel::{Currency, Cycle, Error, Result, Zone};
use serde_json::{Map, Value as Json};

use super::{
    field::{Cell, Field},
    finding::Fault,
    mapping::{CustomerFields, Mapping},
    table::{Heading, Row},
    value::{truth, whole_number},
};
use crate::subscription::history::Contents;

/// What rows are read against.
pub(super) struct Reading<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) version: &'a Version,
    pub(super) entities: &'a [LegalEntity],
    pub(super) now: Timestamp,
}

/// What of a customer decides how its subscriptions are read.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) zone: Zone,
    pub(super) currency: Currency,
}

/// A row with its file's heading: where values are read from.
#[derive(Clone, Copy)]
pub(super) struct Line<'r> {
    pub(super) heading: &'r Heading,
    pub(super) row: &'r Row,
}

impl<'r> Line<'r> {
    pub(super) fn cell(self, field: &'r Field) -> Option<Cell<'r>> {
        self.heading.read(self.row, field)
    }

    pub(super) fn optional(self, field: &'r Option<Field>) -> Option<Cell<'r>> {
        self.heading.read_option(self.row, field)
    }

    /// A cell read, when it says something.
    pub(super) fn parsed<T>(
        self,
        field: &'r Option<Field>,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(cell) = self.optional(field) else { return Ok(None) };
        parse(&cell.text).map(Some).map_err(|error| Fault::of(cell.column, &cell.text, &error))
    }

    /// A cell that must say something.
    pub(super) fn needed<T>(
        self,
        field: &'r Field,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Result<T, Fault> {
        let Some(cell) = self.cell(field) else {
            return Err(Fault::new(Some(&field.to_string()), "", "this must not be empty"));
        };
        parse(&cell.text).map_err(|error| Fault::of(cell.column, &cell.text, &error))
    }

    /// A fault with what a field says here.
    pub(super) fn fault(self, field: Option<&'r Field>, reason: &str) -> Fault {
        match field.and_then(|field| self.cell(field)) {
            Some(cell) => Fault::new(cell.column, &cell.text, reason),
            None => Fault::new(field.map(Field::to_string).as_deref(), "", reason),
        }
    }

    /// An id of the merchant's.
    pub(super) fn id(self, field: &'r Field) -> Result<String, Fault> {
        self.needed(field, |id| text::external_id(id, "/external_id"))
    }

    /// Whether the mapping leaves this row out.
    pub(super) fn skipped(self, skip: &BTreeMap<String, BTreeSet<String>>) -> bool {
        skip.iter().any(|(column, words)| words.contains(self.heading.text(self.row, column)))
    }

    pub(super) fn metadata(self, fields: &'r BTreeMap<String, Field>) -> Json {
        let note = |(key, field): (&String, &'r Field)| {
            (key.clone(), Json::from(self.cell(field).map(|cell| cell.text).unwrap_or_default()))
        };
        Json::Object(fields.iter().map(note).collect::<Map<_, _>>())
    }
}

impl Reading<'_> {
    pub(super) fn book(&self) -> &Book {
        &self.version.book
    }

    /// A customer's row.
    pub(super) fn customer(&self, fields: &CustomerFields, line: Line<'_>) -> Result<NewCustomer, Fault> {
        let Mapping { countries, zones, defaults, .. } = self.mapping;
        let external_id = line.id(&fields.id)?;
        let country = match (line.optional(&fields.country), &defaults.country) {
            (Some(cell), _) => countries.get(cell.text.as_ref()).cloned().unwrap_or(cell.text.into_owned()),
            (None, Some(country)) => country.clone(),
            (None, None) => return Err(line.fault(fields.country.as_ref(), "the country is missing")),
        };
        let currency = line.parsed(&fields.currency, currency)?;
        let zone = line.parsed(&fields.zone, Zone::parse)?;
        let zone = zone.or_else(|| zones.get(&country).cloned()).unwrap_or_else(|| defaults.zone.clone());
        let text = |field: Option<Cell<'_>>| field.map(|cell| cell.text.into_owned());
        let customer = NewCustomer {
            name: text(line.cell(&fields.name)).unwrap_or_default(),
            email: text(line.optional(&fields.email)),
            address: text(line.optional(&fields.address)),
            country,
            region: text(line.optional(&fields.region)),
            tax_id: text(line.optional(&fields.tax_id)),
            tax_exempt: line.parsed(&fields.tax_exempt, truth)?.unwrap_or(false),
            currency: currency.or(defaults.currency).unwrap_or(self.book().currency),
            zone: Some(zone),
            external_id: Some(external_id),
            metadata: line.metadata(&fields.metadata),
        };
        customer.checked().map_err(|error| {
            let field = match error.fields.first().map(|field| field.pointer.as_str()) {
                Some("/name") => Some(&fields.name),
                Some("/email") => fields.email.as_ref(),
                Some("/address") => fields.address.as_ref(),
                Some("/country") => fields.country.as_ref(),
                Some("/region") => fields.region.as_ref(),
                Some("/tax_id") => fields.tax_id.as_ref(),
                _ => None,
            };
            match field.and_then(|field| line.cell(field)) {
                Some(cell) => Fault::of(cell.column, &cell.text, &error),
                None => Fault::of(field.map(Field::to_string).as_deref(), "", &error),
            }
        })
    }

    /// The plan a word stands for, and the cycle it stands for as well, if it does.
    pub(super) fn plan(&self, word: &str) -> Result<(&Plan, Option<Cycle>)> {
        let meant = self.mapping.plans.get(word);
        let key = meant.map_or(word, |meant| meant.plan());
        let plan = self.book().plan(key).ok_or_else(|| {
            Error::invalid("plan_unknown", "The mapping and the price book know no such plan.")
        })?;
        Ok((plan, meant.and_then(|meant| meant.cycle())))
    }

    pub(super) fn cycle(&self, word: &str) -> Result<Cycle> {
        self.mapping.cycles.get(word).map_or_else(|| Cycle::parse(word), |cycle| Ok(*cycle))
    }

    /// The add-on a word stands for.
    pub(super) fn addon(&self, word: &str) -> Result<String> {
        let key = self.mapping.addons.get(word).map_or(word, String::as_str);
        match self.book().addon(key) {
            Some(addon) => Ok(addon.key.clone()),
            None => {
                Err(Error::invalid("addon_unknown", "The mapping and the price book know no such add-on."))
            }
        }
    }

    /// What a subscription's row says it consists of.
    pub(super) fn contents(&self, line: Line<'_>) -> Result<Contents, Fault> {
        let Some(fields) = &self.mapping.subscription else {
            return Err(Fault::new(None, "", "the mapping has no part for subscriptions"));
        };
        let (plan, meant) = line.needed(&fields.plan, |word| self.plan(word))?;
        let cycle = line.parsed(&fields.cycle, |word| self.cycle(word))?;
        Ok(Contents {
            plan: plan.key.clone(),
            cycle: cycle.or(meant).unwrap_or(self.mapping.defaults.cycle),
            quantity: line.parsed(&fields.quantity, whole_number)?,
            addons: self.counted(plan, line)?,
        })
    }

    /// The add-ons that cover what is used beyond what the plan includes.
    fn counted(&self, plan: &Plan, line: Line<'_>) -> Result<BTreeMap<String, i64>, Fault> {
        let mut addons = BTreeMap::new();
        let counts = self.mapping.subscription.iter().flat_map(|fields| &fields.counts);
        for (limit, field) in counts {
            let wrong = |reason: &str| line.fault(Some(field), reason);
            let used = line.needed(field, whole_number)?;
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
            let raising = self.book().addons.iter().filter(|addon| addon.fits(plan));
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
}

/// A currency, also in small letters.
pub(super) fn currency(text: &str) -> Result<Currency> {
    Currency::parse(&text.to_ascii_uppercase())
}
