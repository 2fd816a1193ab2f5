//! Facts about who may do and use what.

use maud::html;
use serde_json::Value as Json;

use super::{Teller, Told, named, said, sentence};
use crate::usage;

impl Teller<'_> {
    pub(super) fn customer_link(&self, verb: &str) -> Told {
        let until = self.day("expires").map(|day| html! { "works until " (day) }).unwrap_or_default();
        let title = if verb == "created" {
            "Link to the customer’s own page made"
        } else {
            "Link to the own page revoked"
        };
        said(title, sentence(&[self.whose(), until]))
    }

    pub(super) fn override_(&self, verb: &str) -> Option<Told> {
        let key = named(self.text("key")?);
        let given = match self.field("value") {
            Json::Bool(true) => "given".to_owned(),
            Json::Bool(false) => "withheld".to_owned(),
            Json::Number(amount) => format!("up to {amount}"),
            Json::String(word) => word.clone(),
            _ => String::new(),
        };
        let until = self.day("expires").map(|day| html! { "until " (day) }).unwrap_or_default();
        let title = if verb == "set" { "Override set" } else { "Override removed" };
        Some(said(title, sentence(&[self.whose(), html! { (key) }, html! { (given) }, until])))
    }

    pub(super) fn flag(&self, verb: &str) -> Option<Told> {
        let key = self.text("key")?;
        let flag = match verb {
            "removed" => html! { code { (key) } },
            _ => html! { a href=(self.desk.at(&format!("/flags/{key}"))) { code { (key) } } },
        };
        let version = self.field("version").as_i64().map(|version| html! { "version " (version) });
        let title = match verb {
            "created" => "Flag made",
            "changed" => "Flag changed",
            "switched_on" => "Flag switched on",
            "switched_off" => "Flag switched off",
            "removed" => "Flag removed",
            _ => return None,
        };
        Some(said(title, sentence(&[flag, version.unwrap_or_default()])))
    }

    pub(super) fn alert(&self, verb: &str) -> Option<Told> {
        match verb {
            "limit_reached" => self.limit_reached(),
            "usage_jumped" => self.usage_jumped(),
            _ => None,
        }
    }

    fn usage_jumped(&self) -> Option<Told> {
        let (meter, times) = (self.text("meter")?, self.field("times").as_i64()?);
        let [used, usual] = [self.text("used")?, self.text("usual")?].map(usage::number);
        let path = self.fact.customer.map(|id| self.desk.at(&format!("/usage/{id}/{meter}")));
        let figure = html! {
            @match path { Some(path) => a href=(path) { (used) }, None => { (used) } }
            @if let Some(day) = self.day("day") { " on " (day) }
            ", usually " (usual)
        };
        let title = format!("{}: {times} times the usual in a day", named(meter));
        Some(said(title, sentence(&[self.whose(), figure])))
    }

    fn limit_reached(&self) -> Option<Told> {
        let (level, meter) = (self.field("level").as_i64()?, self.text("meter")?);
        let [used, limit] = [self.text("used")?, self.text("limit")?].map(usage::number);
        let title = match level {
            100.. => format!("{}: the limit is reached", named(meter)),
            _ => format!("{}: {level} % of the limit is used", named(meter)),
        };
        let path = self.fact.customer.map(|id| self.desk.at(&format!("/usage/{id}/{meter}")));
        let figure = html! {
            @match path { Some(path) => a href=(path) { (used) " of " (limit) }, None => { (used) " of " (limit) } }
        };
        let more = self.text("upgrade").map(|plan| html! { "more is in " (named(plan)) });
        Some(said(title, sentence(&[self.whose(), figure, more.unwrap_or_default()])))
    }

    pub(super) fn api_key(&self, verb: &str) -> Option<Told> {
        let word = if verb == "created" { "made" } else { "revoked" };
        let permissions = self.text("permissions").map(|text| format!("may: {text}")).unwrap_or_default();
        Some(said(format!("API key {word}"), html! { (permissions) }))
    }
}
