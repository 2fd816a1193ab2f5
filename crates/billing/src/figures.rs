//! What was billed, credited and paid, month by month: kept as it happens, so that a chart of years reads a few rows.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kernel::{Currency, Money, Result, ids::LegalEntityId, time};
use store::{Migration, Step, ToValue, Tx, Value, View, bulks, params, statements};

use crate::{credit_note::CreditNote, invoice::Invoice, payment::Payment};

/// Indexes of the lists, and the sums of the months.
pub(crate) const MIGRATION: Migration = Migration {
    number: 4,
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
        FROM billed_month WHERE env_id = $1 AND month >= $2 GROUP BY month, kind, currency";
    environment INVOICED = "SELECT issued, entity_id, currency, count(*), CAST(sum(total) AS bigint) FROM invoice
        WHERE env_id = $1 AND issued IS NOT NULL AND state <> 'void' GROUP BY issued, entity_id, currency";
    environment CREDITED = "SELECT issued, entity_id, currency, count(*), CAST(sum(total) AS bigint) FROM credit_note
        WHERE env_id = $1 GROUP BY issued, entity_id, currency";
    environment PAID = "SELECT day, entity_id, currency, count(*), CAST(sum(amount) AS bigint) FROM payment
        WHERE env_id = $1 AND reversed IS NULL GROUP BY day, entity_id, currency";
    environment FORGET = "DELETE FROM billed_month WHERE env_id = $1";
}

bulks! {
    /// Waits for whoever adds to the same sums. They issue documents of the same series, whose numbers they hold
    /// already, or take money, which takes no numbers: nobody holds these sums and waits for numbers.
    ADD = insert "billed_month" { month: date, entity_id: uuid, kind: text, currency: text, documents: int, total: int }
        "ON CONFLICT (env_id, month, entity_id, kind, currency) DO UPDATE SET
            documents = billed_month.documents + excluded.documents, total = billed_month.total + excluded.total";
}

/// What is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It bills.
    Invoice,
    /// It takes back.
    CreditNote,
    /// It is money that came.
    Payment,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
            Self::Payment => "payment",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Invoice, Self::CreditNote, Self::Payment].into_iter().find(|kind| kind.word() == word)
    }
}

/// The documents of one kind and currency issued in a month, or the payments that came in it, of all legal entities
/// together. What was voided or reversed is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    /// Its first day. A document belongs to the month of its date of issue, a payment to that of the day it came.
    pub month: Date,
    /// Invoices, credit notes or payments.
    pub kind: Kind,
    /// Their currency.
    pub currency: Currency,
    /// How many.
    pub documents: i64,
    /// Sum of their totals in minor units, tax included.
    pub total: i64,
}

/// What was issued and paid from the month of `since` on, by month. Months with nothing are left out.
pub fn months(view: &mut View<'_>, since: Date) -> Result<Vec<Month>> {
    let since = since.max(time::FIRST_DATE).first_of_month();
    let mut months = view.all(&SINCE, params![since], |row| {
        Ok(Month {
            month: row.get(0)?,
            kind: row.parse(1, Kind::parse)?,
            currency: row.get(2)?,
            documents: row.get(3)?,
            total: row.get(4)?,
        })
    })?;
    // What was issued and voided leaves nothing.
    months.retain(|month| month.documents != 0);
    // Here, because the engines do not agree on the order of texts.
    months.sort_unstable_by_key(|one| (one.month, one.kind.word(), one.currency.code()));
    Ok(months)
}

type Sums = BTreeMap<(Date, &'static str, LegalEntityId, &'static str), [i64; 2]>;

/// The sums from the documents themselves.
fn from_documents(view: &mut View<'_>) -> Result<Sums> {
    let mut sums = Sums::new();
    for (kind, statement) in
        [(Kind::Invoice, &INVOICED), (Kind::CreditNote, &CREDITED), (Kind::Payment, &PAID)]
    {
        view.each(statement, params![], |row| {
            let (issued, currency): (Date, Currency) = (row.get(0)?, row.get(2)?);
            let key = (issued.first_of_month(), kind.word(), row.get(1)?, currency.code());
            let [documents, total] = sums.entry(key).or_default();
            *documents += row.get::<i64>(3)?;
            *total += row.get::<i64>(4)?;
            Ok(())
        })?;
    }
    Ok(sums)
}

/// Add all documents up anew where the sums are not theirs, as of a release that kept none; whether that was needed.
pub fn renew(tx: &mut Tx<'_>) -> Result<bool> {
    let sums = from_documents(tx)?;
    let mut right: BTreeMap<(Date, &str, &str), [i64; 2]> = BTreeMap::new();
    for ((month, kind, _, currency), [documents, total]) in &sums {
        let sum = right.entry((*month, kind, currency)).or_default();
        *sum = [sum[0] + documents, sum[1] + total];
    }
    let kept = months(tx, Date::MIN)?;
    let kept = kept
        .iter()
        .map(|one| ((one.month, one.kind.word(), one.currency.code()), [one.documents, one.total]));
    if kept.eq(right) {
        return Ok(false);
    }
    tx.exec(&FORGET, params![])?;
    save(tx, &sums)?;
    Ok(true)
}

/// Add issued invoices to their months. Their numbers must have been taken.
pub(crate) fn invoiced<'i>(tx: &mut Tx<'_>, invoices: impl Iterator<Item = &'i Invoice>) -> Result<()> {
    let issued = invoices.filter_map(|one| Some((one.issued?, one.entity, one.totals.total)));
    add(tx, Kind::Invoice, issued)
}

/// Take an invoice that was voided out of its month.
pub(crate) fn voided(tx: &mut Tx<'_>, invoice: &Invoice) -> Result<()> {
    let Some(issued) = invoice.issued else { return Ok(()) };
    take_out(tx, Kind::Invoice, issued, invoice.entity, invoice.totals.total)
}

/// Add money that came to the months in which it came.
pub(crate) fn paid<'p>(tx: &mut Tx<'_>, payments: impl Iterator<Item = &'p Payment>) -> Result<()> {
    add(tx, Kind::Payment, payments.map(|one| (one.day, one.entity, one.amount)))
}

/// Take a payment that was reversed out of its month.
pub(crate) fn reversed(tx: &mut Tx<'_>, payment: &Payment) -> Result<()> {
    take_out(tx, Kind::Payment, payment.day, payment.entity, payment.amount)
}

fn take_out(tx: &mut Tx<'_>, kind: Kind, day: Date, entity: LegalEntityId, amount: Money) -> Result<()> {
    let key = (day.first_of_month(), kind.word(), entity, amount.currency().code());
    save(tx, &Sums::from([(key, [-1, -amount.minor()])]))
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
    let mut sums = Sums::new();
    for (date, entity, total) in issued {
        let key = (date.first_of_month(), kind.word(), entity, total.currency().code());
        let sum = sums.entry(key).or_default();
        *sum = [sum[0] + 1, sum[1].saturating_add(total.minor())];
    }
    save(tx, &sums)
}

fn save(tx: &mut Tx<'_>, sums: &Sums) -> Result<()> {
    let rows = sums.iter().map(|((month, kind, entity, currency), [documents, total])| {
        let [kind, currency] = [*kind, *currency].map(Value::from);
        [month.to_value(), entity.to_value(), kind, currency, documents.to_value(), total.to_value()]
    });
    tx.bulk(&ADD, rows).map(drop)
}
