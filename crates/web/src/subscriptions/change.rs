//! Changing a subscription: asked for in a form, shown to the cent, then done exactly so.

use std::collections::BTreeMap;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use billing::subscription::{self, Change, ItemKind, State, Subscription, Timing};
use catalog::version::{self, Version};
use identity::permission::may;
use kernel::{Error, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};
use store::Tx;

use super::{
    Head,
    act::{self, Act, Confirmed, Effect, OUTDATED},
    deed, items, offers, outcome, terms,
    wish::{offer, whole},
};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Mistakes, Named, Posted, Staff},
    parts, show, ui,
};

/// When a change takes effect, as the form offers it.
const NOW: &str = "now";
const PERIOD_END: &str = "period_end";

pub(crate) async fn page(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, asked).await
}

/// Nothing is shown for an address without its form, so back to it.
pub(crate) async fn again(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Redirect {
    Redirect::to(&asked.link(&staff.at(&format!("/subscriptions/{id}/change"))))
}

pub(crate) async fn preview(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    terms::check(&staff, terms::has_prices(&answers))?;
    show_it(&staff, id, answers, false).await
}

pub(crate) async fn post(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    terms::check(&staff, terms::has_prices(&answers))?;
    let confirmed = Confirmed::read(&answers, &format!("{id}/change"))?;
    let asked = answers.clone();
    match act::carry_out(&staff, id, confirmed, move |tx| wanted(tx, id, &asked)).await {
        Ok(done) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}")), &done)),
        Err(error) if error.code == OUTDATED => show_it(&staff, id, answers, true).await,
        Err(error) => refused(&staff, id, answers, error).await,
    }
}

/// The change a form asks for: what differs from what the subscription is.
fn wanted(tx: &mut Tx<'_>, id: SubscriptionId, answers: &Answers) -> Result<Act> {
    let (change, timing) = read(answers, &subscription::find(tx, id)?)?;
    if change == Change::default() {
        let detail = "The subscription already is what this would make of it.";
        return Err(Error::conflict("nothing_changes", detail));
    }
    Ok(Act::Change(Box::new(change), timing))
}

pub(crate) fn read(answers: &Answers, subscription: &Subscription) -> Result<(Change, Timing)> {
    let mut mistakes = Mistakes::default();
    let chosen = mistakes.at("/plan", offer(answers));
    let quantity = mistakes.at("/quantity", answers.some("quantity").map(whole).transpose()).flatten();
    let mut addons = BTreeMap::new();
    for (key, text) in answers.under("addons.") {
        let count = if text.is_empty() { Ok(0) } else { whole(text) };
        let count = mistakes.at(&format!("/addons/{key}"), count);
        if let Some(count) = count.filter(|count| *count != of_addon(subscription, key)) {
            addons.insert(key.to_owned(), count);
        }
    }
    let (Some((plan, cycle)), true) = (chosen, mistakes.is_empty()) else {
        return Err(mistakes.into_error());
    };
    let prices = terms::prices(answers, &plan)?;
    let change = Change {
        prices,
        plan: Some(plan).filter(|plan| plan != subscription.plan()),
        cycle: Some(cycle).filter(|cycle| *cycle != subscription.schedule.cycle),
        quantity: quantity.filter(|quantity| *quantity != of_plan(subscription)),
        addons,
        ..Change::default()
    };
    // A trial has no paid period to wait for.
    let waits = answers.get("timing") == PERIOD_END && subscription.state != State::Trialing;
    Ok((change, if waits { Timing::PeriodEnd } else { Timing::Now }))
}

fn of_plan(subscription: &Subscription) -> i64 {
    subscription.active_items().find(|item| item.kind == ItemKind::Plan).map_or(1, |item| item.quantity)
}

fn of_addon(subscription: &Subscription, key: &str) -> i64 {
    let found = subscription.active_items().find(|item| item.kind == ItemKind::Addon && item.key == key);
    found.map_or(0, |item| item.quantity)
}

/// The form again, with what an operation said of it.
async fn refused(desk: &Desk, id: SubscriptionId, answers: Answers, error: Error) -> Answer {
    draw(desk, id, terms::beside(answers.refused(error)?.beside("cycle", "plan"))).await
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer<Response> {
    let (head, in_force) =
        desk.read(move |view| Ok((Head::read(view, id)?, version::in_force(view)?))).await?;
    let about = head.about();
    let path = desk.at(&format!("/subscriptions/{id}/change/preview"));
    let status = answers.status();
    let negotiates = desk.may::<may::SubscriptionNegotiate>();
    let asks = Form { path: &path, csrf: desk.csrf(), plans: true, negotiates };
    let answers = filled(answers, &head.subscription);
    let body = html! {
        (ui::header("Change the subscription", &about, html! {}))
        p { "You see what is credited and what is charged, line by line, before anything happens." }
        (form(asks, &head, &in_force, &answers))
    };
    Ok((status, head.page(desk, "Change", body)).into_response())
}

/// What it is now, where nothing else was answered.
pub(crate) fn filled(answers: Answers, subscription: &Subscription) -> Answers {
    let own = offers::offer(subscription.plan(), subscription.schedule.cycle);
    let mut answers =
        answers.or("plan", own).or("timing", NOW).or("quantity", of_plan(subscription).to_string());
    for item in subscription.active_items().filter(|item| item.kind == ItemKind::Addon) {
        answers = answers.or(&format!("addons.{}", item.key), item.quantity.to_string());
    }
    answers
}

/// Who is asked, and where the answers go.
#[derive(Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) path: &'a str,
    pub(crate) csrf: &'a str,
    /// Another plan or cycle can be chosen.
    pub(crate) plans: bool,
    /// Prices can be agreed.
    pub(crate) negotiates: bool,
}

/// The price book in force, and before it what only the one agreed to has.
pub(crate) fn form(asks: Form<'_>, head: &Head, in_force: &Version, answers: &Answers) -> Markup {
    let Head { subscription, version: agreed, .. } = head;
    let currency = subscription.currency;
    let plans = plans(subscription, agreed, in_force);
    let plans: Vec<_> = plans.iter().map(|(value, label)| ui::Choice { value, label }).collect();
    let mut addons: Vec<_> =
        offers::addons(&in_force.book, currency).map(|addon| (&in_force.book, addon)).collect();
    let gone = offers::addons(&agreed.book, currency)
        .filter(|addon| of_addon(subscription, &addon.key) > 0 && in_force.book.addon(&addon.key).is_none());
    addons.extend(gone.map(|addon| (&agreed.book, addon)));
    let names: Vec<(String, &str)> =
        addons.iter().map(|(_, addon)| (format!("addons.{}", addon.key), addon.name.as_str())).collect();
    let agreed_names = terms::names(&in_force.book, currency);
    let fields: Vec<(&str, &str)> = [("plan", "Plan"), ("quantity", "Quantity of the plan")]
        .into_iter()
        .chain(names.iter().map(|(name, label)| (name.as_str(), *label)))
        .chain([("timing", "Takes effect")])
        .chain(agreed_names.iter().map(|(name, label)| (name.as_str(), label.as_str())))
        .collect();
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let end = format!("At the end of the period, {}", show::date(subscription.billed_through.date));
    let timings = [ui::Choice { value: NOW, label: "Now" }, ui::Choice { value: PERIOD_END, label: &end }];
    let units = [&agreed.book, &in_force.book].into_iter().any(|book| offers::per_unit(book));
    let body = html! {
        @if asks.plans {
            (ui::field(&field("Plan", "plan", ui::Input::Select(&plans)).required()
                .hint("Another plan or cycle is agreed anew, at the prices in force. Otherwise prices stay as agreed.")))
        } @else { (ui::hidden_field("plan", answers.get("plan"))) }
        @if units {
            (ui::field(&field("Quantity of the plan", "quantity", ui::Input::Number).hint("For plans priced per unit.")))
        }
        @for (book, addon) in &addons { (offers::addon_field(book, currency, addon, answers)) }
        @if subscription.state != State::Trialing {
            (ui::field(&field("Takes effect", "timing", ui::Input::Select(&timings)).required()
                .hint("Now: what is paid and not used is credited, and the rest of the period is charged.")))
        }
        @if asks.negotiates {
            (ui::more("Agreed prices", "instead of the price book’s", terms::has_prices(answers), html! {
                p class="hint" { "What is left empty stays as it is. What is agreed stands until another price is." }
                (terms::price_fields(&in_force.book, currency, answers))
            }))
        }
    };
    html! {
        (answers.summary(&fields))
        (ui::form(asks.path, asks.csrf, body, "Preview"))
    }
}

/// What is sold now; what the subscription has is said at the price it agreed to.
fn plans(subscription: &Subscription, agreed: &Version, in_force: &Version) -> Vec<(String, String)> {
    let (cycle, currency) = (subscription.schedule.cycle, subscription.currency);
    let mut all = offers::offers(&in_force.book, currency);
    let own = offers::offer(subscription.plan(), cycle);
    let plan = agreed.book.plan(subscription.plan());
    let price = plan.and_then(|plan| Some((plan, plan.price_for(cycle, currency)?)));
    let label = price.map_or_else(
        || super::titled(agreed, subscription),
        |(plan, price)| offers::named(&plan.name, price, cycle),
    );
    let label = format!("{label} (as now)");
    match all.iter_mut().find(|(value, _)| *value == own) {
        Some((_, text)) => *text = label,
        None => all.insert(0, (own, label)),
    }
    all
}

async fn show_it(desk: &Desk, id: SubscriptionId, answers: Answers, stale: bool) -> Answer {
    let asked = answers.clone();
    match act::rehearse(desk, id, move |tx| wanted(tx, id, &asked)).await {
        Ok(effect) => {
            let head = Head::load(desk, id).await?;
            let page = seen(desk, &head, &answers.without(&["once", "seen"]), &effect, stale)?;
            let status = if stale { StatusCode::CONFLICT } else { StatusCode::OK };
            Ok((status, page).into_response())
        }
        Err(error) => refused(desk, id, answers, error).await,
    }
}

fn seen(desk: &Desk, head: &Head, answers: &Answers, effect: &Effect, stale: bool) -> Result<Markup> {
    let path = desk.at(&format!("/subscriptions/{}/change", head.subscription.id));
    let confirm = html! { (answers.hidden()) (deed::confirmation(effect)?) };
    let label = if effect.later.is_some() { "Schedule the change" } else { "Make the change" };
    let actions = html! {
        (ui::button_link(ui::Button::Plain, "Change something", &answers.link(&path)))
        (ui::post_button_with(ui::Button::Primary, label, &path, desk.csrf(), confirm))
    };
    // What is scheduled comes about later; anything else has come about in the rehearsal.
    let then = effect.later.as_ref().map_or(&effect.after, |later| &later.renewal.subscription);
    let before = (&effect.before, effect.version(effect.before.book));
    let main = html! {
        (ui::section("What changes", html! {}, items::difference(before, (then, effect.version(then.book)))))
        (outcome::sections(effect)?)
        (outcome::later(effect))
    };
    let body = html! {
        (ui::header("Preview of the change", &head.about(), actions))
        @if stale { (deed::changed_since()) } @else { (nothing_yet(effect)) }
        (outcome::unsure(effect))
        (outcome::figures(effect)?)
        (ui::split(main, terms(effect, then)))
    };
    Ok(head.page(desk, "Preview", body))
}

pub(crate) fn nothing_yet(effect: &Effect) -> Markup {
    let quiet = effect.credited.is_empty() && effect.invoice.is_none();
    ui::notice(
        ui::Kind::Info,
        "Nothing has happened yet",
        html! {
            @if effect.later.is_some() {
                "This only schedules the change: nothing is credited or charged before the period ends, and until then it "
                "can be taken back. Prices are those in force on that day."
            } @else if quiet && effect.after.state == State::Trialing {
                "The trial goes on with what it then has. Nothing is billed before its end."
            } @else if quiet {
                "It counts at once; nothing is credited or charged before the next invoice."
            } @else {
                "This is exactly what the change does. Look at it, then make it or change something."
            }
        },
    )
}

fn terms(effect: &Effect, then: &Subscription) -> Markup {
    let zone = &then.schedule.zone;
    let when = match &effect.later {
        Some(_) => html! { (show::date(effect.after.billed_through.date)) },
        None => html! { "At once" },
    };
    let next = match (then.state, &effect.later) {
        (State::Trialing, _) => "Trial ends",
        (_, Some(_)) => "The invoice after",
        (_, None) => "Next invoice",
    };
    let book = effect.version(then.book).map(|version| format!("Version {}", version.number));
    let [held, left] = effect.credit;
    ui::definition_list(&[
        ("Takes effect", when),
        ("Billed", html! { (show::every(then.schedule.cycle)) ", in " (then.currency) }),
        ("Period", html! { (show::period(&then.period)) }),
        (next, html! { (show::date(then.billed_through.date)) }),
        ("Days begin in", html! { (zone) }),
        ("Price book", ui::optional(book.as_deref())),
        ("Credit before", show::money(held)),
        ("Credit after", show::money(left)),
    ])
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Cycle, Edge, Id, Period, Schedule, Zone};

    use super::*;
    use billing::subscription::Item;

    fn subscription(state: State) -> Subscription {
        let at = "2026-01-31T09:00:00Z".parse().unwrap();
        let edge = Edge::at(at, &Zone::utc());
        let item = |ordinal, kind, key: &str, quantity| Item { ordinal, kind, key: key.into(), quantity };
        Subscription {
            closing: None,
            next_zone: None,
            id: Id::from_uuid(Default::default()),
            entity: Id::from_uuid(Default::default()),
            customer: Id::from_uuid(Default::default()),
            external_id: None,
            book: Id::from_uuid(Default::default()),
            state,
            currency: Currency::parse("USD").unwrap(),
            schedule: Schedule::anniversary(at, Cycle::MONTH, Zone::utc()),
            started: at,
            period: Period { start: edge, end: edge },
            billed_through: edge,
            arrears_from: edge,
            peak: 1,
            rhythm: None,
            ends: None,
            scheduled: Vec::new(),
            term: None,
            agreement: Default::default(),
            discounts: Vec::new(),
            trial_end: None,
            has_method: false,
            items: vec![
                item(0, ItemKind::Plan, "starter", 1),
                item(1, ItemKind::Addon, "extra_user", 4),
                item(2, ItemKind::Addon, "extra_plant", 0),
            ],
            metadata: serde_json::Value::Null,
        }
    }

    fn asked(pairs: &[(&str, &str)], state: State) -> Result<(Change, Timing)> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&pairs.collect(), &subscription(state))
    }

    #[test]
    fn only_what_differs_is_asked_for() {
        let same = [
            ("plan", "starter/month"),
            ("quantity", "1"),
            ("addons.extra_user", "4"),
            ("addons.extra_plant", ""),
        ];
        assert_eq!(asked(&same, State::Active).unwrap(), (Change::default(), Timing::Now));
        let other = [
            ("plan", "professional/year"),
            ("addons.extra_user", ""),
            ("addons.extra_plant", "2"),
            ("timing", PERIOD_END),
        ];
        let change = Change {
            plan: Some("professional".into()),
            cycle: Some(Cycle::YEAR),
            quantity: None,
            addons: [("extra_user".to_owned(), 0), ("extra_plant".to_owned(), 2)].into(),
            ..Change::default()
        };
        assert_eq!(asked(&other, State::Active).unwrap(), (change.clone(), Timing::PeriodEnd));
        assert_eq!(asked(&other, State::Trialing).unwrap(), (change, Timing::Now), "a trial does not wait");
    }

    #[test]
    fn every_mistake_is_named_with_its_field() {
        let error = asked(&[("addons.extra_user", "4.5"), ("quantity", "-1")], State::Active).unwrap_err();
        let places: Vec<_> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(places, ["/plan", "/quantity", "/addons/extra_user"]);
    }
}
