//! The feed of facts.

use axum::{Json, extract::State};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use jiff::Timestamp;
use kernel::{Error, Result, ids};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Fact, View, facts};
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page,
    parameters::{Query, parse_some},
};

/// Which facts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FactQuery {
    /// How many, 1 to 1000; 20 when left out.
    #[param(minimum = 1, maximum = 1000, default = 20)]
    limit: Option<u32>,
    /// The feed: facts after this number, oldest first. 0, or left out, is the beginning.
    after: Option<i64>,
    /// A timeline: facts below this number, newest first.
    before: Option<i64>,
    /// The timeline of this customer: its id, or `ext:` and your own.
    customer: Option<String>,
    /// The timeline of this one thing, by its id.
    subject: Option<String>,
}

/// Which way the facts are read.
enum Reading {
    Feed(i64),
    OfCustomer(CustomerRef, i64),
    OfSubject(kernel::AnyId, i64),
    Latest(i64),
}

impl FactQuery {
    fn reading(&self) -> Result<Reading> {
        let before = self.before.unwrap_or(i64::MAX);
        let customer: Option<CustomerRef> = parse_some(self.customer.as_deref(), "?customer")?;
        let subject = self.subject.as_deref().map(subject).transpose()?;
        match (customer, subject, self.before, self.after) {
            (None, None, None, after) => Ok(Reading::Feed(after.unwrap_or(0))),
            (Some(customer), None, _, None) => Ok(Reading::OfCustomer(customer, before)),
            (None, Some(subject), _, None) => Ok(Reading::OfSubject(subject, before)),
            (None, None, Some(before), None) => Ok(Reading::Latest(before)),
            _ => Err(Error::invalid(
                "query_invalid",
                "Ask for the feed with after, or for a timeline with before and one of customer and subject.",
            )),
        }
    }
}

fn subject(text: &str) -> Result<kernel::AnyId> {
    let wrong = || Error::invalid("id_malformed", "This is not an id of anything here.").at("?subject");
    ids::parse_any(text).ok_or_else(wrong)
}

impl Reading {
    fn read(&self, view: &mut View<'_>, limit: i64) -> Result<Vec<Fact>> {
        match self {
            Self::Feed(after) => facts::feed(view, *after, limit),
            Self::OfCustomer(customer, before) => {
                let id = customer::resolve(view, customer)?;
                facts::of_customer(view, id, *before, limit)
            }
            Self::OfSubject(subject, before) => facts::of_subject(view, subject.uuid, *before, limit),
            Self::Latest(before) => facts::latest(view, *before, limit),
        }
    }

    /// The feed has no end: what comes later is read from the same place on.
    fn next(&self, facts: &[Fact], limit: i64) -> Option<i64> {
        let last = facts.last().map(|fact| fact.seq);
        match self {
            Self::Feed(after) => Some(last.unwrap_or(*after)),
            _ => last.filter(|_| facts.len() as i64 == limit),
        }
    }
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fact)]
pub(crate) struct FactOut {
    /// Its number in the environment: 1, 2, 3 … without gaps.
    seq: i64,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(examples("customer.created"))]
    kind: String,
    /// Version of the payload's shape.
    v: i64,
    /// What it happened to.
    #[schema(examples("cus_01jdd7w000e008000000000001"))]
    subject: String,
    /// Whose it is.
    customer: Option<String>,
    /// Who did it: an API key, a user, a job, or `command_line`.
    actor: String,
    /// Why, as a code.
    reason: Option<String>,
    /// Business time it counts from.
    effective: Timestamp,
    /// Real time it was written.
    recorded: Timestamp,
    /// Ids and figures, never personal data.
    #[schema(value_type = Object)]
    payload: Value,
    /// SHA-256 over the hash of the fact before and this one, in hexadecimal.
    hash: String,
}

impl From<Fact> for FactOut {
    fn from(fact: Fact) -> Self {
        Self {
            seq: fact.seq,
            kind: fact.kind,
            v: fact.v,
            subject: fact.subject.to_string(),
            customer: fact.customer.map(|id| id.to_string()),
            actor: fact.actor,
            reason: fact.reason,
            effective: fact.effective,
            recorded: fact.recorded,
            payload: fact.payload,
            hash: fact.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// Part of the feed, or of a timeline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FactPage {
    /// The facts.
    data: Vec<FactOut>,
    /// Where to read on: `after` in the feed, where it is never null, `before` in a timeline.
    next: Option<i64>,
}

/// Read the facts in order, from `after` on: reading on from `next` misses none, whatever is being
/// written meanwhile. With `before`, `customer` or `subject` it is a timeline, newest first.
#[utoipa::path(get, path = "/v1/facts", tag = "Facts", params(FactQuery), responses((status = 200, body = FactPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::FactRead>,
    Query(query): Query<FactQuery>,
) -> ApiResult<Json<FactPage>> {
    let (limit, reading) = (page::limit(query.limit, 1_000)?, query.reading()?);
    app.read(actor.scope(), move |view| {
        let facts = reading.read(view, limit)?;
        let next = reading.next(&facts, limit);
        Ok(FactPage { data: facts.into_iter().map(FactOut::from).collect(), next })
    })
    .await
}
