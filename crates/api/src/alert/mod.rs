//! Alerts: limits that were nearly or wholly used.

use axum::{Json, extract::State};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use jiff::Timestamp;
use kernel::{Error, Result, ids::AlertId};
use metering::alert::{self, Alert, Wanted};
use serde::{Deserialize, Serialize};
use store::View;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::{Page, PageQuery},
    parameters::{Query, parse_some},
};

mod jumps;
pub(crate) use jumps::*;

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertQuery {
    /// How many, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    after: Option<String>,
    /// Of this customer: its id, or `ext:` and your own.
    customer: Option<String>,
}

/// Which, once it is read.
pub(crate) struct Asked {
    limit: i64,
    before: Option<AlertId>,
    customer: Option<CustomerRef>,
}

impl Asked {
    fn read(query: AlertQuery) -> Result<Self> {
        let page = PageQuery { limit: query.limit, after: query.after };
        let customer = parse_some(query.customer.as_deref(), "?customer")?;
        Ok(Self { limit: page.limit()?, before: page.after()?, customer })
    }

    /// One more than is shown says whether there is another page.
    fn wanted(&self, view: &mut View<'_>) -> Result<Wanted> {
        let customer = self.customer.as_ref().map(|one| customer::resolve(view, one)).transpose()?;
        Ok(Wanted { customer, before: self.before, limit: self.limit + 1 })
    }
}

/// A percentage of a limit was reached. It is told once in its window, and also a fact: `alert.limit_reached`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertOut {
    /// Its id.
    #[schema(examples("alr_01jdd7w000e008000000000001"))]
    id: String,
    /// Whose limit it is.
    customer: String,
    /// The subscription the limit comes from.
    subscription: String,
    /// The key of the meter.
    #[schema(examples("api_calls"))]
    meter: String,
    /// The user, seat or key whose use counts together; null when it is all of the customer's.
    who: Option<String>,
    /// The percentage that was reached, as the price book lists them.
    #[schema(examples(80))]
    level: i64,
    /// The limit then, in the meter's unit.
    #[schema(examples("1000"))]
    #[serde(rename = "limit")]
    amount: String,
    /// What was used then.
    #[schema(examples("803"))]
    used: String,
    /// Start of the window; of a rolling one when it was reached.
    from: Timestamp,
    /// End of the window; of a rolling one until when the percentage is not told again.
    to: Timestamp,
    /// When it was reached, in business time.
    reached: Timestamp,
    /// The key of the cheapest plan under which more could be used.
    upgrade: Option<String>,
}

impl TryFrom<Alert> for AlertOut {
    type Error = Error;

    fn try_from(alert: Alert) -> Result<Self> {
        let (from, to) = alert.window()?;
        let (amount, used, reached) = (alert.limit()?.to_string(), alert.used()?.to_string(), alert.at()?);
        let Alert { id, place, subscription, upgrade, .. } = alert;
        Ok(Self {
            id: id.to_string(),
            customer: place.customer.to_string(),
            subscription: subscription.to_string(),
            meter: place.meter,
            who: Some(place.who).filter(|who| !who.is_empty()),
            level: place.level,
            amount,
            used,
            from,
            to,
            reached,
            upgrade,
        })
    }
}

/// List percentages of limits that were reached, the newest first. A percentage is told once in a window; which are told
/// stands in the price book, 80 and 100 when it says nothing.
#[utoipa::path(
    get, path = "/v1/alerts", tag = "Limits", params(AlertQuery), responses((status = 200, body = Page<AlertOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(query): Query<AlertQuery>,
) -> ApiResult<Json<Page<AlertOut>>> {
    let asked = Asked::read(query)?;
    let limit = asked.limit;
    app.read(actor.scope(), move |view| {
        let wanted = asked.wanted(view)?;
        let alerts = alert::list(view, &wanted)?;
        Page::cut(alerts, limit, |alert| alert.id, AlertOut::try_from).transpose()
    })
    .await
}
