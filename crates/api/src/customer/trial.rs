//! The trial of a customer: begun at sign-up, and whether there may be one.

use axum::{Json, extract::State};
use billing::{
    customers::Created,
    trial::{self, Had, MayTry},
};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use jiff::Timestamp;
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use store::View;
use utoipa::{IntoParams, ToSchema};

use super::CustomerOut;
use crate::{
    actor::Actor,
    app::{ApiResult, App},
    parameters::{Path, Query},
};

/// A customer that was created, and the trial that began with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedCustomer)]
pub(crate) struct CreatedOut {
    #[serde(flatten)]
    customer: CustomerOut,
    /// The trial that began, where the price book starts one at sign-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<SignUpTrialOut>,
    /// Why there is none although the price book would start one.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_refused: Option<RefusalOut>,
}

/// A trial that began at sign-up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignUpTrial)]
struct SignUpTrialOut {
    /// Its subscription.
    subscription: String,
    /// The plan that is tried.
    plan: String,
    /// When it ends.
    ends: Timestamp,
}

/// Why something is not done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refusal)]
struct RefusalOut {
    /// What programs compare: a code of the list of errors.
    #[schema(examples("trial_used"))]
    code: &'static str,
    /// The same in words.
    detail: String,
}

impl CreatedOut {
    pub(super) fn load(view: &mut View<'_>, created: Created) -> Result<Self> {
        let Created { customer, trial, refused } = created;
        let trial = trial.map(|one| SignUpTrialOut {
            subscription: one.id.to_string(),
            plan: one.plan().to_owned(),
            ends: one.billed_through.at,
        });
        let refused = refused.map(|Error { code, detail, .. }| RefusalOut { code, detail });
        Ok(Self { customer: CustomerOut::load(view, customer)?, trial, trial_refused: refused })
    }
}

/// What else is known of whoever wants a trial.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrialQuery {
    /// What your gateway says tells its method of payment from others.
    payment_fingerprint: Option<String>,
}

/// Whether a customer may have a trial.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MayTry)]
pub(crate) struct MayTryOut {
    /// Whether a start with a trial is not refused for one they had.
    allowed: bool,
    /// Whether the price book offers one at all.
    offered: bool,
    /// The trials that stand against another one, by what the price book gives one for.
    had: Vec<HadOut>,
}

/// A trial that was had before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HadTrial)]
struct HadOut {
    /// In what they are the same: `customer`, `email`, `email_domain`, `tax_id` or `fingerprint`.
    because: &'static str,
    /// The same in words.
    detail: &'static str,
    /// Who had it.
    customer: String,
    /// The subscription that began with it.
    subscription: String,
    /// When it began.
    began: Timestamp,
}

impl From<MayTry> for MayTryOut {
    fn from(found: MayTry) -> Self {
        let had = |one: &Had| HadOut {
            because: one.because.word(),
            detail: one.sentence(),
            customer: one.customer.to_string(),
            subscription: one.subscription.to_string(),
            began: one.began,
        };
        Self { allowed: found.allowed(), offered: found.offered, had: found.had.iter().map(had).collect() }
    }
}

/// Say whether a customer may have a trial, and which ones stand against it: its own, and those of customers with the
/// same e-mail address, tax id or method of payment. Addresses are compared as mail reaches them.
#[utoipa::path(
    get, path = "/v1/customers/{id}/trial", tag = "Customers",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own."), TrialQuery),
    responses((status = 200, body = MayTryOut)),
)]
pub(crate) async fn may_try(
    State(app): State<App>,
    actor: Actor<may::CustomerRead>,
    Path(customer): Path<CustomerRef>,
    Query(query): Query<TrialQuery>,
) -> ApiResult<Json<MayTryOut>> {
    app.read(actor.scope(), move |view| {
        let id = customer::resolve(view, &customer)?;
        Ok(trial::may_try(view, id, query.payment_fingerprint.as_deref())?.into())
    })
    .await
}
