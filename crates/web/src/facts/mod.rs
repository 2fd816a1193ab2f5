//! What happened, newest first.

mod words;

use axum::{Router, extract::RawPathParams, routing::get};
use identity::{customer, permission::may};
use kernel::{AnyId, Currency, Error, Money, Result, ids::CustomerId};
use maud::{Markup, html};
use serde_json::Value as Json;
use store::{Fact, View, facts};

pub(crate) use words::Names;
use words::Told;

use crate::{
    App, customers,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/facts", get(list)).route("/facts/{seq}", get(one))
}

/// Whose facts are asked for.
#[derive(Clone, Copy)]
enum About {
    Everything,
    Customer(CustomerId),
    Subject(AnyId),
}

impl About {
    /// Errors: `not_found` for what is no id.
    fn read(asked: &Answers) -> Result<Self> {
        let missing = || Error::not_found("page");
        match (asked.some("customer"), asked.some("about")) {
            (Some(id), _) => Ok(Self::Customer(id.parse().map_err(|_| missing())?)),
            (None, Some(id)) => Ok(Self::Subject(parts::read_id(id).ok_or_else(missing)?)),
            (None, None) => Ok(Self::Everything),
        }
    }

    fn load(self, view: &mut View<'_>, before: i64) -> Result<(Vec<Fact>, Names)> {
        let found = match self {
            Self::Everything => facts::latest(view, before, PAGE + 1)?,
            Self::Customer(id) => {
                customer::find(view, id)?;
                facts::of_customer(view, id, before, PAGE + 1)?
            }
            Self::Subject(id) => facts::of_subject(view, id.uuid, before, PAGE + 1)?,
        };
        let mut names = names(view, &found)?;
        if let Self::Customer(id) = self {
            names.extend(customers::names(view, [id])?);
        }
        Ok((found, names))
    }
}

async fn list(staff: Staff<may::FactRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = match asked.some("before") {
        Some(text) => text.parse().map_err(|_| Error::not_found("page"))?,
        None => i64::MAX,
    };
    let about = About::read(&asked)?;
    let (mut found, names) = staff.read(move |view| about.load(view, before)).await?;
    let pages =
        parts::pagination(&staff.at("/facts"), &asked, &mut found, |fact| format!("before={}", fact.seq));
    let all = ui::button_link(ui::Button::Plain, "All facts", &staff.at("/facts"));
    let (title, action) = match about {
        About::Everything => ("Facts".to_owned(), html! {}),
        About::Customer(id) => {
            (format!("Facts about {}", names.get(&id).map_or("a customer", String::as_str)), all)
        }
        About::Subject(id) => (format!("Facts about {id}"), all),
    };
    let intro =
        "Everything that happened here, newest first: numbered without gaps, chained by hash, never changed.";
    let body = html! {
        (ui::header(&title, intro, action))
        (timeline_of_many(&staff, &found, &names, "Nothing has happened here yet."))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::Facts, &title), body))
}

async fn one(staff: Staff<may::FactRead>, params: RawPathParams) -> Answer<Markup> {
    let seq = params.iter().find(|(name, _)| *name == "seq").and_then(|(_, seq)| seq.parse::<i64>().ok());
    let seq = seq.filter(|seq| *seq > 0).ok_or_else(|| Error::not_found("fact"))?;
    let read = staff.read(move |view| {
        let found = facts::feed(view, seq - 1, 1)?;
        Ok((names(view, &found)?, found))
    });
    let (names, found) = read.await?;
    let fact = found.into_iter().find(|fact| fact.seq == seq).ok_or_else(|| Error::not_found("fact"))?;
    let crumbs = [ui::Crumb { label: "Facts", href: &staff.at("/facts") }];
    let told = words::told(&staff, &fact, Some(&names), false);
    let title = told.as_ref().map_or_else(|| show::sentence(&fact.kind), |told| told.title.clone());
    let body = html! {
        (ui::header(&title, &format!("Fact {} of this environment", show::grouped(fact.seq)), html! {}))
        @if let Some(told) = &told { p { (told.body) } }
        (details(&staff, &fact))
        (ui::section("Payload", html! {}, ui::code_block(
            &format!("{}, version {}", fact.kind, fact.v),
            &pretty(&fact.payload)?,
        )))
    };
    Ok(staff.page(Sheet::new(ui::Section::Facts, &title).below(&crumbs), body))
}

fn details(desk: &Desk, fact: &Fact) -> Markup {
    let hash: String = fact.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    ui::definition_list(&[
        ("About", parts::id_link(desk, fact.subject)),
        (
            "Customer",
            match fact.customer {
                Some(id) => parts::id_link(desk, id.any()),
                None => ui::optional(None),
            },
        ),
        ("By", html! { (parts::actor(desk, &fact.actor)) " " code { (fact.actor) } }),
        ("Reason", ui::optional(fact.reason.as_deref().map(show::sentence).as_deref())),
        ("Effective", html! { (desk.time(fact.effective)) " " code { (fact.effective) } }),
        ("Recorded", html! { (desk.time(fact.recorded)) " " code { (fact.recorded) } }),
        ("Hash", ui::copyable(&hash)),
    ])
}

fn pretty(payload: &Json) -> Result<String> {
    serde_json::to_string_pretty(payload).map_err(|error| Error::internal(error.to_string()))
}

/// Facts of one customer as a timeline in words: what happened and when it counts from, who did it and when it was
/// recorded.
pub(crate) fn timeline(desk: &Desk, facts: &[Fact], none: &str) -> Markup {
    drawn(desk, facts, &Telling::default(), none)
}

/// The same on the page of the one thing they are all about.
pub(crate) fn timeline_here(desk: &Desk, facts: &[Fact], none: &str) -> Markup {
    drawn(desk, facts, &Telling { here: true, ..Telling::default() }, none)
}

/// The same of facts of several customers, who are called by their names.
pub(crate) fn timeline_of_many(desk: &Desk, facts: &[Fact], names: &Names, none: &str) -> Markup {
    drawn(desk, facts, &Telling { names: Some(names), ..Telling::default() }, none)
}

/// The same in brief, without when each was recorded.
pub(crate) fn brief(desk: &Desk, facts: &[Fact], names: &Names) -> Markup {
    let telling = Telling { names: Some(names), brief: true, here: false };
    let rows: Vec<_> = facts.iter().map(|fact| Shown::new(desk, fact, &telling)).collect();
    ui::timeline(&rows.iter().map(Shown::moment).collect::<Vec<_>>())
}

/// The names of the customers facts are about.
pub(crate) fn names(view: &mut View<'_>, facts: &[Fact]) -> Result<Names> {
    customers::names(view, facts.iter().filter_map(|fact| fact.customer))
}

/// How facts are told.
#[derive(Clone, Copy, Default)]
struct Telling<'a> {
    /// What customers are called, where there are several.
    names: Option<&'a Names>,
    /// On the page of what they are about.
    here: bool,
    /// Without when each was recorded.
    brief: bool,
}

fn drawn(desk: &Desk, facts: &[Fact], telling: &Telling<'_>, none: &str) -> Markup {
    if facts.is_empty() {
        return ui::empty("No facts", none, html! {});
    }
    let rows: Vec<_> = facts.iter().map(|fact| Shown::new(desk, fact, telling)).collect();
    let moments: Vec<_> = rows.iter().map(Shown::moment).collect();
    ui::timeline(&moments)
}

/// The texts a moment borrows.
struct Shown {
    at: String,
    time: String,
    title: String,
    href: String,
    body: Markup,
}

impl Shown {
    fn new(desk: &Desk, fact: &Fact, telling: &Telling<'_>) -> Self {
        let who = if telling.brief { by(desk, fact) } else { who(desk, fact) };
        let told = words::told(desk, fact, telling.names, telling.here).unwrap_or_else(|| Told {
            title: show::sentence(&fact.kind),
            body: html! { (parts::id_link(desk, fact.subject)) (pairs(desk, &fact.payload)) },
        });
        Self {
            at: show::machine(fact.effective),
            time: show::instant(fact.effective, &desk.zone),
            title: told.title,
            href: desk.at(&format!("/facts/{}", fact.seq)),
            body: html! { (told.body) (who) },
        }
    }

    fn moment(&self) -> ui::Moment<'_> {
        ui::Moment {
            at: &self.at,
            time: &self.time,
            title: &self.title,
            body: self.body.clone(),
            href: Some(&self.href),
        }
    }
}

/// Who did it.
fn by(desk: &Desk, fact: &Fact) -> Markup {
    html! { p class="who" { "By " (parts::actor(desk, &fact.actor)) } }
}

/// Who did it, why, and when it was recorded.
fn who(desk: &Desk, fact: &Fact) -> Markup {
    html! {
        p class="who" {
            "By " (parts::actor(desk, &fact.actor))
            @if let Some(reason) = &fact.reason { ", reason: " (show::sentence(reason).to_lowercase()) }
            ", recorded " (desk.time(fact.recorded))
        }
    }
}

/// A payload's names and values, without what is empty. Amounts read as money, ids lead to what they name.
fn pairs(desk: &Desk, payload: &Json) -> Markup {
    let said = |value: &Json| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let Some(fields) = payload.as_object().filter(|fields| !fields.is_empty()) else { return html! {} };
    let currency = fields.get("currency").and_then(Json::as_str).and_then(|code| Currency::parse(code).ok());
    let has_amounts = currency.is_some() && AMOUNTS.iter().any(|name| fields.contains_key(*name));
    html! {
        dl class="pairs" {
            // An amount says its currency itself.
            @for (name, value) in fields.iter().filter(|(name, value)| said(value) && !(has_amounts && *name == "currency")) {
                div { dt { (show::sentence(name)) } dd { (figure(desk, name, value, currency)) } }
            }
        }
    }
}

/// What holds minor units of the payload's currency.
const AMOUNTS: [&str; 5] = ["total", "subtotal", "tax", "amount", "credit"];

fn figure(desk: &Desk, name: &str, value: &Json, currency: Option<Currency>) -> Markup {
    let amount = value.as_i64().zip(currency).filter(|_| AMOUNTS.contains(&name));
    if let Some(money) = amount.and_then(|(minor, currency)| Money::new(minor, currency).ok()) {
        return show::money(money);
    }
    match value {
        Json::Null => ui::optional(None),
        Json::String(text) => text_figure(desk, text),
        Json::Array(items) => html! {
            @for (at, item) in items.iter().enumerate() {
                @if at > 0 { ", " }
                (figure(desk, "", item, None))
            }
        },
        Json::Object(fields) => object(desk, fields),
        other => html! { (other) },
    }
}

/// An item of a subscription reads `extra_user × 4`, anything else by its names.
fn object(desk: &Desk, fields: &serde_json::Map<String, Json>) -> Markup {
    if let (Some(key), Some(quantity)) = (fields.get("key").and_then(Json::as_str), fields.get("quantity")) {
        return html! { (key) " × " (quantity) };
    }
    html! {
        @for (at, (name, value)) in fields.iter().enumerate() {
            @if at > 0 { ", " }
            (show::sentence(name)) " " (figure(desk, name, value, None))
        }
    }
}

fn text_figure(desk: &Desk, text: &str) -> Markup {
    if let Some(id) = parts::read_id(text) {
        return parts::id_link(desk, id);
    }
    // A digest says little in full.
    let digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest {
        return html! { code title=(text) { (text[..12]) "…" } };
    }
    if let Some(day) = Some(text).filter(|text| text.len() == 10).and_then(|text| text.parse().ok()) {
        return html! { (show::date(day)) };
    }
    match text.parse() {
        Ok(at) if text.len() > 19 => desk.time(at),
        _ => html! { (text) },
    }
}
