//! What a customer has to its credit, and what that pays.

use axum::{Json, extract::State, http::StatusCode};
use billing::credit::{self, Applied, Held, Used};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use kernel::{
    Result,
    ids::{CustomerId, InvoiceId},
};
use ledger::AccountKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::out::{CreditBalanceOut, CreditBalancesOut};
use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::Body,
    parameters::{Path, parse},
    shape::AmountOut,
};

/// What credit is to pay.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyCredit {
    /// Open invoices of the customer, in the order they are paid; all of them, the oldest first, when left out.
    #[serde(default)]
    invoices: Vec<String>,
}

impl ApplyCredit {
    fn read(&self) -> Result<Vec<InvoiceId>> {
        let invoice = |(place, text): (usize, &String)| parse(text, &format!("/invoices/{place}"));
        self.invoices.iter().enumerate().map(invoice).collect()
    }
}

/// What credit pays of open invoices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppliedCredit)]
pub(crate) struct AppliedOut {
    /// Whose credit.
    customer: String,
    /// The invoices it pays something of; empty when there is no credit or nothing to pay.
    used: Vec<UsedOut>,
    /// What is left of the credit.
    balances: Vec<CreditBalanceOut>,
}

/// What credit pays of an invoice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsedCredit)]
struct UsedOut {
    /// The invoice.
    invoice: String,
    /// Its number.
    number: Option<String>,
    /// How much of it credit pays.
    amount: AmountOut,
    /// What is left to pay of it.
    amount_due: AmountOut,
}

impl AppliedOut {
    fn new(customer: CustomerId, Applied { used, left }: Applied) -> Self {
        let of_invoice = |Used { invoice, number, amount, due }: Used| UsedOut {
            invoice: invoice.to_string(),
            number,
            amount: amount.into(),
            amount_due: due.into(),
        };
        let balance = |Held { entity, left }: Held| CreditBalanceOut::new(entity, left.into());
        Self {
            customer: customer.to_string(),
            used: used.into_iter().map(of_invoice).collect(),
            balances: left.into_iter().map(balance).collect(),
        }
    }
}

/// Show what a customer has to its credit, which pays its next invoices.
#[utoipa::path(
    get, path = "/v1/customers/{id}/credit", tag = "Customers",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = CreditBalancesOut)),
)]
pub(crate) async fn credit(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(customer): Path<CustomerRef>,
) -> ApiResult<Json<CreditBalancesOut>> {
    app.read(actor.scope(), move |view| {
        let id = customer::resolve(view, &customer)?;
        let id = customer::find(view, id)?.id;
        let held = ledger::held_by(view, AccountKind::CustomerCredit, vec![id.to_string()])?;
        Ok(CreditBalancesOut::new(id, held))
    })
    .await
}

/// Show what a customer's credit would pay of its open invoices, by the same decision; nothing is written.
#[utoipa::path(
    post, path = "/v1/customers/{id}/credit/preview", tag = "Customers", request_body = ApplyCredit,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = AppliedOut)),
)]
pub(crate) async fn preview_credit(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(customer): Path<CustomerRef>,
    Body { content, .. }: Body<ApplyCredit>,
) -> ApiResult<Json<AppliedOut>> {
    let invoices = content.read()?;
    app.read(actor.scope(), move |view| {
        let id = customer::resolve(view, &customer)?;
        Ok(AppliedOut::new(id, credit::preview(view, id, &invoices)?))
    })
    .await
}

/// Let a customer's credit pay its open invoices, as far as it goes: credit that came after they were issued. An
/// invoice takes what credit there is by itself when it is issued. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/customers/{id}/credit/apply", tag = "Customers", request_body = ApplyCredit,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = AppliedOut)),
)]
pub(crate) async fn apply_credit(
    State(app): State<App>,
    actor: Actor<may::PaymentWrite>,
    Path(customer): Path<CustomerRef>,
    Body { content, request }: Body<ApplyCredit>,
) -> ApiResult<Changed> {
    let invoices = content.read()?;
    app.change(actor.scope(), request, move |tx| {
        let id = customer::resolve(tx, &customer)?;
        Ok((StatusCode::OK, AppliedOut::new(id, credit::apply(tx, id, &invoices)?)))
    })
    .await
}
