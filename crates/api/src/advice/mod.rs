//! Advice: other plans and team plans that would serve customers better, and prompts.

use axum::{Json, extract::State};
use billing::advice::{
    plans::{Ground, ROUNDS},
    teams,
};
use catalog::Trigger;
use entitlements::prompt::Moment;
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use kernel::{Error, Result, ids::CustomerId};
use metering::alert::{self, Wanted};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::{Page, PageQuery, cursor},
    parameters::{Path, Query},
};

mod out;
use out::{AdviceOut, PlanAdviceOut, PromptOut, TeamAdviceOut};

/// The newest alerts of a customer that prompts are made of.
const ALERTS: i64 = 100;

/// List subscriptions that another plan of the price book would serve better, by customer: their closed periods are rated
/// again on the other plans as a bill run would, and the cheapest plan with room for what was used is recommended when
/// it saves enough, or when the limits there are are used up. The advice of one customer is not parted, so that a page
/// can be a little longer than asked for; it can be short, or empty, and still have a next one.
#[utoipa::path(
    get, path = "/v1/advice/plans", tag = "Advice", params(PageQuery),
    responses((status = 200, body = Page<PlanAdviceOut>)),
)]
pub(crate) async fn plans(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<PlanAdviceOut>>> {
    let (limit, after) = (page.limit()?, page.after::<CustomerId>()?);
    let limit = usize::try_from(limit).unwrap_or(1);
    let (mut found, mut next) = (Vec::new(), after);
    for _ in 0..ROUNDS {
        let (after, left) = (next, limit - found.len());
        let ground = app.db.read(actor.scope(), move |view| Ground::next(view, after)).await?;
        let listed = app.read_usage(actor.scope(), move |view| ground.advise(view, left)).await?;
        found.extend(listed.found);
        next = listed.next;
        if next.is_none() || found.len() >= limit {
            break;
        }
    }
    Ok(Json(Page::of(found.into_iter().map(PlanAdviceOut::from).collect(), next.map(cursor))))
}

/// List customers who seem to be one team, by the mail domain they share: each alone on a plan below the one that the
/// price book offers to teams, with what they pay together and what that plan costs for all of them. Empty where the
/// price book offers none. A page can be short, or empty, and still have a next one.
#[utoipa::path(
    get, path = "/v1/advice/teams", tag = "Advice", params(PageQuery),
    responses((status = 200, body = Page<TeamAdviceOut>)),
)]
pub(crate) async fn team_plans(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<TeamAdviceOut>>> {
    let (limit, after) = (page.limit()?, page.after::<String>()?);
    let limit = usize::try_from(limit).unwrap_or(1);
    app.read(actor.scope(), move |view| {
        let teams::Listed { found, next } = teams::list(view, after.as_deref(), limit)?;
        Ok(Page::of(found.into_iter().map(TeamAdviceOut::from).collect(), next.map(cursor)))
    })
    .await
}

/// Read the advice there is for a customer: other plans for its subscriptions, and the team it seems to be one of.
#[utoipa::path(
    get, path = "/v1/customers/{id}/advice", tag = "Advice",
    params(("id" = String, Path, description = "The customer: its id, or `ext:` and your own.")),
    responses((status = 200, body = AdviceOut)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(reference): Path<CustomerRef>,
) -> ApiResult<Json<AdviceOut>> {
    let load = move |view: &mut store::View<'_>| {
        let id = customer::resolve(view, &reference)?;
        Ok((teams::of_customer(view, id)?, Ground::one(view, id)?))
    };
    let (teams, ground) = app.db.read(actor.scope(), load).await?;
    let plans = app.read_usage(actor.scope(), move |view| ground.advise(view, usize::MAX)).await?.found;
    Ok(Json(AdviceOut {
        plans: plans.into_iter().map(PlanAdviceOut::from).collect(),
        teams: teams.into_iter().map(TeamAdviceOut::from).collect(),
    }))
}

/// What happens at the moment.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MomentQuery {
    /// The key of a feature or meter that is asked for: there is a prompt when it is not included.
    feature: Option<String>,
    /// Something else that is done: `savings_viewed` or `export`.
    trigger: Option<String>,
}

impl MomentQuery {
    /// Errors: `query_invalid`.
    fn moment(self) -> Result<Moment> {
        let unknown = || {
            let detail = "The trigger is savings_viewed or export; limits and features come by themselves.";
            Error::invalid("query_invalid", detail).at("?trigger")
        };
        let trigger = self.trigger.as_deref().map(|word| {
            let trigger = Trigger::parse(word);
            trigger.filter(|one| matches!(one, Trigger::SavingsViewed | Trigger::Export)).ok_or_else(unknown)
        });
        Ok(Moment { feature: self.feature, trigger: trigger.transpose()? })
    }
}

/// Read what to tell a customer now because it could have more: of limits that are reached or nearly so in a window that
/// runs, of a feature that is asked for and not included, and of what else it does. The words are the price book's, what
/// presses most comes first; each names the cheapest plan or add-on that gives more, and none is there where nothing does.
#[utoipa::path(
    get, path = "/v1/customers/{id}/prompts", tag = "Advice",
    params(("id" = String, Path, description = "The customer: its id, or `ext:` and your own."), MomentQuery),
    responses((status = 200, body = Page<PromptOut>)),
)]
pub(crate) async fn prompts(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(reference): Path<CustomerRef>,
    Query(query): Query<MomentQuery>,
) -> ApiResult<Json<Page<PromptOut>>> {
    let moment = query.moment()?;
    let sight = app.entitlements.sight(actor.scope(), reference.into()).await?;
    let customer = sight.account.as_ref().map(|account| account.customer);
    let customer = customer.ok_or_else(|| Error::not_found("customer"))?;
    app.read(actor.scope(), move |view| {
        let wanted = Wanted { customer: Some(customer), before: None, limit: ALERTS };
        let alerts = alert::list(view, &wanted)?;
        let prompts = sight.prompts(&alerts, &moment);
        Ok(Page::of(prompts.into_iter().map(PromptOut::from).collect(), None))
    })
    .await
}
