//! Customers who seem to be one team: they share a mail domain of their own, and each is alone on a plan below the one
//! the price book offers to teams.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use catalog::{
    Plan, Team,
    version::{self, Version},
};
use identity::customer;
use jiff::Timestamp;
use kernel::{
    Currency, Cycle, Money, Result,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use store::View;

use super::{Plus, fit};
use crate::{
    subscription::{self, Agreement, State, Subscription, rules::fees_of_a_period},
    trial::rules::own_domain,
};

/// Persons that are looked at in one go.
const AT_ONCE: i64 = 8_000;
/// Such goes for one page; it may be short, or empty, and still have a next one.
const GOES: usize = 3;
/// The most customers of a domain that are looked at.
const MOST: i64 = 100;
/// After so many customers of large domains a page ends early.
const ENOUGH: i64 = 100;

/// One of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub customer: CustomerId,
    /// By which subscription.
    pub subscription: SubscriptionId,
    /// The plan: key and name.
    pub plan: (String, String),
    /// What its fees come to in a period, before coupons, usage and tax.
    pub pays: Money,
    /// Since when.
    pub since: Timestamp,
}

/// A team plan is recommended to some customers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamAdvice {
    /// The mail domain they share.
    pub domain: String,
    /// How often they and the plan are billed.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// Who they are, the oldest first.
    pub members: Vec<Member>,
    /// Since when there are enough of them.
    pub since: Timestamp,
    /// What they pay together in a period.
    pub now: Money,
    /// The plan for them: key and name.
    pub plan: (String, String),
    /// Seats for all of them.
    pub seats: i64,
    /// What the plan needs beside it, so that all have a seat.
    pub addons: Vec<Plus>,
    /// What the plan costs in a period for so many.
    pub then: Money,
    /// Another customer of the domain who has the plan, or one behind it.
    pub has_it: Option<CustomerId>,
}

impl TeamAdvice {
    /// Why, in sentences.
    pub fn reasons(&self) -> Vec<String> {
        let Self { domain, members, cycle, plan, seats, now, then, .. } = self;
        let mut plans: BTreeMap<&str, usize> = BTreeMap::new();
        for member in members {
            *plans.entry(&member.plan.1).or_default() += 1;
        }
        let plans: Vec<String> =
            plans.into_iter().map(|(plan, count)| format!("{count} on {plan}")).collect();
        let day = self.since.strftime("%-d %B %Y");
        let beside: Vec<String> =
            self.addons.iter().map(|addon| format!("{} × {}", addon.quantity, addon.name)).collect();
        let beside =
            if beside.is_empty() { String::new() } else { format!(" with {}", beside.join(" and ")) };
        let difference = match then.minor() - now.minor() {
            0 => "the same".to_owned(),
            less if less < 0 => {
                now.checked_sub(*then).map_or_else(|_| String::new(), |by| format!("{by} less"))
            }
            _ => then.checked_sub(*now).map_or_else(|_| String::new(), |by| format!("{by} more")),
        };
        let mut reasons = vec![
            format!("{} customers have addresses at {domain}: {}.", members.len(), plans.join(", ")),
            format!("Enough for a team since {day} (UTC)."),
            format!(
                "Together they pay {now} each {cycle}; {}{beside} costs {then} for {seats} of them: {difference}.",
                plan.1
            ),
        ];
        if self.has_it.is_some() {
            reasons.push(format!("Another customer at {domain} has {} or more already.", plan.1));
        }
        reasons
    }
}

/// Part of a list.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// By domain.
    pub found: Vec<TeamAdvice>,
    /// The domain to go on behind; none at the end.
    pub next: Option<String>,
}

/// The teams there seem to be, in order of their domains behind `after`, at most `limit` domains. None where the price
/// book in force offers teams no plan.
pub fn list(view: &mut View<'_>, after: Option<&str>, limit: usize) -> Result<Listed> {
    let mut listed = Listed::default();
    let Some(offer) = Offer::read(view)? else { return Ok(listed) };
    let mut place = after.unwrap_or_default().to_owned();
    let (mut domains, mut customers) = (0, 0);
    for _ in 0..GOES {
        let counted = customer::domains(view, &place, AT_ONCE)?;
        let more = counted.iter().map(|(_, count)| count).sum::<i64>() >= AT_ONCE;
        let last = counted.len().saturating_sub(1);
        for (at, (domain, count)) in counted.into_iter().enumerate() {
            // Of the last one not all were counted, perhaps: it is begun with next time, unless it is all there was.
            if more && at == last && at > 0 && count < offer.from() {
                break;
            }
            if count >= offer.from() && offer.is_own(&domain) {
                let found = offer.teams(view, &domain)?;
                domains += usize::from(!found.is_empty());
                customers += count.min(MOST);
                listed.found.extend(found);
            }
            place = domain;
            if domains == limit || customers >= ENOUGH {
                listed.next = Some(place);
                return Ok(listed);
            }
        }
        if !more {
            return Ok(listed);
        }
    }
    listed.next = Some(place);
    Ok(listed)
}

/// The teams a customer seems to be one of. Errors: `not_found`.
pub fn of_customer(view: &mut View<'_>, id: CustomerId) -> Result<Vec<TeamAdvice>> {
    customer::find(view, id)?;
    let Some(offer) = Offer::read(view)? else { return Ok(Vec::new()) };
    let Some(domain) = customer::domain_of(view, id)?.filter(|domain| offer.is_own(domain)) else {
        return Ok(Vec::new());
    };
    let mut teams = offer.teams(view, &domain)?;
    teams.retain(|team| team.members.iter().any(|member| member.customer == id));
    Ok(teams)
}

/// What the price book in force offers teams.
struct Offer {
    version: Arc<Version>,
    team: Team,
    plan: Plan,
}

impl Offer {
    fn read(view: &mut View<'_>) -> Result<Option<Self>> {
        let Some(version) = version::newest(view)? else { return Ok(None) };
        let team = version.book.advice.team.clone();
        let offer = team.and_then(|team| Some((version.book.plan(&team.plan)?.clone(), team)));
        Ok(offer.map(|(plan, team)| Self { version, team, plan }))
    }

    fn from(&self) -> i64 {
        self.team.from.into()
    }

    /// Whether a domain belongs to somebody, rather than to everybody.
    fn is_own(&self, domain: &str) -> bool {
        own_domain(&format!("a@{domain}")).is_some() && !self.version.book.is_public_mail(domain)
    }

    /// How far up a plan stands in the price book.
    fn rank(&self, plan: &str) -> Option<usize> {
        self.version.book.plans.iter().position(|one| one.key == plan)
    }

    fn teams(&self, view: &mut View<'_>, domain: &str) -> Result<Vec<TeamAdvice>> {
        let customers = customer::of_domain(view, domain, MOST)?;
        let subscriptions = subscription::of_customers(view, customers)?;
        let books: Vec<BookVersionId> = subscriptions.iter().map(|one| one.book).collect();
        let versions: HashMap<BookVersionId, Arc<Version>> =
            version::many(view, books)?.into_iter().map(|version| (version.id, version)).collect();
        let mut groups: BTreeMap<(String, String), Vec<(&Subscription, Member)>> = BTreeMap::new();
        let mut has_it = None;
        for of_one in subscriptions.chunk_by(|one, other| one.customer == other.customer) {
            let mut running = of_one.iter().filter(|one| {
                matches!(one.state, State::Active | State::Trialing | State::PastDue) && one.ends.is_none()
            });
            let has = |one: &&Subscription| {
                self.rank(one.plan()).is_some_and(|rank| Some(rank) >= self.rank(&self.plan.key))
            };
            if let Some(one) = running.clone().find(has) {
                has_it = has_it.or(Some(one.customer));
                continue;
            }
            let Some(first) = running.find(|one| self.is_alone(one)) else { continue };
            let Some(version) = versions.get(&first.book) else { continue };
            let member = member(first, version)?;
            let key = (first.currency.code().to_owned(), first.schedule.cycle.to_string());
            groups.entry(key).or_default().push((first, member));
        }
        let enough = groups.into_values().filter(|members| members.len() as i64 >= self.from());
        enough.filter_map(|members| self.team(domain, members, has_it).transpose()).collect()
    }

    /// Whether a subscription is that of one person: of a plan before the team's, and not for several units.
    fn is_alone(&self, one: &Subscription) -> bool {
        let below = self.rank(one.plan()).is_some_and(|rank| Some(rank) < self.rank(&self.plan.key));
        let negotiated = self.version.book.plan(one.plan()).is_some_and(|plan| plan.negotiated);
        below && !negotiated && one.plan_quantity() <= 1
    }

    /// The team plan for some of a domain; none where it is not sold as they pay, or has no seats for all.
    fn team(
        &self,
        domain: &str,
        members: Vec<(&Subscription, Member)>,
        has_it: Option<CustomerId>,
    ) -> Result<Option<TeamAdvice>> {
        let Some((first, _)) = members.first() else { return Ok(None) };
        let (cycle, currency) = (first.schedule.cycle, first.currency);
        let seats = members.len() as i64;
        let Some(after) = self.on_team_plan(first, seats) else { return Ok(None) };
        let then = fees_of_a_period(&after, &self.version)?;
        let mut members: Vec<Member> = members.into_iter().map(|(_, member)| member).collect();
        members.sort_by_key(|member| (member.since, member.customer));
        let enough = usize::from(self.team.from).min(members.len()) - 1;
        Ok(Some(TeamAdvice {
            domain: domain.to_owned(),
            cycle,
            currency,
            since: members[enough].since,
            now: Money::total(members.iter().map(|member| member.pays), currency)?,
            plan: (self.plan.key.clone(), self.plan.name.clone()),
            seats,
            addons: fit::addons(&after, &self.version.book),
            then,
            has_it,
            members,
        }))
    }

    /// One of them with the team plan and seats for all.
    fn on_team_plan(&self, one: &Subscription, seats: i64) -> Option<Subscription> {
        let price = self.plan.price_for(one.schedule.cycle, one.currency)?;
        let per_unit = price.unit().is_some();
        let mut counts = BTreeMap::new();
        let limit = self.team.seats.as_ref().and_then(|key| self.version.book.feature(key));
        let quantity = if per_unit { seats } else { 1 };
        if let Some(limit) = limit {
            let missing = fit::room(&self.plan, limit, quantity.unsigned_abs()).missing(seats.unsigned_abs());
            if missing > 0 {
                let (addon, each) = fit::raising(&self.version.book, &self.plan, &limit.key, one)?;
                counts.insert(addon.key.clone(), i64::try_from(missing.div_ceil(each)).ok()?);
            }
        }
        let alone = Subscription { agreement: Agreement::default(), ..one.clone() };
        let change = fit::change(&alone, &self.plan, per_unit.then_some(quantity), &counts);
        fit::after(&alone, &self.version, &self.version, &change)
    }
}

fn member(one: &Subscription, version: &Version) -> Result<Member> {
    let name = version.book.plan(one.plan()).map_or(one.plan(), |plan| plan.name.as_str());
    Ok(Member {
        customer: one.customer,
        subscription: one.id,
        plan: (one.plan().to_owned(), name.to_owned()),
        pays: fees_of_a_period(one, version)?,
        since: one.started,
    })
}
