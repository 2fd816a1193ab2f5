//! Finding invoices, and counting them.

use std::{collections::HashMap, str::FromStr};

use jiff::civil::Date;
use kernel::{
    Currency, Error, Result,
    ids::{CustomerId, InvoiceId},
    time,
};
use store::{Value, View, params, statements};
use uuid::Uuid;

use super::{
    model::{Invoice, State},
    ops,
};

/// Which invoices. What is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Where they stand.
    pub state: Option<State>,
    /// Who is to pay.
    pub customer: Option<CustomerId>,
    /// Their currency.
    pub currency: Option<Currency>,
    /// Those issued in this half-open span of dates, by date. Otherwise the newest come first.
    pub issued: Option<[Date; 2]>,
}

/// Behind which invoice a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    id: InvoiceId,
    issued: Option<Date>,
}

impl Place {
    /// The place of an invoice in any list.
    pub const fn of(invoice: &Invoice) -> Self {
        Self { id: invoice.id, issued: invoice.issued }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.issued {
            Some(issued) => write!(f, "{}.{issued}", self.id),
            None => self.id.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("cursor_malformed", "This is not a place in a list of invoices.");
        let (id, issued) = match text.split_once('.') {
            Some((id, date)) => (id, Some(date.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        Ok(Self { id: id.parse().map_err(|_| wrong())?, issued })
    }
}

macro_rules! filters {
    () => {
        " AND ($4 = '' OR state = $4) AND ($5 = '' OR currency = $5) AND ($6 OR customer_id = $7)
            AND ($8 OR (issued >= $9 AND issued < $10))"
    };
}

/// The newest first, by a condition that has an index.
macro_rules! newest {
    ($cond:expr) => {
        concat!(
            "SELECT id FROM invoice WHERE env_id = $1 AND id < $2 AND ",
            $cond,
            filters!(),
            " ORDER BY id DESC LIMIT $3"
        )
    };
}

statements! {
    environment NEWEST = newest!("1 = 1");
    environment OF_CUSTOMER = newest!("customer_id = $7");
    environment IN_STATE = newest!("state = $4");
    environment IN_CURRENCY = newest!("currency = $5");
    /// By date of issue, the latest first.
    environment ISSUED = concat!(
        "SELECT id FROM invoice WHERE env_id = $1 AND issued >= $9 AND issued < $10 AND (issued, id) < ($11, $2)",
        filters!(), " ORDER BY issued DESC, id DESC LIMIT $3");
    environment COUNT = "SELECT count(*) FROM (SELECT id FROM invoice WHERE env_id = $1 AND state = $2 LIMIT $3) AS found";
}

/// The invoices asked for behind a place (none: from the first), at most `limit`.
pub fn search(
    view: &mut View<'_>,
    filter: &Filter,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Invoice>> {
    let everything = [time::FIRST_DATE, time::END_DATE];
    // Databases have fewer dates than we do.
    let [from, until] =
        filter.issued.unwrap_or(everything).map(|date| date.clamp(time::FIRST_DATE, time::END_DATE));
    let mut params = vec![
        Value::Uuid(after.map_or(Uuid::max(), |place| place.id.uuid())),
        Value::Int(limit),
        Value::from(filter.state.map_or("", State::word)),
        Value::from(filter.currency.map_or("", Currency::code)),
        Value::Bool(filter.customer.is_none()),
        Value::Uuid(filter.customer.map_or(Uuid::nil(), CustomerId::uuid)),
        Value::Bool(filter.issued.is_none()),
        Value::Date(from),
        Value::Date(until),
    ];
    let statement = match filter {
        Filter { customer: Some(_), .. } => &OF_CUSTOMER,
        Filter { issued: Some(_), .. } => {
            params.push(Value::Date(after.and_then(|place| place.issued).unwrap_or(until)));
            &ISSUED
        }
        Filter { state: Some(_), .. } => &IN_STATE,
        Filter { currency: Some(_), .. } => &IN_CURRENCY,
        Filter { .. } => &NEWEST,
    };
    let ids: Vec<InvoiceId> = view.all(statement, &params, |row| row.get(0))?;
    load(view, ids)
}

/// Several invoices, in the order given; those that are not here are left out.
pub fn load(view: &mut View<'_>, ids: Vec<InvoiceId>) -> Result<Vec<Invoice>> {
    let found = ops::many(view, ids.clone())?;
    let mut found: HashMap<InvoiceId, Invoice> =
        found.into_iter().map(|invoice| (invoice.id, invoice)).collect();
    Ok(ids.into_iter().filter_map(|id| found.remove(&id)).collect())
}

/// How many invoices are in a state; `most` at most, because counting more than a few ten thousand takes a while.
pub fn count(view: &mut View<'_>, state: State, most: i64) -> Result<i64> {
    view.one(&COUNT, params![state.word(), most], |row| row.get(0))
}
