//! Sums of the books day by day, kept with every posting: a trial balance reads a few rows a day instead of all
//! postings ever made. They prove nothing by themselves; [`crate::check`] adds the postings up again.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kernel::{Currency, Result, ids::LegalEntityId};
use store::{Migration, Row, Step, ToValue, Tx, Value, View, bulks, params, statements};
use uuid::Uuid;

use crate::{Account, AccountKind, Transaction};

/// The sums, and an index of transactions by the time they count from.
pub(crate) const MIGRATION: Migration = Migration {
    number: 3,
    name: "sums by day",
    step: Step::Expand,
    sql: "
        CREATE TABLE ledger_day (
            env_id UUID NOT NULL,
            entity_id UUID NOT NULL,
            kind TEXT NOT NULL,
            owner TEXT NOT NULL,
            currency TEXT NOT NULL,
            day DATE NOT NULL,
            debit INTEGER NOT NULL,
            credit INTEGER NOT NULL,
            PRIMARY KEY (env_id, entity_id, kind, owner, currency, day)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX ledger_transaction_effective ON ledger_transaction (env_id, effective, id);
    ",
    extra: store::Extra::NONE,
};

statements! {
    environment SUMS = "SELECT entity_id, kind, owner, currency, CAST(sum(debit) AS bigint), CAST(sum(credit) AS bigint)
        FROM ledger_day WHERE env_id = $1 AND day < $2 GROUP BY entity_id, kind, owner, currency";
    environment SUMS_OF = "SELECT currency, CAST(sum(debit) - sum(credit) AS bigint)
        FROM ledger_day WHERE env_id = $1 AND entity_id = $2 AND kind = $3 AND owner = $4 GROUP BY currency";
    /// Part of a day.
    environment PART = "SELECT a.entity_id, a.kind, a.owner, p.currency,
            CAST(sum(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END) AS bigint),
            CAST(-sum(CASE WHEN p.amount < 0 THEN p.amount ELSE 0 END) AS bigint)
        FROM ledger_transaction t
        JOIN posting p ON p.env_id = t.env_id AND p.transaction_id = t.id
        JOIN ledger_account a ON a.env_id = p.env_id AND a.id = p.account_id
        WHERE t.env_id = $1 AND t.effective >= $2 AND t.effective <= $3
        GROUP BY a.entity_id, a.kind, a.owner, p.currency";
    environment FORGET = "DELETE FROM ledger_day WHERE env_id = $1";
    /// Every posting, in the order of their keys.
    environment POSTINGS = "SELECT a.entity_id, a.kind, a.owner, p.currency, p.amount, t.effective, p.transaction_id, p.ordinal
        FROM posting p
        JOIN ledger_transaction t ON t.env_id = p.env_id AND t.id = p.transaction_id
        JOIN ledger_account a ON a.env_id = p.env_id AND a.id = p.account_id
        WHERE p.env_id = $1 AND (p.transaction_id, p.ordinal) > ($2, $3)
        ORDER BY p.transaction_id, p.ordinal LIMIT $4";
}

bulks! {
    ADD = insert "ledger_day" {
        entity_id: uuid, kind: text, owner: text, currency: text, day: date, debit: int, credit: int,
    } "ON CONFLICT (env_id, entity_id, kind, owner, currency, day) DO UPDATE SET
        debit = ledger_day.debit + excluded.debit, credit = ledger_day.credit + excluded.credit";
}

/// What the accounts of one kind come to in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindTotal {
    /// Whose books.
    pub entity: LegalEntityId,
    /// What for.
    pub kind: AccountKind,
    /// Gateway, product, jurisdiction, currency: where there are few owners each has its own sums. None for kinds
    /// without owners, and for those with as many as there are customers, which are summed up together.
    pub owner: Option<String>,
    /// The currency.
    pub currency: Currency,
    /// Sum of the debits in minor units.
    pub debit: i64,
    /// Sum of the credits, as a positive number.
    pub credit: i64,
}

/// The owner sums are kept by.
fn summed_owner(account: &Account) -> &str {
    match account.kind.owner() {
        Some("customer" | "seller" | "partner") | None => "",
        Some(_) => account.owner.as_deref().unwrap_or_default(),
    }
}

/// Whether one account has sums of its own.
pub(crate) fn is_summed(account: &Account) -> bool {
    account.owner.is_none() || !summed_owner(account).is_empty()
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// What sums are kept by.
type Key = (LegalEntityId, AccountKind, String, &'static str, Date);

#[derive(Default)]
struct Sums(BTreeMap<Key, [i64; 2]>);

impl Sums {
    fn count(&mut self, account: &Account, currency: Currency, minor: i64, effective: Timestamp) {
        let owner = summed_owner(account).to_owned();
        let key = (account.entity, account.kind, owner, currency.code(), day_of(effective));
        let [debit, credit] = self.0.entry(key).or_default();
        let side = if minor > 0 { debit } else { credit };
        *side = side.saturating_add(minor.saturating_abs());
    }

    /// In one order, so that two that add to the same sums wait for each other in one direction only.
    fn save(&self, tx: &mut Tx<'_>) -> Result<()> {
        let rows = self.0.iter().map(|((entity, kind, owner, currency, day), [debit, credit])| {
            let [kind, owner, currency] = [kind.word(), owner, currency].map(Value::from);
            [entity.to_value(), kind, owner, currency, day.to_value(), debit.to_value(), credit.to_value()]
        });
        tx.bulk(&ADD, rows).map(drop)
    }
}

/// Add transactions to their days (UTC, by the time they count from).
pub(crate) fn add(tx: &mut Tx<'_>, transactions: &[Transaction]) -> Result<()> {
    let mut sums = Sums::default();
    for transaction in transactions {
        for posting in &transaction.postings {
            let amount = posting.amount;
            sums.count(&posting.account, amount.currency(), amount.minor(), transaction.effective);
        }
    }
    sums.save(tx)
}

/// Postings read at once when all are added up anew.
const AT_ONCE: i64 = 20_000;

/// Add all postings up anew where the sums are not theirs; whether that was needed. For a database of before there
/// were sums.
pub fn renew_sums(tx: &mut Tx<'_>) -> Result<bool> {
    if totals(tx, None)? == fold(&crate::trial_balance(tx, None)?) {
        return Ok(false);
    }
    tx.exec(&FORGET, params![])?;
    let mut last = (Uuid::nil(), -1_i64);
    loop {
        let ((transaction, ordinal), mut sums, mut count) = (last, Sums::default(), 0);
        tx.each(&POSTINGS, params![transaction, ordinal, AT_ONCE], |row| {
            let account = crate::reads::read_account_at(row, 0)?;
            sums.count(&account, row.get(3)?, row.get(4)?, row.get(5)?);
            last = (row.get(6)?, row.get(7)?);
            count += 1;
            Ok(())
        })?;
        sums.save(tx)?;
        if count < AT_ONCE {
            return Ok(true);
        }
    }
}

fn read(row: &Row<'_>) -> Result<KindTotal> {
    let owner: String = row.get(2)?;
    Ok(KindTotal {
        entity: row.get(0)?,
        kind: row.parse(1, AccountKind::parse)?,
        owner: Some(owner).filter(|owner| !owner.is_empty()),
        currency: row.get(3)?,
        debit: row.get(4)?,
        credit: row.get(5)?,
    })
}

/// The trial balance by kind of account: postings effective at or before `as_of` (business time; none: all of
/// them), by legal entity, kind, owner and currency. A legal entity's debits in one currency are its credits.
pub fn totals(view: &mut View<'_>, as_of: Option<Timestamp>) -> Result<Vec<KindTotal>> {
    let Some(as_of) = as_of else {
        let all = view.all(&SUMS, params![Date::MAX], read)?;
        return Ok(sorted(all));
    };
    let day = day_of(as_of);
    let start = day.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |start| start.timestamp());
    let mut totals: BTreeMap<(LegalEntityId, AccountKind, String, Currency), KindTotal> = BTreeMap::new();
    let mut parts = view.all(&SUMS, params![day], read)?;
    parts.extend(view.all(&PART, params![start, as_of], read)?);
    for part in parts {
        let account = Account { entity: part.entity, kind: part.kind, owner: part.owner.clone() };
        let owner = summed_owner(&account).to_owned();
        let known =
            totals.entry((part.entity, part.kind, owner.clone(), part.currency)).or_insert_with(|| {
                let owner = Some(owner).filter(|owner| !owner.is_empty());
                KindTotal { owner, debit: 0, credit: 0, ..part.clone() }
            });
        known.debit += part.debit;
        known.credit += part.credit;
    }
    Ok(sorted(totals.into_values().collect()))
}

fn sorted(mut totals: Vec<KindTotal>) -> Vec<KindTotal> {
    // Here, because the engines do not agree on the order of texts.
    totals.sort_unstable_by(|a, b| {
        (a.entity, a.kind, &a.owner, a.currency).cmp(&(b.entity, b.kind, &b.owner, b.currency))
    });
    totals
}

/// What an account that has sums of its own holds, by currency, in minor units.
pub(crate) fn held(view: &mut View<'_>, account: &Account) -> Result<BTreeMap<Currency, i64>> {
    let (kind, owner) = (account.kind.word(), summed_owner(account));
    let sums =
        view.all(&SUMS_OF, params![account.entity, kind, owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(sums.into_iter().collect())
}

/// The same sums from balances of single accounts.
pub(crate) fn fold(balances: &[crate::Balance]) -> Vec<KindTotal> {
    let mut totals: BTreeMap<(LegalEntityId, AccountKind, &str, Currency), [i64; 2]> = BTreeMap::new();
    for balance in balances {
        let account = &balance.account;
        let key = (account.entity, account.kind, summed_owner(account), balance.currency);
        let [debit, credit] = totals.entry(key).or_default();
        *debit += balance.debit;
        *credit += balance.credit;
    }
    let total = |((entity, kind, owner, currency), [debit, credit]): ((_, _, &str, _), [i64; 2])| KindTotal {
        entity,
        kind,
        owner: Some(owner.to_owned()).filter(|owner| !owner.is_empty()),
        currency,
        debit,
        credit,
    };
    sorted(totals.into_iter().map(total).collect())
}
