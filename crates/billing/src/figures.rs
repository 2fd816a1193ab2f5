//! What was billed and credited, month by month: kept as it happens, so that a chart of years reads a few rows.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kernel::{Currency, Money, Result, ids::LegalEntityId};
use store::{Migration, Step, ToValue, Tx, Value, View, bulks, params, statements};

use crate::{credit_note::CreditNote, invoice::Invoice};

/// Indexes of the lists, and the sums of the months.
pub(crate) const MIGRATION: Migration = Migration {
    number: 3,
    name: "lists by state, plan, date; sums by month",
    step: Step::Expand,
    sql: "
        CREATE INDEX subscription_state ON subscription (env_id, state, id);
        CREATE INDEX subscription_book ON subscription (env_id, book_id, state, id);
        CREATE INDEX subscription_item_plan ON subscription_item (env_id, key, subscription_id) WHERE kind = 'plan';
        CREATE INDEX invoice_state ON invoice (env_id, state, id);
        CREATE INDEX invoice_currency ON invoice (env_id, currency, id);
        CREATE INDEX invoice_issued ON invoice (env_id, issued, id) WHERE issued IS NOT NULL;
        CREATE TABLE billed_month (
            env_id UUID NOT NULL,
            month DATE NOT NULL,
            entity_id UUID NOT NULL,
            kind TEXT NOT NULL,
            currency TEXT NOT NULL,
            documents INTEGER NOT NULL,
            total INTEGER NOT NULL,
            PRIMARY KEY (env_id, month, entity_id, kind, currency)
        ) STRICT, WITHOUT ROWID;
    ",
    extra: store::Extra::NONE,
};

statements! {
    environment SINCE = "SELECT month, kind, currency, CAST(sum(documents) AS bigint), CAST(sum(total) AS bigint)
        FROM billed_month WHERE env_id = $1 AND month >= $2 GROUP BY month, kind, currency ORDER BY month, kind, currency";
    environment OF_MONTH_INVOICES = "SELECT currency, count(*), CAST(sum(total) AS bigint) FROM invoice
        WHERE env_id = $1 AND issued >= $2 AND issued < $3 GROUP BY currency";
    environment OF_MONTH_CREDIT_NOTES = "SELECT currency, count(*), CAST(sum(total) AS bigint) FROM credit_note
        WHERE env_id = $1 AND issued >= $2 AND issued < $3 GROUP BY currency";
}

bulks! {
    /// Waits for whoever adds to the same sums. They issue documents of the same series, whose numbers they hold
    /// already, so nobody waits here who did not wait before.
    ADD = insert "billed_month" { month: date, entity_id: uuid, kind: text, currency: text, documents: int, total: int }
        "ON CONFLICT (env_id, month, entity_id, kind, currency) DO UPDATE SET
            documents = billed_month.documents + excluded.documents, total = billed_month.total + excluded.total";
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It bills.
    Invoice,
    /// It takes back.
    CreditNote,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Invoice, Self::CreditNote].into_iter().find(|kind| kind.word() == word)
    }
}

/// The documents of one kind and currency issued in a month, of all legal entities together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    /// Its first day. A document belongs to the month of its date of issue.
    pub month: Date,
    /// Invoices or credit notes.
    pub kind: Kind,
    /// Their currency.
    pub currency: Currency,
    /// How many.
    pub documents: i64,
    /// Sum of their totals in minor units, tax included.
    pub total: i64,
}

/// What was issued from the month of `since` on, by month. Months without documents are left out.
pub fn months(view: &mut View<'_>, since: Date) -> Result<Vec<Month>> {
    // Databases have no earlier one.
    let since = since.max(Date::constant(1, 1, 1)).first_of_month();
    view.all(&SINCE, params![since], |row| {
        Ok(Month {
            month: row.get(0)?,
            kind: row.parse(1, Kind::parse)?,
            currency: row.get(2)?,
            documents: row.get(3)?,
            total: row.get(4)?,
        })
    })
}

/// The sums of one month, from the documents themselves: what [`months`] must say.
pub fn recount(view: &mut View<'_>, month: Date) -> Result<Vec<Month>> {
    let month = month.first_of_month();
    let next = month.last_of_month().tomorrow().unwrap_or(Date::MAX);
    let mut all = Vec::new();
    for (kind, statement) in [(Kind::CreditNote, &OF_MONTH_CREDIT_NOTES), (Kind::Invoice, &OF_MONTH_INVOICES)]
    {
        all.extend(view.all(statement, params![month, next], |row| {
            Ok(Month { month, kind, currency: row.get(0)?, documents: row.get(1)?, total: row.get(2)? })
        })?);
    }
    all.sort_by_key(|month| (month.kind.word(), month.currency));
    Ok(all)
}

/// Add issued invoices to their months. Their numbers must have been taken.
pub(crate) fn invoiced(tx: &mut Tx<'_>, invoices: &[Invoice]) -> Result<()> {
    let issued = invoices.iter().filter_map(|one| Some((one.issued?, one.entity, one.totals.total)));
    add(tx, Kind::Invoice, issued)
}

/// Add issued credit notes to their months. Their numbers must have been taken.
pub(crate) fn credited<'n>(tx: &mut Tx<'_>, notes: impl Iterator<Item = &'n CreditNote>) -> Result<()> {
    add(tx, Kind::CreditNote, notes.map(|note| (note.issued, note.entity, note.totals.total)))
}

fn add(
    tx: &mut Tx<'_>,
    kind: Kind,
    issued: impl Iterator<Item = (Date, LegalEntityId, Money)>,
) -> Result<()> {
    let mut sums: BTreeMap<(Date, LegalEntityId, &str), [i64; 2]> = BTreeMap::new();
    for (date, entity, total) in issued {
        let sum = sums.entry((date.first_of_month(), entity, total.currency().code())).or_default();
        *sum = [sum[0] + 1, sum[1].saturating_add(total.minor())];
    }
    let rows = sums.iter().map(|((month, entity, currency), [documents, total])| {
        let (kind, currency) = (Value::from(kind.word()), Value::from(*currency));
        [month.to_value(), entity.to_value(), kind, currency, documents.to_value(), total.to_value()]
    });
    tx.bulk(&ADD, rows).map(drop)
}
