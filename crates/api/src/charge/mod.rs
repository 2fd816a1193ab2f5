//! What is charged once beside a subscription.

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    charge::{self, BillWith, NewCharge},
    subscription,
};
use identity::permission::may;
use kernel::{Error, Result, UnitPrice};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    actor::{Actor, Guarded, GuardedBody},
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    page::Page,
    parameters::{Path, PathAndKey, parse_with},
    subscription::SubscriptionRef,
};

mod out;
use out::{AddedOut, ChargeOut, ChargePreviewOut};

/// How many charges of a subscription are listed.
const MOST: i64 = 500;

/// Something to charge once: an add-on of the price book that is charged once, or something that was agreed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChargeIn {
    /// Key of an add-on with a price that is charged once. Left out: something agreed, which then needs a description
    /// and an amount.
    #[schema(examples("setup"))]
    key: Option<String>,
    /// What it reads on the invoice, up to 200 characters; the add-on's name when left out.
    description: Option<String>,
    /// What was agreed for one of it, in major units; the price book's price when left out. Needs
    /// `subscription.negotiate`.
    #[schema(examples("2500"))]
    amount: Option<String>,
    /// How many; 1 when left out.
    quantity: Option<i64>,
}

impl ChargeIn {
    /// The command of a charge that stands at `pointer`.
    pub(crate) fn command(&self, pointer: &str) -> Result<NewCharge> {
        Ok(NewCharge {
            key: self.key.clone(),
            description: self.description.clone(),
            amount: parse_with(UnitPrice::parse, self.amount.as_deref(), &format!("{pointer}/amount"))?,
            quantity: self.quantity,
        })
    }

    /// Where it says something agreed beside the price book.
    pub(crate) fn negotiated(&self, pointer: &str) -> Option<String> {
        self.amount.as_ref().map(|_| format!("{pointer}/amount"))
    }
}

/// A charge to add to a subscription.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddCharge {
    /// Key of an add-on with a price that is charged once. Left out: something agreed, which then needs a description
    /// and an amount.
    #[schema(examples("setup"))]
    key: Option<String>,
    /// What it reads on the invoice, up to 200 characters; the add-on's name when left out.
    description: Option<String>,
    /// What was agreed for one of it, in major units; the price book's price when left out. Needs
    /// `subscription.negotiate`.
    #[schema(examples("2500"))]
    amount: Option<String>,
    /// How many; 1 when left out.
    quantity: Option<i64>,
    /// `now`: on an invoice of its own; or `next_invoice`: on the next one that falls due, until when it can be taken
    /// back.
    #[serde(default)]
    #[schema(value_type = String, default = "next_invoice")]
    bill: BillWith,
}

impl AddCharge {
    fn command(self) -> Result<(NewCharge, BillWith)> {
        let Self { key, description, amount, quantity, bill } = self;
        Ok((ChargeIn { key, description, amount, quantity }.command("")?, bill))
    }
}

impl Guarded for AddCharge {
    fn guarded(&self) -> Option<String> {
        self.amount.as_ref().map(|_| "/amount".to_owned())
    }
}

/// List what is or was charged once beside a subscription, newest first: up to 500 on one page. What was taken back is
/// left out.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/charges", tag = "One-off charges",
    params(("id" = String, Path, description = "The subscription: its id, or `ext:` and your own.")),
    responses((status = 200, body = Page<ChargeOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
) -> ApiResult<Json<Page<ChargeOut>>> {
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let id = subscription::find(view, id)?.id;
        let charges = charge::of_subscription(view, id, MOST)?;
        Ok(Page::of(charges.into_iter().map(ChargeOut::from).collect(), None))
    })
    .await
}

/// Show what a charge would be, by the same decision; nothing is written.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/charges/preview", tag = "One-off charges", request_body = AddCharge,
    params(("id" = String, Path, description = "The subscription: its id, or `ext:` and your own.")),
    responses((status = 200, body = ChargePreviewOut)),
)]
pub(crate) async fn preview(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content, .. }: Body<AddCharge>,
) -> ApiResult<Json<ChargePreviewOut>> {
    let (new, with) = content.command()?;
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let preview = charge::preview(view, id, &new, with)?;
        ChargePreviewOut::load(view, preview)
    })
    .await
}

/// Charge something once, now or with the next invoice. Amounts agreed beside the price book need
/// `subscription.negotiate` as well. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/charges", tag = "One-off charges", request_body = AddCharge,
    params(("id" = String, Path, description = "The subscription: its id, or `ext:` and your own.")),
    responses((status = 201, body = AddedOut)),
)]
pub(crate) async fn add(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    GuardedBody { content, request, .. }: GuardedBody<may::SubscriptionNegotiate, AddCharge>,
) -> ApiResult<Changed> {
    let (new, with) = content.command()?;
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let added = charge::add(tx, id, &new, with)?;
        Ok((StatusCode::CREATED, AddedOut::load(tx, added)?))
    })
    .await
}

/// Take back a charge that is on no invoice yet. Idempotent by key.
#[utoipa::path(
    delete, path = "/v1/subscriptions/{id}/charges/{key}", tag = "One-off charges",
    params(
        ("id" = String, Path, description = "The subscription: its id, or `ext:` and your own."),
        ("key" = String, Path, description = "The number of the charge, from 0."),
    ),
    responses((status = 200, body = ChargeOut)),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    PathAndKey(SubscriptionRef(reference), number): PathAndKey<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let number = number.parse().map_err(|_| Error::not_found("charge"));
        let id = subscription::find(tx, id)?.id;
        Ok((StatusCode::OK, ChargeOut::from(charge::remove(tx, id, number?)?)))
    })
    .await
}
