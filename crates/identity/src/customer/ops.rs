//! Creating, finding and erasing customers.

use kernel::{
    Error, Result, Zone,
    ids::{self, CustomerId, PersonId},
};
use serde_json::json;
use store::{Lock, NewFact, Row, ToValue, Tx, Value, View, idempotency, params};
use uuid::Uuid;

use super::{
    domain,
    model::{Buyer, Customer, CustomerRef, NewCustomer, Party, Person},
    search::COUNTED,
    sql, words,
};
use crate::link;

pub(super) fn read(row: &Row<'_>) -> Result<Customer> {
    Ok(Customer {
        id: row.get(0)?,
        person: row.get(1)?,
        external_id: row.get(2)?,
        country: row.get(3)?,
        currency: row.get(4)?,
        zone: row.get(5)?,
        metadata: row.get(6)?,
        created: row.get(7)?,
        region: row.get(8)?,
        tax_exempt: row.get(9)?,
    })
}

pub(super) fn read_person(row: &Row<'_>, from: usize) -> Result<Person> {
    Ok(Person {
        name: row.get(from)?,
        email: row.get(from + 1)?,
        address: row.get(from + 2)?,
        tax_id: row.get(from + 3)?,
        erased: row.get(from + 4)?,
    })
}

/// Create a customer.
///
/// Errors: those of [`NewCustomer::checked`], `external_id_taken`.
pub fn create(tx: &mut Tx<'_>, new: NewCustomer) -> Result<Customer> {
    create_all(tx, vec![new])?.pop().ok_or_else(|| Error::internal("no customer was created"))
}

/// Create many customers at once, all or none. Errors as for [`create`].
pub fn create_all(tx: &mut Tx<'_>, new: Vec<NewCustomer>) -> Result<Vec<Customer>> {
    let new = new.into_iter().map(NewCustomer::checked).collect::<Result<Vec<_>>>()?;
    let now = tx.now();
    let people: Vec<PersonId> = new.iter().map(|_| tx.new_id()).collect();
    let customers: Vec<Customer> = new
        .iter()
        .zip(&people)
        .map(|(new, person)| Customer {
            id: tx.new_id(),
            person: *person,
            external_id: new.external_id.clone(),
            country: new.country.clone(),
            region: new.region.clone(),
            tax_exempt: new.tax_exempt,
            currency: new.currency,
            zone: new.zone.clone().unwrap_or_else(Zone::utc),
            metadata: new.metadata.clone(),
            created: now,
        })
        .collect();
    let indexed: Vec<Indexed> = new
        .iter()
        .map(|new| Indexed::new(Some(&new.name), new.email.as_deref(), new.external_id.as_deref()))
        .collect();
    tx.bulk_all(
        &sql::INSERT_PEOPLE,
        new.iter().zip(&people).zip(&indexed).map(|((new, id), indexed)| {
            let [key, words, domain] = indexed.values();
            [
                id.to_value(),
                new.name.to_value(),
                new.email.to_value(),
                new.address.to_value(),
                new.tax_id.to_value(),
                key,
                words,
                domain,
            ]
        }),
    )?;
    let inserted = tx.bulk(&sql::INSERT, customers.iter().map(row))?;
    if inserted != customers.len() as u64 {
        let detail = "Another customer already has this external id.";
        return Err(Error::conflict("external_id_taken", detail).at("/external_id"));
    }
    tx.counted(COUNTED, "", customers.len() as i64);
    insert_words(tx, customers.iter().map(|customer| customer.id).zip(&indexed))?;
    for customer in &customers {
        let payload =
            json!({"country": customer.country, "currency": customer.currency, "zone": customer.zone});
        tx.fact(NewFact::new("customer.created", customer.id.any(), payload)?.of(customer.id));
    }
    Ok(customers)
}

/// What a person is sorted, found and grouped by.
struct Indexed {
    key: Vec<u8>,
    words: Vec<String>,
    joined: String,
    domain: Option<String>,
}

/// Behind every name.
const NAMELESS: &[u8] = &[u8::MAX];

impl Indexed {
    fn new(name: Option<&str>, email: Option<&str>, external_id: Option<&str>) -> Self {
        let words = words::words(name, email, external_id);
        let key = name.map_or_else(|| NAMELESS.to_vec(), words::sort_key);
        Self { key, joined: words::joined(&words), words, domain: email.and_then(domain::of_email) }
    }

    /// `name_key`, `words` and `domain` of the person's row.
    fn values(&self) -> [Value<'_>; 3] {
        [self.key.to_value(), self.joined.to_value(), self.domain.to_value()]
    }
}

/// In order of the words, which is the order of their index: many at once are written side by side.
fn insert_words<'w>(tx: &mut Tx<'_>, of: impl Iterator<Item = (CustomerId, &'w Indexed)>) -> Result<()> {
    let mut rows: Vec<(&[u8], CustomerId)> =
        of.flat_map(|(id, indexed)| indexed.words.iter().map(move |word| (word.as_bytes(), id))).collect();
    rows.sort_unstable();
    tx.bulk(&sql::INSERT_WORDS, rows.iter().map(|(word, id)| [word.to_value(), id.to_value()])).map(drop)
}

/// Take back what a customer is found by, as its person's row says.
fn drop_words(tx: &mut Tx<'_>, customer: &Customer) -> Result<()> {
    let known: Option<String> = tx.one(&sql::WORDS, params![customer.person], |row| row.get(0))?;
    for word in words::split(known.as_deref().unwrap_or_default()) {
        tx.exec(&sql::DROP_WORDS, params![customer.id, *word.as_bytes()])?;
    }
    Ok(())
}

/// Let a locked customer be found by what it is called now.
pub(super) fn index_again(tx: &mut Tx<'_>, customer: &Customer, person: &Person) -> Result<()> {
    drop_words(tx, customer)?;
    let external = customer.external_id.as_deref();
    let indexed = Indexed::new(person.name.as_deref(), person.email.as_deref(), external);
    let [key, words, domain] = indexed.values();
    tx.bulk_all(&sql::SET_WORDS, [[customer.person.to_value(), key, words, domain]])?;
    insert_words(tx, std::iter::once((customer.id, &indexed)))
}

/// Index customers that came before there was a search, at most `limit`; how many. Zero: all are.
pub fn index_words(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    type Unindexed = (CustomerId, PersonId, Indexed);
    let found: Vec<Unindexed> = tx.all(&sql::UNINDEXED, params![limit], |row| {
        let (name, email, external): (Option<String>, Option<String>, Option<String>) =
            (row.get(2)?, row.get(3)?, row.get(4)?);
        let indexed = Indexed::new(name.as_deref(), email.as_deref(), external.as_deref());
        Ok((row.get(0)?, row.get(1)?, indexed))
    })?;
    lock_all(tx, &found.iter().map(|(id, ..)| *id).collect::<Vec<_>>())?;
    tx.bulk_all(
        &sql::SET_WORDS,
        found.iter().map(|(_, person, indexed)| {
            let [key, words, domain] = indexed.values();
            [person.to_value(), key, words, domain]
        }),
    )?;
    insert_words(tx, found.iter().map(|(id, _, indexed)| (*id, indexed)))?;
    Ok(found.len())
}

fn row(customer: &Customer) -> [Value<'_>; 10] {
    [
        customer.id.to_value(),
        customer.person.to_value(),
        customer.external_id.to_value(),
        customer.country.to_value(),
        customer.currency.to_value(),
        customer.zone.to_value(),
        customer.metadata.to_value(),
        customer.created.to_value(),
        customer.region.to_value(),
        customer.tax_exempt.to_value(),
    ]
}

/// The id a reference stands for. Errors: `not_found`.
pub fn resolve(view: &mut View<'_>, reference: &CustomerRef) -> Result<CustomerId> {
    match reference {
        CustomerRef::Id(id) => Ok(*id),
        CustomerRef::External(external) => view
            .opt(&sql::BY_EXTERNAL, params![external], |row| row.get(0))?
            .ok_or_else(|| Error::not_found("customer")),
    }
}

/// Lock a customer before deciding anything about it. Errors: `not_found`.
pub fn lock(tx: &mut Tx<'_>, id: CustomerId) -> Result<()> {
    tx.lock(&LOCK, id)
}

/// Lock many customers.
pub fn lock_all(tx: &mut Tx<'_>, ids: &[CustomerId]) -> Result<()> {
    tx.lock_all(&LOCK, ids)
}

/// Customers come before what hangs on them.
static LOCK: Lock<ids::Customer> = Lock::new(10, &sql::LOCK);

/// A customer. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: CustomerId) -> Result<Customer> {
    view.opt(&sql::FIND, params![id], read)?.ok_or_else(|| Error::not_found("customer"))
}

/// Several customers in one query, in no order.
pub fn load(view: &mut View<'_>, ids: Vec<CustomerId>) -> Result<Vec<Customer>> {
    view.all(&sql::MANY, params![ids], read)
}

/// The customers of external ids in one query, in no order.
pub fn of_external_ids(view: &mut View<'_>, external: Vec<String>) -> Result<Vec<Customer>> {
    view.all(&sql::OF_EXTERNAL, params![external], read)
}

/// Name and addresses of a customer.
pub fn person(view: &mut View<'_>, id: PersonId) -> Result<Person> {
    view.one(&sql::PERSON, params![id], |row| read_person(row, 0))
}

/// Customers created before `before` (none: from the newest on), newest first, with their names.
pub fn list(view: &mut View<'_>, before: Option<CustomerId>, limit: i64) -> Result<Vec<(Customer, Person)>> {
    let before = before.map_or(Uuid::max(), CustomerId::uuid);
    view.all(&sql::LIST, params![before, limit], |row| Ok((read(row)?, read_person(row, 10)?)))
}

/// Which of these external ids are taken.
pub fn existing_external_ids(view: &mut View<'_>, external: Vec<String>) -> Result<Vec<String>> {
    view.all(&sql::EXTERNAL_TAKEN, params![external], |row| row.get(0))
}

/// Customers as they are printed on documents now.
pub fn parties(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Vec<(CustomerId, Party)>> {
    Ok(sides(view, customers)?.into_iter().map(|(id, party, _)| (id, party)).collect())
}

/// Customers as the tax rules see them now.
pub fn buyers(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Vec<(CustomerId, Buyer)>> {
    Ok(sides(view, customers)?.into_iter().map(|(id, _, buyer)| (id, buyer)).collect())
}

/// Both sides of customers that a document needs: as it is printed, and as the tax rules see it.
pub fn sides(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Vec<(CustomerId, Party, Buyer)>> {
    view.all(&sql::SIDES, params![customers], |row| {
        let party = Party {
            name: row.get(1)?,
            email: row.get(2)?,
            address: row.get(3)?,
            country: row.get(4)?,
            region: row.get(5)?,
            tax_id: row.get(6)?,
        };
        let buyer = Buyer {
            country: party.country.clone(),
            region: party.region.clone(),
            has_tax_id: party.tax_id.is_some(),
            exempt: row.get(7)?,
        };
        Ok((row.get(0)?, party, buyer))
    })
}

/// Blank a customer's name, addresses, tax id and metadata, and drop kept answers that may repeat them. Facts, ledger and issued documents stay: they hold
/// ids and figures, and documents keep their party until their retention ends.
///
/// Errors: `not_found`, `already_erased`.
pub fn erase(tx: &mut Tx<'_>, id: CustomerId) -> Result<()> {
    lock(tx, id)?;
    let (customer, now) = (find(tx, id)?, tx.recorded());
    // What it was found by goes with it; the merchant's own id for it still finds it.
    drop_words(tx, &customer)?;
    let left = Indexed::new(None, None, customer.external_id.as_deref());
    let [key, words, domain] = left.values();
    if tx.exec(&sql::ERASE_PERSON, params![customer.person, now, key, words, domain])? == 0 {
        return Err(Error::conflict(
            "already_erased",
            "The personal data of this customer was erased before.",
        ));
    }
    insert_words(tx, std::iter::once((id, &left)))?;
    idempotency::forget_customer(tx, id)?;
    tx.exec_one(&sql::BLANK_METADATA, params![id, json!({})])?;
    link::revoke_all(tx, id)?;
    tx.fact(NewFact::new("customer.erased", id.any(), json!({}))?.of(id));
    Ok(())
}
