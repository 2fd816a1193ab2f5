//! Links that open a customer's own page: good for one customer, for some days, until they are revoked. Kept as a
//! hash; the secret is shown once.

use jiff::{SignedDuration, Timestamp};
use kernel::{
    Error, Result,
    ids::{CustomerId, CustomerLinkId, EnvironmentId},
};
use serde_json::json;
use store::{Actor, Mode, NewFact, Row, Scope, Tx, View, params, statements};

use crate::{customer, secret};

statements! {
    environment INSERT = "INSERT INTO customer_link (env_id, id, customer_id, hash, created, expires)
        VALUES ($1, $2, $3, $4, $5, $6)";
    environment REVOKE = "UPDATE customer_link SET revoked = $3 WHERE env_id = $1 AND id = $2 AND revoked IS NULL
        RETURNING id, customer_id, created, expires, revoked";
    environment REVOKE_ALL = "UPDATE customer_link SET revoked = $3
        WHERE env_id = $1 AND customer_id = $2 AND revoked IS NULL";
    environment OF_CUSTOMER = "SELECT id, customer_id, created, expires, revoked FROM customer_link
        WHERE env_id = $1 AND customer_id = $2 ORDER BY id DESC LIMIT $3";
    installation BY_HASH = "SELECT l.env_id, l.customer_id, l.expires, e.mode, m.name
        FROM customer_link l JOIN environment e ON e.env_id = l.env_id JOIN merchant m ON m.id = e.merchant_id
        WHERE l.hash = $1 AND l.revoked IS NULL AND l.expires > $2";
}

/// How many days a link is good for unless something else is asked.
pub const USUAL_DAYS: u16 = 7;
/// The most days a link can be good for.
pub const MOST_DAYS: u16 = 90;
/// Longer than any secret we hand out.
const LONGEST: usize = 100;

/// A link as it is listed: never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerLink {
    /// Its id.
    pub id: CustomerLinkId,
    /// Whose page it opens.
    pub customer: CustomerId,
    /// Real time it was made.
    pub created: Timestamp,
    /// Real time from which it opens nothing.
    pub expires: Timestamp,
    /// Real time it was revoked.
    pub revoked: Option<Timestamp>,
}

impl CustomerLink {
    /// Whether it opens the page at this instant of real time.
    pub fn works(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires > now
    }
}

/// A link that was recognised: whose page it opens, and where.
#[derive(Clone, Debug)]
pub struct Known {
    /// The environment, with the customer as who acts.
    pub scope: Scope,
    /// Whose page.
    pub customer: CustomerId,
    /// The merchant's name for people.
    pub merchant: String,
    /// Real time from which it opens nothing.
    pub expires: Timestamp,
}

/// The secret of a new link. Made before the transaction, which rolls no dice.
pub fn new_secret() -> Result<String> {
    secret::new()
}

/// A secret that follows from another one, so that whoever has that one and asks again under the same name is told the
/// same. It does not lead back.
pub fn derived_secret(from: &str, name: &str) -> String {
    secret::hash(&format!("customer link\0{from}\0{name}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The address of the page a link opens, where pages are served under `origin` (`https://billing.example.com`).
pub fn address(origin: &str, secret: &str) -> String {
    format!("{}{}", origin.trim_end_matches('/'), path(secret))
}

/// The same without where pages are served.
pub fn path(secret: &str) -> String {
    format!("/my/open?link={secret}")
}

/// Keep a link that opens a customer's page for so many days of 24 hours.
///
/// Errors: `not_found`, `already_erased`, `link_days_invalid`.
pub fn create(tx: &mut Tx<'_>, customer: CustomerId, days: u16, secret: &str) -> Result<CustomerLink> {
    if !(1..=MOST_DAYS).contains(&days) {
        let detail = format!("A link is good for 1 to {MOST_DAYS} days.");
        return Err(Error::invalid("link_days_invalid", detail).at("/days"));
    }
    customer::lock(tx, customer)?;
    let person = customer::find(tx, customer)?.person;
    if customer::person(tx, person)?.erased.is_some() {
        let detail = "The personal data of this customer was erased: there is nobody to send a link to.";
        return Err(Error::conflict("already_erased", detail));
    }
    let (id, created): (CustomerLinkId, _) = (tx.new_id(), tx.recorded());
    let expires = created + SignedDuration::from_hours(24 * i64::from(days));
    tx.exec_one(&INSERT, params![id, customer, secret::hash(secret), created, expires])?;
    let payload = json!({ "expires": expires.to_string() });
    tx.fact(NewFact::new("customer_link.created", id.any(), payload)?.of(customer));
    Ok(CustomerLink { id, customer, created, expires, revoked: None })
}

/// End a link at once. Errors: `not_found`, also when it was revoked before.
pub fn revoke(tx: &mut Tx<'_>, id: CustomerLinkId) -> Result<CustomerLink> {
    let now = tx.recorded();
    let revoked = tx.opt(&REVOKE, params![id, now], read)?;
    let link = revoked.ok_or_else(|| Error::not_found("link"))?;
    tx.fact(NewFact::new("customer_link.revoked", id.any(), json!({}))?.of(link.customer));
    Ok(link)
}

/// End all links of a customer.
pub(crate) fn revoke_all(tx: &mut Tx<'_>, customer: CustomerId) -> Result<()> {
    let now = tx.recorded();
    tx.exec(&REVOKE_ALL, params![customer, now]).map(drop)
}

/// The links of a customer, newest first.
pub fn of_customer(view: &mut View<'_>, customer: CustomerId, limit: i64) -> Result<Vec<CustomerLink>> {
    view.all(&OF_CUSTOMER, params![customer, limit], read)
}

fn read(row: &Row<'_>) -> Result<CustomerLink> {
    Ok(CustomerLink {
        id: row.get(0)?,
        customer: row.get(1)?,
        created: row.get(2)?,
        expires: row.get(3)?,
        revoked: row.get(4)?,
    })
}

/// Whose page a secret opens now; nothing when it opens none. Installation work.
pub fn recognise(view: &mut View<'_>, secret: &str) -> Result<Option<Known>> {
    if secret.is_empty() || secret.len() > LONGEST {
        return Ok(None);
    }
    let now = view.recorded();
    view.opt(&BY_HASH, params![secret::hash(secret), now], read_known)
}

fn read_known(row: &Row<'_>) -> Result<Known> {
    let (env, customer): (EnvironmentId, CustomerId) = (row.get(0)?, row.get(1)?);
    let mode = row.parse(3, Mode::parse)?;
    Ok(Known {
        scope: Scope::environment(env, mode, Actor::Customer(customer)),
        customer,
        merchant: row.get(4)?,
        expires: row.get(2)?,
    })
}
