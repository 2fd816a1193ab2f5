//! Who would pay what on the version in force, before anybody is moved to it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use billing::{
    migration::{self, Migration, Moved, Outlook, Part},
    subscription::Timing,
};
use catalog::version::{self, Version};
use identity::permission::may;
use kernel::{
    Result,
    ids::{BookVersionId, CustomerId, JobId, SubscriptionId},
};
use maud::{Markup, html};
use store::View;

use super::{outlook, subscribers::Subscribers};
use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    parts::{self, ALL, PAGE},
    show, ui,
};

/// So many subscriptions are added up at once, in a few milliseconds; more of them when that is asked for.
const ADDED_UP: i64 = 300;
/// Among so many jobs a migration that goes on is looked for.
const JOBS: i64 = 20;
/// What becomes of a plan: `map.starter`.
const MAP: &str = "map.";

/// What a form asks to be moved: versions, plans, what becomes of plans, when.
pub(super) fn asked_for(asked: &Answers) -> Result<Migration> {
    let book = asked.narrowed("from").map(str::parse::<BookVersionId>).transpose()?;
    let plans = asked.under(MAP).filter(|(from, to)| !to.is_empty() && from != to);
    Ok(Migration {
        books: book.into_iter().collect(),
        plans: asked.narrowed("plan").map(str::to_owned).into_iter().collect(),
        plan_map: plans.map(|(from, to)| (from.to_owned(), to.to_owned())).collect(),
        timing: if asked.get("timing") == "now" { Timing::Now } else { Timing::PeriodEnd },
    })
}

/// What the page shows.
pub(super) struct Found {
    pub(super) in_force: Arc<Version>,
    /// Earlier versions with how many subscriptions go on with them, newest first.
    earlier: Vec<(Arc<Version>, i64)>,
    /// What plans of those that are asked for are called, by key.
    pub(super) plans: BTreeMap<String, String>,
    /// How many subscriptions are asked for, at most.
    count: i64,
    pub(super) outlook: Option<Outlook>,
    pub(super) moved: Vec<Moved>,
    /// Behind which subscription the list goes on.
    next: Option<SubscriptionId>,
    pub(super) names: HashMap<CustomerId, String>,
    /// A migration that goes on.
    running: Option<JobId>,
}

impl Found {
    /// What a plan is called, on the version in force or before.
    pub(super) fn plan<'a>(&'a self, key: &'a str) -> &'a str {
        let sold = self.in_force.book.plan(key).map(|plan| plan.name.as_str());
        sold.or_else(|| self.plans.get(key).map(String::as_str)).unwrap_or(key)
    }
}

fn load(
    view: &mut View<'_>,
    wanted: &Migration,
    after: Option<SubscriptionId>,
    whole: bool,
) -> Result<Found> {
    let in_force = version::in_force(view)?;
    let mut counts: BTreeMap<BookVersionId, i64> = BTreeMap::new();
    let (mut keys, mut count) = (Vec::new(), 0);
    let subscribers = Subscribers::load(view)?;
    for ((book, key), number) in subscribers.by_version_and_plan() {
        if book == in_force.id {
            continue;
        }
        *counts.entry(book).or_default() += number;
        if wanted.books.is_empty() || wanted.books.contains(&book) {
            count += if wanted.plans.is_empty() || wanted.plans.iter().any(|plan| plan == key) {
                number
            } else {
                0
            };
            keys.push((book, key.to_owned()));
        }
    }
    let mut books = version::many(view, counts.keys().copied().collect())?;
    books.sort_by_key(|version| std::cmp::Reverse(version.number));
    let name = |(id, key): (BookVersionId, String)| {
        let plan = books.iter().find(|version| version.id == id).and_then(|version| version.book.plan(&key));
        (key.clone(), plan.map_or(key, |plan| plan.name.clone()))
    };
    let plans = keys.into_iter().map(name).collect();
    let Part { mut moved, next } = migration::part(view, wanted, after, PAGE + 1)?;
    // One more than is shown says that it goes on; with fewer it may have ended early.
    let next = parts::cut(&mut moved, |one| one.subscription).or(next);
    let names = customers::names(view, moved.iter().map(|one| one.customer))?;
    // Everybody is added up on the first page.
    let added = after.is_none() && count > 0 && (whole || count <= ADDED_UP);
    let outlook = added.then(|| migration::outlook(view, wanted)).transpose()?;
    let jobs = ::jobs::list(view, None, JOBS)?;
    let running = jobs.iter().find(|job| job.kind == migration::JOB && crate::jobs::is_moving(job));
    Ok(Found {
        earlier: books.into_iter().map(|book| (Arc::clone(&book), counts[&book.id])).collect(),
        in_force,
        plans,
        count,
        outlook,
        moved,
        next,
        names,
        running: running.map(|job| job.id),
    })
}

pub(super) async fn page(
    staff: Staff<may::SubscriptionRead>,
    _: Staff<may::BookRead>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, asked).await
}

pub(super) async fn draw(desk: &Desk, asked: Answers) -> Answer<Markup> {
    let (wanted, after) = (asked_for(&asked)?, asked.some("after").map(str::parse).transpose()?);
    let (whole, first) = (asked.get("sums") == "all", after.is_none());
    let found = desk.read(move |view| load(view, &wanted, after, whole)).await?;
    let path = desk.at("/price-book/migrate");
    let pages = parts::pages(&path, &asked, found.next.map(|place| place.to_string()));
    let crumbs = [ui::Crumb { label: "Price book", href: &desk.at("/price-book") }];
    let number = found.in_force.number;
    let about = format!("To version {number}, which is in force. Who is not moved keeps what was agreed.");
    let body = html! {
        (ui::header("Move subscriptions", &about, html! {}))
        (asked.summary(&[]))
        @if let Some(job) = found.running { (goes_on(desk, job)) }
        (choose(desk, &found, &asked))
        @if found.moved.is_empty() && found.next.is_some() {
            @if first && found.running.is_none() { (start(desk, &found, &asked)) }
            (on_their_way())
            (pages)
        }
        @else if found.moved.is_empty() { (nobody(desk)) } @else {
            @if first {
                (figures(desk, &found, &asked))
                @if found.running.is_none() { (start(desk, &found, &asked)) }
            }
            (ui::section("Who would pay what", html! {}, outlook::table(desk, &found)))
            (pages)
        }
    };
    Ok(desk.page(Sheet::new(ui::Section::PriceBook, "Move subscriptions").below(&crumbs), body))
}

fn goes_on(desk: &Desk, job: JobId) -> Markup {
    let href = desk.at(&format!("/price-book/migrate/{job}"));
    ui::notice(
        ui::Kind::Info,
        "A migration goes on",
        html! { "Those it has not reached yet are still listed here. " a href=(href) { "See how far it is" } "." },
    )
}

fn nobody(desk: &Desk) -> Markup {
    ui::empty(
        "Nobody to move",
        "Nobody who was chosen is on an earlier version, or they are on their way already.",
        ui::button_link(ui::Button::Plain, "Price book", &desk.at("/price-book")),
    )
}

/// So many on their way that those who are not are further down.
fn on_their_way() -> Markup {
    ui::empty(
        "Nobody among these",
        "The subscriptions looked at so far are on their way already. Look further to find those who are not.",
        html! {},
    )
}

/// Who is moved, and how.
fn choose(desk: &Desk, found: &Found, asked: &Answers) -> Markup {
    let versions: Vec<(String, String)> = found
        .earlier
        .iter()
        .map(|(version, count)| {
            (version.id.to_string(), format!("Version {} ({})", version.number, show::grouped(*count)))
        })
        .collect();
    let versions = parts::every(
        "Earlier versions",
        versions.iter().map(|(value, label)| (value.as_str(), label.as_str())),
    );
    let plans =
        parts::every("Every plan", found.plans.iter().map(|(key, name)| (key.as_str(), name.as_str())));
    let timings = [
        ui::Choice { value: "period_end", label: "At each period’s end" },
        ui::Choice { value: "now", label: "Now" },
    ];
    let select = |label, name, choices, usual| {
        let value = asked.some(name).unwrap_or(usual);
        ui::field(&ui::Field::new(label, name, ui::Input::Select(choices)).value(value))
    };
    let fields = html! {
        (select("From", "from", &versions, ALL))
        (select("Plan", "plan", &plans, ALL))
        (select("Takes effect", "timing", &timings, "period_end"))
        (becomes(found, asked))
    };
    ui::filters(&desk.at("/price-book/migrate"), fields, "Show")
}

/// What becomes of each plan. Open where one is sold no more: nobody on it could be moved otherwise.
fn becomes(found: &Found, asked: &Answers) -> Markup {
    let sold: Vec<_> = found
        .in_force
        .book
        .plans
        .iter()
        .map(|plan| ui::Choice { value: &plan.key, label: &plan.name })
        .collect();
    let names: Vec<(&str, String, String)> = found
        .plans
        .iter()
        .map(|(key, name)| (key.as_str(), format!("{name} becomes"), format!("{MAP}{key}")))
        .collect();
    let gone = names.iter().any(|(key, ..)| found.in_force.book.plan(key).is_none());
    let mapped = asked.under(MAP).any(|(from, to)| !to.is_empty() && from != to);
    let fields = html! {
        @for (key, label, name) in &names {
            @let same = found.in_force.book.plan(key).map_or("", |plan| &plan.key);
            (ui::field(&ui::Field::new(label, name, ui::Input::Select(&sold)).value(asked.some(name).unwrap_or(same))))
        }
    };
    html! { @if !names.is_empty() { (ui::more("What becomes of each plan", "", gone || mapped, fields)) } }
}

fn figures(desk: &Desk, found: &Found, asked: &Answers) -> Markup {
    match &found.outlook {
        Some(all) => outlook::figures(found, all),
        None => {
            let href = asked.clone().with("sums", "all").link(&desk.at("/price-book/migrate"));
            let title = format!("{} on earlier versions", show::count(found.count, "subscription"));
            ui::notice(
                ui::Kind::Info,
                &title,
                html! { "Adding up what all of them pay takes a moment. " a href=(href) { "Add it up" } "." },
            )
        }
    }
}

/// The button that moves them, behind what it does.
fn start(desk: &Desk, found: &Found, asked: &Answers) -> Markup {
    let all = match &found.outlook {
        Some(all) if all.moved == 0 => return html! {},
        Some(all) => format!("Move {}", show::count(i128::from(all.moved), "subscription")),
        None => "Move all of them".to_owned(),
    };
    let now = asked.get("timing") == "now";
    let hidden = asked.clone().without(&["after", "sums", "done", "seen"]).hidden();
    html! {
        @if desk.may::<may::SubscriptionWrite>() {
            div class="decide" {
                p {
                    @if now {
                        "Each is changed at once: what is paid and not used is credited, and the rest of the period is charged at the new price."
                    } @else {
                        "Each is changed when its period ends. Nothing is credited or charged before, and until then each can be kept on as it is."
                    }
                }
                div class="actions" {
                    (ui::post_button_with(ui::Button::Primary, &all, &desk.at("/price-book/migrate"), desk.csrf(), hidden))
                }
            }
        }
    }
}
