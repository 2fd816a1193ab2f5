//! What a customer is told now because something more could be had: in the words of the price book, with the plan or
//! add-on that gives it.

use billing::advice::number;
use catalog::{Addon, Having, LimitPolicy, Plan, Prompts, Trigger};
use kernel::{Cycle, Exact, ids::SubscriptionId};
use metering::alert::Alert;

use crate::{
    Context, Sight,
    feature::{
        Reason, Upgrade, Value,
        rules::{Running, run},
    },
};

/// What happens at the moment, beside what is known of limits.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// The key of a feature that is asked for.
    pub feature: Option<String>,
    /// Something else that is done: `savings_viewed` or `export`.
    pub trigger: Option<Trigger>,
}

/// A prompt to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What makes it appear.
    pub trigger: Trigger,
    /// What it says.
    pub text: String,
    /// The cheapest way to have more.
    pub offer: Upgrade,
    /// What that is called.
    pub name: String,
    /// What it costs, as the price book says it.
    pub price: String,
    /// The key of the meter or feature it is about.
    pub about: Option<String>,
    /// The user, seat or key whose use it is about.
    pub who: Option<String>,
    /// The subscription that would change.
    pub subscription: Option<SubscriptionId>,
}

/// Something that could be had.
struct Offer<'a> {
    upgrade: Upgrade,
    name: &'a str,
    price: String,
    /// The limit of a meter there would be; none: no limit.
    more: Option<Exact>,
}

impl Sight {
    /// The prompts for a customer, what presses most first. `alerts` are the customer's, the newest first.
    pub fn prompts(&self, alerts: &[Alert], moment: &Moment) -> Vec<Prompt> {
        let Some(newest) = &self.newest else { return Vec::new() };
        let texts = &newest.book.prompts;
        let mut found: Vec<Prompt> = self.of_limits(alerts, texts, newest.book.advice.near);
        found.extend(moment.feature.as_deref().and_then(|key| self.of_feature(key, texts)));
        found.extend(moment.trigger.and_then(|trigger| self.of_moment(trigger, texts)));
        found.sort_by_key(|prompt| prompt.trigger);
        found
    }

    /// Limits that are reached or nearly so in a window that is not over, each once.
    fn of_limits(&self, alerts: &[Alert], texts: &Prompts, near: u16) -> Vec<Prompt> {
        let (now, mut seen) = (self.now.as_microsecond(), Vec::new());
        let mut open: Vec<&Alert> = alerts.iter().filter(|alert| alert.until > now).collect();
        open.sort_by_key(|alert| std::cmp::Reverse(alert.place.level));
        let mut found = Vec::new();
        for alert in open {
            let place = (&alert.place.meter, &alert.place.who, alert.subscription);
            if alert.place.level < i64::from(near) || seen.contains(&place) {
                continue;
            }
            seen.push(place);
            found.extend(self.of_limit(alert, texts, near));
        }
        found
    }

    fn of_limit(&self, alert: &Alert, texts: &Prompts, near: u16) -> Option<Prompt> {
        let agreements = &self.account.as_ref()?.agreements;
        let agreement = agreements.iter().find(|one| one.subscription == alert.subscription)?;
        let running = run(agreement, self.now)?;
        let key = alert.place.meter.as_str();
        let limit = self.limit(&running, key)?;
        let used = alert.used().ok()?.exact();
        let hundred = Exact::from(100_i64);
        // It may have a greater limit since.
        if &used * &hundred < Exact::from(i64::from(near)) * &limit {
            return None;
        }
        let trigger = if used < limit { Trigger::LimitNear } else { Trigger::LimitReached };
        let offer = for_more(&running, key, &limit)?;
        let meter = running.book().meter(key)?;
        let percent = (&used * &hundred).checked_div(&limit).and_then(|percent| percent.floor().ok());
        let values = [
            ("offer", offer.name.to_owned()),
            ("price", offer.price.clone()),
            ("meter", meter.name.clone()),
            ("unit", meter.unit.clone()),
            ("used", number(&used)),
            ("limit", number(&limit)),
            ("percent", percent.map_or_else(String::new, |percent| percent.to_string())),
            ("more", offer.more.as_ref().map_or_else(|| "no limit".to_owned(), number)),
        ];
        let who = Some(alert.place.who.clone()).filter(|who| !who.is_empty());
        let prompt = prompt(trigger, texts, &values, offer, Some(key), Some(alert.subscription))?;
        Some(Prompt { who, ..prompt })
    }

    /// The limit that counts now: an override's, or that of the plan with its add-ons; none: no limit.
    fn limit(&self, running: &Running<'_>, meter: &str) -> Option<Exact> {
        let decision = self.feature(meter, &Context::default())?;
        match (decision.reason, decision.value) {
            (Reason::Override | Reason::Flag { .. }, Value::UpTo(amount)) => Some(amount),
            (Reason::Override | Reason::Flag { .. }, _) => None,
            _ => limit_of(running, running.plan, meter),
        }
    }

    fn of_feature(&self, key: &str, texts: &Prompts) -> Option<Prompt> {
        let decision = self.feature(key, &Context::default())?;
        let upgrade = decision.upgrade.clone().filter(|_| !decision.allowed())?;
        let (book, first) = self.bought();
        let (cycle, currency) = first
            .as_ref()
            .map_or((Cycle::MONTH, book?.currency), |one| (one.agreement.cycle, one.agreement.currency));
        let (name, price) = match &upgrade {
            Upgrade::Plan(plan) => {
                let plan = book?.plan(plan)?;
                (plan.name.as_str(), plan_price(plan, cycle, currency)?)
            }
            Upgrade::Addon(addon) => {
                let addon = book?.addon(addon)?;
                (addon.name.as_str(), addon_price(addon, cycle, currency)?)
            }
        };
        let values =
            [("offer", name.to_owned()), ("price", price.clone()), ("feature", decision.name.clone())];
        let subscription = first.map(|one| one.agreement.subscription);
        let offer = Offer { upgrade, name, price, more: None };
        prompt(Trigger::FeatureGated, texts, &values, offer, Some(key), subscription)
    }

    /// What is said where something is looked at: of the next plan there is.
    fn of_moment(&self, trigger: Trigger, texts: &Prompts) -> Option<Prompt> {
        let (_, first) = self.bought();
        let first = first?;
        let units = Exact::from(first.agreement.quantity.max(1));
        let (plan, _) = having(&first, &units).cheapest(|plan| !plan.negotiated)?;
        let price = plan_price(plan, first.agreement.cycle, first.agreement.currency)?;
        let values = [("offer", plan.name.clone()), ("price", price.clone())];
        let offer = Offer { upgrade: Upgrade::Plan(plan.key.clone()), name: &plan.name, price, more: None };
        prompt(trigger, texts, &values, offer, None, Some(first.agreement.subscription))
    }

    /// The oldest subscription that runs, and the price book that counts.
    fn bought(&self) -> (Option<&catalog::Book>, Option<Running<'_>>) {
        let agreements = self.account.iter().flat_map(|account| &account.agreements);
        let first = agreements.filter_map(|agreement| run(agreement, self.now)).next();
        let newest = self.newest.as_ref().map(|version| &*version.book);
        (first.as_ref().map(Running::book).or(newest), first)
    }
}

fn prompt(
    trigger: Trigger,
    texts: &Prompts,
    values: &[(&str, String)],
    offer: Offer<'_>,
    about: Option<&str>,
    subscription: Option<SubscriptionId>,
) -> Option<Prompt> {
    let text = Prompts::fill(texts.text(trigger)?, values);
    let Offer { upgrade, name, price, .. } = offer;
    let about = about.map(str::to_owned);
    Some(Prompt {
        trigger,
        text,
        offer: upgrade,
        name: name.to_owned(),
        price,
        about,
        who: None,
        subscription,
    })
}

fn having<'a>(one: &Running<'a>, units: &'a Exact) -> Having<'a> {
    let agreement = one.agreement;
    let (cycle, currency) = (agreement.cycle, agreement.currency);
    Having { book: one.book(), plan: Some(one.plan.key.as_str()), cycle, currency, quantity: units }
}

/// The limit a plan would set a subscription on a meter, with what its add-ons put on top; none: no limit that refuses.
fn limit_of(one: &Running<'_>, plan: &Plan, meter: &str) -> Option<Exact> {
    let limit = plan.limits.get(meter).filter(|limit| limit.policy == LimitPolicy::Hard)?;
    let raised: u64 = one.addons().filter_map(|(addon, count)| Some(addon.raises.get(meter)? * count)).sum();
    Some(limit.amount_for(&Exact::from(one.agreement.quantity.max(1))) + Exact::from(i128::from(raised)))
}

/// The cheapest plan with a greater limit; where there is none, an add-on that raises the limit.
fn for_more<'a>(one: &Running<'a>, meter: &str, limit: &Exact) -> Option<Offer<'a>> {
    let units = Exact::from(one.agreement.quantity.max(1));
    let (cycle, currency) = (one.agreement.cycle, one.agreement.currency);
    let having = Having { quantity: &units, ..having(one, &units) };
    let greater = |plan: &Plan| limit_of(one, plan, meter).is_none_or(|other| other > *limit);
    let plan = having.cheapest(greater).map(|(plan, _)| plan.key.clone());
    if let Some(plan) = plan.and_then(|key| one.book().plan(&key)) {
        let price = plan_price(plan, cycle, currency)?;
        let more = limit_of(one, plan, meter);
        return Some(Offer { upgrade: Upgrade::Plan(plan.key.clone()), name: &plan.name, price, more });
    }
    let raising = one.book().addons.iter().filter(|addon| addon.fits(one.plan));
    let mut raising = raising.filter_map(|addon| Some((addon, addon.raises.get(meter)?)));
    let (addon, by, price) =
        raising.find_map(|(addon, by)| Some((addon, by, addon_price(addon, cycle, currency)?)))?;
    let more = Some(limit + Exact::from(i128::from(*by)));
    Some(Offer { upgrade: Upgrade::Addon(addon.key.clone()), name: &addon.name, price, more })
}

fn plan_price(plan: &Plan, cycle: Cycle, currency: kernel::Currency) -> Option<String> {
    let own = plan.price_for(cycle, currency).map(|price| (price, cycle));
    let (price, cycle) = own.or_else(|| Some((plan.price_for(Cycle::MONTH, currency)?, Cycle::MONTH)))?;
    let from = if plan.negotiated { "from " } else { "" };
    Some(format!("{from}{price} {}", each(cycle)))
}

fn addon_price(addon: &Addon, cycle: Cycle, currency: kernel::Currency) -> Option<String> {
    if let Some(price) = addon.price_for(cycle, currency) {
        let cycle = if price.months_factor == 1 { cycle } else { Cycle::MONTH };
        return Some(format!("{} {}", price.price, each(cycle)));
    }
    addon.one_off(currency).map(|price| format!("{price}, once"))
}

fn each(cycle: Cycle) -> String {
    if cycle == Cycle::MONTH { "a month".to_owned() } else { format!("each {cycle}") }
}
