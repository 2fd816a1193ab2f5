//! What happened, newest first.

use axum::{Router, extract::RawPathParams, routing::get};
use identity::permission::may;
use kernel::{Currency, Error, Money, Result};
use maud::{Markup, html};
use serde_json::Value as Json;
use store::{Fact, facts};

use crate::{
    App,
    gate::{Answer, Asked, Desk, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/facts", get(list)).route("/facts/{seq}", get(one))
}

async fn list(staff: Staff<may::FactRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = match asked.some("before") {
        Some(text) => text.parse().map_err(|_| Error::not_found("page"))?,
        None => i64::MAX,
    };
    let mut found = staff.read(move |view| facts::latest(view, before, PAGE + 1)).await?;
    let pages =
        parts::pagination(&staff.at("/facts"), &asked, &mut found, |fact| format!("before={}", fact.seq));
    let about =
        "Everything that happened here, newest first: numbered without gaps, chained by hash, never changed.";
    let body = html! {
        (ui::header("Facts", about, html! {}))
        (timeline(&staff, &found, "Nothing has happened here yet."))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::Facts, "Facts"), body))
}

async fn one(staff: Staff<may::FactRead>, params: RawPathParams) -> Answer<Markup> {
    let seq = params.iter().find(|(name, _)| *name == "seq").and_then(|(_, seq)| seq.parse::<i64>().ok());
    let seq = seq.filter(|seq| *seq > 0).ok_or_else(|| Error::not_found("fact"))?;
    let found = staff.read(move |view| facts::feed(view, seq - 1, 1)).await?;
    let fact = found.into_iter().find(|fact| fact.seq == seq).ok_or_else(|| Error::not_found("fact"))?;
    let crumbs = [ui::Crumb { label: "Facts", href: &staff.at("/facts") }];
    let title = show::sentence(&fact.kind);
    let body = html! {
        (ui::header(&title, &format!("Fact {} of this environment", show::grouped(fact.seq)), html! {}))
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

/// Facts as a timeline, each with its payload.
pub(crate) fn timeline(desk: &Desk, facts: &[Fact], none: &str) -> Markup {
    if facts.is_empty() {
        return ui::empty("No facts", none, html! {});
    }
    let rows: Vec<_> = facts.iter().map(|fact| Shown::new(desk, fact)).collect();
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
    fn new(desk: &Desk, fact: &Fact) -> Self {
        Self {
            at: show::machine(fact.effective),
            time: show::instant(fact.effective, &desk.zone),
            title: show::sentence(&fact.kind),
            href: desk.at(&format!("/facts/{}", fact.seq)),
            body: html! {
                p {
                    (parts::id_link(desk, fact.subject)) ", by " (parts::actor(desk, &fact.actor))
                    @if desk.clock.is_none() && fact.recorded != fact.effective { ", recorded " (desk.time(fact.recorded)) }
                }
                (pairs(desk, &fact.payload))
            },
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
