//! Advice as it goes out.

use billing::advice::{
    PlanAdvice, Plus, Reason,
    teams::{Member, TeamAdvice},
};
use entitlements::{feature::Upgrade, prompt::Prompt};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::shape::AmountOut;

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdvisedPlan)]
pub(crate) struct PlanOut {
    /// Its key in the price book.
    #[schema(examples("business"))]
    key: String,
    /// What it is called.
    #[schema(examples("Business"))]
    name: String,
}

impl From<(String, String)> for PlanOut {
    fn from((key, name): (String, String)) -> Self {
        Self { key, name }
    }
}

/// An add-on beside a plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdvisedAddon)]
pub(crate) struct AddonOut {
    /// Its key in the price book.
    key: String,
    /// What it is called.
    name: String,
    /// How many.
    quantity: i64,
}

impl From<Plus> for AddonOut {
    fn from(Plus { key, name, quantity }: Plus) -> Self {
        Self { key, name, quantity }
    }
}

/// A reason.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdviceReason)]
pub(crate) struct ReasonOut {
    /// `saves`, `costs`, `limit_tight`, `limit_holds`, `includes`, `lacks` or `adds`.
    #[schema(examples("saves"))]
    code: &'static str,
    /// The reason as a sentence, with its figures.
    #[schema(examples(
        "The last 3 periods would have come to USD 57.00 instead of USD 147.00: USD 90.00 less."
    ))]
    text: String,
}

impl From<Reason> for ReasonOut {
    fn from(reason: Reason) -> Self {
        Self { code: reason.word(), text: reason.sentence() }
    }
}

/// A closed period, and what it came to and would have come to, before coupons and tax.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ComparedPeriod)]
pub(crate) struct ComparedOut {
    /// Its start.
    start: Timestamp,
    /// The first instant after it.
    end: Timestamp,
    /// On the plan there is, with what is subscribed to now.
    now: AmountOut,
    /// On the plan that is recommended.
    then: AmountOut,
}

/// Another plan is recommended for a subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanAdvice)]
pub(crate) struct PlanAdviceOut {
    /// Whose.
    customer: String,
    /// Which subscription.
    subscription: String,
    /// `cheaper`: the same would have cost less. `outgrown`: the limits there are are used up, or nearly so.
    #[schema(examples("cheaper"))]
    why: &'static str,
    /// Whether the plan stands before the one there is in the price book.
    downgrade: bool,
    /// The plan there is.
    from: PlanOut,
    /// The plan that is recommended.
    to: PlanOut,
    /// How many units of it, when it is priced per unit.
    quantity: Option<i64>,
    /// The add-ons there would be beside it.
    addons: Vec<AddonOut>,
    /// How often both are billed.
    #[schema(examples("month"))]
    cycle: String,
    /// What the periods came to on the plan there is, before coupons and tax.
    now: AmountOut,
    /// What they would have come to.
    then: AmountOut,
    /// The periods that were compared, the oldest first.
    periods: Vec<ComparedOut>,
    /// Why, the strongest first.
    reasons: Vec<ReasonOut>,
}

impl From<PlanAdvice> for PlanAdviceOut {
    fn from(advice: PlanAdvice) -> Self {
        let compared = advice.periods.into_iter().map(|one| ComparedOut {
            start: one.period.start.at,
            end: one.period.end.at,
            now: one.now.into(),
            then: one.then.into(),
        });
        Self {
            customer: advice.customer.to_string(),
            subscription: advice.subscription.to_string(),
            why: advice.why.word(),
            downgrade: advice.down,
            from: advice.from.into(),
            to: advice.to.into(),
            quantity: advice.change.quantity,
            addons: advice.addons.into_iter().map(AddonOut::from).collect(),
            cycle: advice.cycle.to_string(),
            now: advice.now.into(),
            then: advice.then.into(),
            periods: compared.collect(),
            reasons: advice.reasons.into_iter().map(ReasonOut::from).collect(),
        }
    }
}

/// One of a team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TeamMember)]
pub(crate) struct MemberOut {
    /// Who.
    customer: String,
    /// By which subscription.
    subscription: String,
    /// The plan.
    plan: PlanOut,
    /// What its fees come to in a period, before coupons, usage and tax.
    pays: AmountOut,
    /// Since when.
    since: Timestamp,
}

impl From<Member> for MemberOut {
    fn from(member: Member) -> Self {
        Self {
            customer: member.customer.to_string(),
            subscription: member.subscription.to_string(),
            plan: member.plan.into(),
            pays: member.pays.into(),
            since: member.since,
        }
    }
}

/// A plan for teams is recommended to customers together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TeamAdvice)]
pub(crate) struct TeamAdviceOut {
    /// The mail domain they share.
    #[schema(examples("example.com"))]
    domain: String,
    /// Since when there are enough of them.
    since: Timestamp,
    /// Who they are, the oldest first.
    members: Vec<MemberOut>,
    /// The plan for them.
    plan: PlanOut,
    /// Seats for all of them.
    seats: i64,
    /// What the plan needs beside it, so that all have a seat.
    addons: Vec<AddonOut>,
    /// How often they and the plan are billed.
    cycle: String,
    /// What they pay together in a period, before coupons, usage and tax.
    now: AmountOut,
    /// What the plan costs in a period for so many.
    then: AmountOut,
    /// Another customer of the domain who has the plan, or one behind it.
    has_it: Option<String>,
    /// Why, in sentences.
    reasons: Vec<String>,
}

impl From<TeamAdvice> for TeamAdviceOut {
    fn from(advice: TeamAdvice) -> Self {
        Self {
            reasons: advice.reasons(),
            domain: advice.domain,
            since: advice.since,
            members: advice.members.into_iter().map(MemberOut::from).collect(),
            plan: advice.plan.into(),
            seats: advice.seats,
            addons: advice.addons.into_iter().map(AddonOut::from).collect(),
            cycle: advice.cycle.to_string(),
            now: advice.now.into(),
            then: advice.then.into(),
            has_it: advice.has_it.map(|customer| customer.to_string()),
        }
    }
}

/// The advice there is for a customer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerAdvice)]
pub(crate) struct AdviceOut {
    /// Other plans for its subscriptions.
    pub(super) plans: Vec<PlanAdviceOut>,
    /// The team it seems to be one of.
    pub(super) teams: Vec<TeamAdviceOut>,
}

/// Something to tell a customer now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Prompt)]
pub(crate) struct PromptOut {
    /// `limit_reached`, `limit_near`, `feature_gated`, `savings_viewed` or `export`.
    #[schema(examples("limit_near"))]
    trigger: &'static str,
    /// What to say, in the words of the price book.
    #[schema(examples("Generations: 431 of 500 are used. Professional has 2,500, for USD 49 a month."))]
    text: String,
    /// The key of the plan that gives more; null when it is an add-on.
    plan: Option<String>,
    /// The key of the add-on that gives more; null when it is a plan.
    addon: Option<String>,
    /// What that is called.
    name: String,
    /// What it costs, as the price book says it.
    #[schema(examples("USD 49 a month"))]
    price: String,
    /// The key of the meter or feature it is about.
    about: Option<String>,
    /// The user, seat or key whose use it is about; null when it is all of the customer's.
    who: Option<String>,
    /// The subscription that would change.
    subscription: Option<String>,
}

impl From<Prompt> for PromptOut {
    fn from(prompt: Prompt) -> Self {
        let (plan, addon) = match prompt.offer {
            Upgrade::Plan(plan) => (Some(plan), None),
            Upgrade::Addon(addon) => (None, Some(addon)),
        };
        Self {
            trigger: prompt.trigger.word(),
            text: prompt.text,
            plan,
            addon,
            name: prompt.name,
            price: prompt.price,
            about: prompt.about,
            who: prompt.who,
            subscription: prompt.subscription.map(|id| id.to_string()),
        }
    }
}
