//! Subscriptions.

use std::{collections::BTreeMap, str::FromStr};

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    invoice,
    subscription::{self, BillFrom, Filter, NewTerm, Place, Start},
};
use entitlements::switch::{self, Switch};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
    text,
};
use kernel::{
    Error, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
    time,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::{Actor, Guarded, GuardedBody},
    app::{ApiResult, App, Changed},
    body::Body,
    charge::ChargeIn,
    invoice::InvoiceOut,
    page::{Page, PageQuery},
    parameters::{Path, Query, one_of, parse, parse_some},
};

mod agreed;
mod agreement;
mod cancellation;
mod change;
mod out;
mod renewal;
mod trial;
use agreement::{AgreementIn, StepIn, TermIn, priced_step, ramp};
pub(crate) use cancellation::*;
pub(crate) use change::*;
pub(crate) use out::PreviewInvoiceOut;
pub(crate) use out::SubscriptionOut;
use out::{PreviewOut, StartedOut};
pub(crate) use renewal::*;
pub(crate) use trial::*;

/// A subscription to start, in the price book in force.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartSubscription {
    /// Who subscribes: its id, or `ext:` and your own.
    #[schema(examples("cus_01jdd7w000e008000000000001"))]
    customer: String,
    /// Key of the plan.
    #[schema(examples("starter"))]
    plan: String,
    /// How often it is billed: `month`, `quarter`, `half_year`, `year`, or such as `2 weeks`.
    #[schema(examples("month"))]
    cycle: String,
    /// Units of the plan where it is priced per unit (seats).
    quantity: Option<i64>,
    /// Add-ons by key, with their quantity.
    #[serde(default)]
    addons: BTreeMap<String, i64>,
    /// Its start, RFC 3339, which may lie in the past; now when left out. One that lies ahead is `scheduled` and is
    /// billed nothing before.
    start: Option<String>,
    /// From where to bill a start in the past: `start`, `current_period` or `next_period`.
    #[serde(default)]
    #[schema(value_type = String, default = "start")]
    bill_from: BillFrom,
    /// IANA time zone its days begin in; the customer's when left out.
    zone: Option<String>,
    /// ISO 4217; the customer's when left out.
    currency: Option<String>,
    /// Who invoices; the first legal entity when left out.
    legal_entity: Option<String>,
    /// Your own id for it, unique in the environment: it can then be named `ext:…`.
    external_id: Option<String>,
    /// Your own notes: up to 50 texts.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// Finalize the first invoice at once; otherwise it is left as a draft.
    #[serde(default)]
    finalize: bool,
    /// Begin with the price book's trial: nothing is billed before its end. Refused while the flag `trial_enabled` is off.
    #[serde(default)]
    trial: bool,
    /// A trial although there was one before; needs `subscription.negotiate`.
    #[serde(default)]
    trial_again: bool,
    /// What your gateway says tells the method of payment from others. It is kept as a hash, with a trial, so that
    /// whoever comes again has no second one.
    payment_fingerprint: Option<String>,
    /// A method of payment is on file, which decides what the end of a trial does.
    #[serde(default)]
    has_method: bool,
    /// Coupons, by their key or by the code a customer types.
    #[serde(default)]
    #[schema(examples(json!(["SPRING26"])))]
    coupons: Vec<String>,
    /// What is agreed with this customer beside the price book; needs `subscription.negotiate`.
    agreement: Option<AgreementIn>,
    /// A contract's term; needs `subscription.negotiate`.
    term: Option<TermIn>,
    /// What changes later, up to 60 steps; prices in it need `subscription.negotiate`.
    #[serde(default)]
    ramp: Vec<StepIn>,
    /// What is charged once, with its first invoice; amounts agreed need `subscription.negotiate`.
    #[serde(default)]
    charges: Vec<ChargeIn>,
}

impl Guarded for StartSubscription {
    fn guarded(&self) -> Option<String> {
        let agreement = self.agreement.as_ref().filter(|agreement| !agreement.is_empty());
        let agreement = agreement.map(|_| "/agreement".to_owned());
        let mut charges = self.charges.iter().enumerate();
        agreement
            .or_else(|| self.term.map(|_| "/term".to_owned()))
            .or_else(|| self.trial_again.then(|| "/trial_again".to_owned()))
            .or_else(|| priced_step(&self.ramp))
            .or_else(|| charges.find_map(|(place, one)| one.negotiated(&format!("/charges/{place}"))))
    }
}

impl StartSubscription {
    fn customer(&self) -> Result<CustomerRef> {
        parse(&self.customer, "/customer")
    }

    fn command(&self, customer: CustomerId) -> Result<Start> {
        let charges = self.charges.iter().enumerate();
        let charges = charges.map(|(place, one)| one.command(&format!("/charges/{place}")));
        let start = self.start.as_deref().map(|text| time::instant(text).map_err(|error| error.at("/start")));
        Ok(Start {
            quantity: self.quantity,
            addons: self.addons.clone(),
            start: start.transpose()?,
            bill_from: self.bill_from,
            zone: parse_some(self.zone.as_deref(), "/zone")?,
            currency: parse_some(self.currency.as_deref(), "/currency")?,
            entity: parse_some(self.legal_entity.as_deref(), "/legal_entity")?,
            external_id: self.external_id.clone(),
            metadata: json!(self.metadata),
            finalize: self.finalize,
            trial: self.trial,
            trial_again: self.trial_again,
            fingerprint: self.payment_fingerprint.clone(),
            has_method: self.has_method,
            coupons: self.coupons.clone(),
            agreement: self.agreement.as_ref().map(AgreementIn::command).transpose()?.unwrap_or_default(),
            term: self.term.map(NewTerm::from),
            ramp: ramp(&self.ramp)?,
            charges: charges.collect::<Result<_>>()?,
            ..Start::of(customer, self.plan.clone(), parse(&self.cycle, "/cycle")?)
        })
    }
}

/// How a path names a subscription: by its id, or `ext:` and the merchant's own.
pub(crate) struct SubscriptionRef(pub(crate) String);

impl FromStr for SubscriptionRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("ext:") {
            Some(external) => text::external_id(external, "")?,
            None => text.parse::<SubscriptionId>()?.to_string(),
        };
        Ok(Self(text.to_owned()))
    }
}

/// Show what starting a subscription would do, by the same decision; nothing is written.
#[utoipa::path(
    post, path = "/v1/subscriptions/preview", tag = "Subscriptions", request_body = StartSubscription,
    responses((status = 200, body = PreviewOut)),
)]
pub(crate) async fn preview(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Body { content, .. }: Body<StartSubscription>,
) -> ApiResult<Json<PreviewOut>> {
    let customer = content.customer()?;
    app.read(actor.scope(), move |view| {
        let customer = customer::resolve(view, &customer)?;
        let preview = subscription::preview(view, &content.command(customer)?)?;
        PreviewOut::load(view, preview)
    })
    .await
}

/// Start a subscription and bill what falls due with it. Prices, minimums and terms beside the price book, and a second
/// trial, need `subscription.negotiate` as well. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions", tag = "Subscriptions", request_body = StartSubscription,
    responses((status = 201, body = StartedOut)),
)]
pub(crate) async fn start(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    GuardedBody { content, request, .. }: GuardedBody<may::SubscriptionNegotiate, StartSubscription>,
) -> ApiResult<Changed> {
    let customer = content.customer()?;
    app.change(actor.scope(), request, move |tx| {
        let customer = customer::resolve(tx, &customer)?;
        if content.trial {
            switch::open(tx, Switch::Trial, Some(customer))?;
        }
        let started = subscription::start(tx, &content.command(customer)?)?;
        Ok((StatusCode::CREATED, StartedOut::load(tx, started)?))
    })
    .await
}

/// Which subscriptions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubscriptionQuery {
    /// How many, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    after: Option<String>,
    /// Only those in this state: `active`, `trialing`, `paused` …
    state: Option<String>,
    /// Only those on the plan of this key.
    plan: Option<String>,
    /// Only those of this customer: its id, or `ext:` and your own.
    customer: Option<String>,
    /// Only those billed in this currency, ISO 4217.
    currency: Option<String>,
    /// Only those that agreed to this price book version: its id.
    price_book: Option<String>,
    /// Only those whose next renewal or end of a trial falls due at this instant or later, the soonest first.
    due_from: Option<String>,
    /// Only those whose next renewal or end of a trial falls due before this instant.
    due_to: Option<String>,
}

impl SubscriptionQuery {
    /// The filter, without the customer.
    fn filter(&self) -> Result<Filter> {
        let instant = |text: Option<&String>, pointer: &'static str| {
            text.map(|text| time::instant(text).map_err(|error| error.at(pointer))).transpose()
        };
        let from = instant(self.due_from.as_ref(), "?due_from")?;
        let to = instant(self.due_to.as_ref(), "?due_to")?;
        let given = from.is_some() || to.is_some();
        Ok(Filter {
            state: one_of(
                self.state.as_deref(),
                "?state",
                subscription::State::parse,
                "the states of subscriptions",
            )?,
            plan: self.plan.clone(),
            customer: None,
            currency: parse_some(self.currency.as_deref(), "?currency")?,
            book: parse_some(self.price_book.as_deref(), "?price_book")?,
            due: given.then(|| [from.unwrap_or(time::FIRST_INSTANT), to.unwrap_or(time::END_INSTANT)]),
        })
    }
}

/// List subscriptions, newest first; by when they fall due when that is asked for.
#[utoipa::path(
    get, path = "/v1/subscriptions", tag = "Subscriptions", params(SubscriptionQuery),
    responses((status = 200, body = Page<SubscriptionOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(query): Query<SubscriptionQuery>,
) -> ApiResult<Json<Page<SubscriptionOut>>> {
    let customer: Option<CustomerRef> = parse_some(query.customer.as_deref(), "?customer")?;
    let filter = query.filter()?;
    let page = PageQuery { limit: query.limit, after: query.after };
    let (limit, after) = (page.limit()?, page.after::<Place>()?);
    app.read(actor.scope(), move |view| {
        let customer = customer.as_ref().map(|customer| customer::resolve(view, customer)).transpose()?;
        let filter = Filter { customer, ..filter.clone() };
        let found = subscription::search(view, &filter, after, limit + 1)?;
        Ok(Page::cut(found, limit, |(_, place)| *place, |(found, _)| SubscriptionOut::from(found)))
    })
    .await
}

/// Show a subscription.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = SubscriptionOut)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
) -> ApiResult<Json<SubscriptionOut>> {
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        Ok(SubscriptionOut::from(subscription::find(view, id)?))
    })
    .await
}

/// List the invoices of a subscription, newest first.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/invoices", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own."), PageQuery),
    responses((status = 200, body = Page<InvoiceOut>)),
)]
pub(crate) async fn invoices(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<InvoiceOut>>> {
    let (limit, after) = (page.limit()?, page.after::<InvoiceId>()?);
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let id = subscription::find(view, id)?.id;
        let invoices = invoice::of_subscription(view, id, after, limit + 1)?;
        Page::cut(invoices, limit, |invoice| invoice.id, InvoiceOut::new).transpose()
    })
    .await
}
