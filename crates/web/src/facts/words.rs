//! What a fact says, in words.

mod access;

use std::collections::HashMap;

use jiff::Timestamp;
use kernel::{Currency, Cycle, Money, ids::CustomerId};
use maud::{Markup, html};
use serde_json::Value as Json;
use store::Fact;

use crate::{country, gate::Desk, parts, show};

/// What customers are called, where facts of several stand together.
pub(crate) type Names = HashMap<CustomerId, String>;

/// A fact in words: what happened, and more about it.
pub(super) struct Told {
    pub(super) title: String,
    pub(super) body: Markup,
}

/// A fact being told.
struct Teller<'a> {
    desk: &'a Desk,
    fact: &'a Fact,
    names: Option<&'a Names>,
    /// It is told on the page of what it is about.
    here: bool,
}

/// Tell a fact. None for a kind that has no words of its own.
pub(super) fn told(desk: &Desk, fact: &Fact, names: Option<&Names>, here: bool) -> Option<Told> {
    let teller = Teller { desk, fact, names, here };
    let (noun, verb) = fact.kind.split_once('.')?;
    match noun {
        "customer" => teller.customer(verb),
        "subscription" => teller.subscription(verb),
        "invoice" => teller.invoice(verb),
        "payment" => teller.payment(verb),
        "credit_note" => teller.credit_note(verb),
        "book" if verb == "applied" => teller.book(),
        "bill_run" if verb == "done" => teller.bill_run(),
        "legal_entity" => teller.legal_entity(verb),
        "environment" if verb == "created" => Some(said("Environment created", html! {})),
        "api_key" => teller.api_key(verb),
        "customer_link" => Some(teller.customer_link(verb)),
        "override" => teller.override_(verb),
        "flag" => teller.flag(verb),
        "alert" => teller.alert(verb),
        _ => None,
    }
}

fn said(title: impl Into<String>, body: Markup) -> Told {
    Told { title: title.into(), body }
}

impl Teller<'_> {
    fn field(&self, name: &str) -> &Json {
        &self.fact.payload[name]
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.field(name).as_str()
    }

    fn money(&self, name: &str) -> Option<Money> {
        let currency = Currency::parse(self.text("currency")?).ok()?;
        Money::new(self.field(name).as_i64()?, currency).ok()
    }

    fn at(&self, name: &str) -> Option<Timestamp> {
        self.text(name)?.parse().ok()
    }

    /// The day of an instant, where days begin as in the environment.
    fn day(&self, name: &str) -> Option<String> {
        Some(show::date(self.desk.zone.date_of(self.at(name)?)))
    }

    /// Something the fact names by its id, leading there.
    fn link(&self, name: &str, label: &str) -> Markup {
        let id = self.text(name).and_then(parts::read_id);
        html! {
            @if let Some(href) = id.and_then(|id| parts::page_of(self.desk, id)) { a href=(href) { (label) } }
        }
    }

    /// What the fact is about, leading there.
    fn subject(&self, label: &str) -> Markup {
        if self.here {
            return html! {};
        }
        match parts::page_of(self.desk, self.fact.subject) {
            Some(href) => html! { a href=(href) { (label) } },
            None => html! { (label) },
        }
    }

    /// Whose it is, where that is not clear.
    fn whose(&self) -> Markup {
        let Some((id, names)) = self.fact.customer.zip(self.names) else { return html! {} };
        let name = names.get(&id).map_or("a customer", String::as_str);
        html! { a href=(self.desk.at(&format!("/customers/{id}"))) { (name) } }
    }

    /// Why something could not be done.
    fn code(&self) -> Markup {
        self.text("code").map(|code| html! { (show::sentence(code).to_lowercase()) }).unwrap_or_default()
    }

    fn customer(&self, verb: &str) -> Option<Told> {
        let of = self.whose();
        Some(match verb {
            "created" => {
                let place = self.text("country").map(country::name).unwrap_or_default();
                let currency = self.text("currency").unwrap_or_default();
                said(
                    "Customer created",
                    sentence(&[of, html! { (place) }, html! { "billed in " (currency) }]),
                )
            }
            "changed" => {
                let fields = self.field("fields").as_array().into_iter().flatten().filter_map(Json::as_str);
                let fields: Vec<String> = fields.map(|name| show::sentence(name).to_lowercase()).collect();
                said("Customer changed", sentence(&[of, html! { "new: " (fields.join(", ")) }]))
            }
            "trial_refused" => said("Trial not begun", sentence(&[of, self.code()])),
            "erased" => {
                said("Personal data erased", sentence(&[of, html! { "name, addresses and notes are gone" }]))
            }
            _ => return None,
        })
    }

    fn subscription(&self, verb: &str) -> Option<Told> {
        let title = match verb {
            "started" => match self.day("trial_end") {
                Some(end) => format!("Trial of {} until {end}", self.plan()),
                None => format!("Subscribed to {}", self.plan()),
            },
            "changed" => format!("Changed to {}", self.plan()),
            "change_scheduled" => "Change scheduled for the end of the period".to_owned(),
            "change_dropped" => "The scheduled change could not be made".to_owned(),
            "canceled" => "Subscription canceled".to_owned(),
            "cancellation_scheduled" => match self.day("ends") {
                Some(day) => format!("To end on {day}"),
                None => "Cancellation scheduled".to_owned(),
            },
            "kept_on" => "Kept on: nothing is scheduled any more".to_owned(),
            "expired" => "The term is over".to_owned(),
            "paused" => "Paused".to_owned(),
            "resumed" => "Resumed".to_owned(),
            "suspended" => "Suspended: access is off".to_owned(),
            "reinstated" => "Reinstated: access is on again".to_owned(),
            "converted" => format!("Trial converted to {}", self.plan()),
            "comped" => "Given for free".to_owned(),
            "trial_extended" => match self.day("period_end") {
                Some(day) => format!("Trial extended until {day}"),
                None => "Trial extended".to_owned(),
            },
            "trial_reminder" => {
                format!("Reminder: the trial ends in {}", show::count(self.field("days").as_i64()?, "day"))
            }
            "trial_ended" => match self.text("state") {
                Some("active") => format!("Trial over, goes on with {}", named(self.text("plan")?)),
                Some(state) => format!("Trial over: {}", show::sentence(state).to_lowercase()),
                None => "Trial over".to_owned(),
            },
            "renewed" => match self.text("plan") {
                Some(plan) => format!("Renewed as {}", named(plan)),
                None => "Renewed".to_owned(),
            },
            "begun" => match self.text("plan") {
                Some(plan) => format!("Begun as {}", named(plan)),
                None => "Begun".to_owned(),
            },
            "usage_billed" => "Usage billed".to_owned(),
            "charge_added" => match self.money("amount") {
                Some(amount) => format!("Charged once: {amount}"),
                None => "Charged once".to_owned(),
            },
            "charge_removed" => "A one-off charge taken back".to_owned(),
            "usage_posted" => "Usage counted".to_owned(),
            "coupon_redeemed" => format!("Coupon {} redeemed", self.text("coupon")?),
            "coupon_given_back" => format!("A use of coupon {} given back", self.text("coupon")?),
            "coupon_taken_away" => format!("Coupon {} taken away", self.text("coupon")?),
            "cancellation_explained" => match self.text("reason") {
                Some(reason) => format!("Why it ends: {}", named(reason).to_lowercase()),
                None => "Why it ends".to_owned(),
            },
            "saved" => "Stayed for an offer".to_owned(),
            "reactivated" => "Brought back with a new subscription".to_owned(),
            "renewal_offered" => "Renewal offered".to_owned(),
            "renewal_accepted" => "Renewal accepted".to_owned(),
            "renewal_answered" => match self.text("answer") {
                Some(answer) => format!("Renewal {answer}"),
                None => "Renewal answered".to_owned(),
            },
            "trial_follow_up" => "Message to who tried it and fell back".to_owned(),
            "method_set" => "Method of payment noted".to_owned(),
            _ => return None,
        };
        Some(said(title, sentence(&self.about_subscription(verb))))
    }

    /// What else a fact about a subscription says.
    fn about_subscription(&self, verb: &str) -> Vec<Markup> {
        let mut all = vec![self.whose()];
        if self.fact.subject.prefix == "sub" {
            all.push(self.subject("the subscription"));
        }
        if matches!(verb, "renewed" | "started" | "resumed" | "reinstated") {
            let [from, until] = ["period_start", "period_end"].map(|name| self.day(name));
            // What is to begin has no time yet.
            let span = from.zip(until).filter(|(from, until)| from != until);
            all.extend(span.map(|(from, until)| html! { "from " (from) " to " (until) }));
        }
        if verb == "change_scheduled" || verb == "kept_on" {
            let pending = self.field("pending");
            let plan = pending["plan"].as_str().map(named);
            all.extend(plan.map(|plan| html! { "to " (plan) }));
        }
        if verb == "charge_added" && !self.here {
            let path = self.desk.at(&format!("/subscriptions/{}/charges", self.fact.subject));
            all.push(html! { a href=(path) { "its one-off charges" } });
        }
        all.push(self.code());
        let notes = self.field("credit_notes").as_array().into_iter().flatten().filter_map(Json::as_str);
        for id in notes.filter_map(parts::read_id) {
            let href = parts::page_of(self.desk, id).unwrap_or_default();
            all.push(html! { a href=(href) { "credit note" } });
        }
        all.push(self.link("invoice", "invoice"));
        all
    }

    /// `Professional, monthly, 4 × Extra user`: what a subscription consists of after the fact.
    fn plan(&self) -> String {
        let items = self.field("items").as_array().into_iter().flatten();
        let cycle = self.text("cycle").and_then(|text| Cycle::parse(text).ok()).map(show::every);
        let mut all = Vec::new();
        for item in items {
            let name = named(item["key"].as_str().unwrap_or_default());
            match (item["kind"].as_str(), item["quantity"].as_i64()) {
                (Some("plan"), quantity) => {
                    all.push(name);
                    all.extend(cycle.clone());
                    all.extend(
                        quantity
                            .filter(|count| *count > 1)
                            .map(|count| format!("× {}", show::grouped(count))),
                    );
                }
                (_, Some(quantity)) if quantity > 0 => {
                    all.push(format!("{} × {name}", show::grouped(quantity)))
                }
                _ => {}
            }
        }
        if all.is_empty() { "a plan".to_owned() } else { all.join(", ") }
    }

    fn invoice(&self, verb: &str) -> Option<Told> {
        let total = self.money("total").map(|total| format!(" over {total}")).unwrap_or_default();
        Some(match verb {
            "finalized" => {
                let number = self.text("number").unwrap_or_default();
                let credit = self.money("credit").filter(|credit| !credit.is_zero());
                let credit = credit.map(|credit| html! { (credit.to_string()) " of it paid by credit" });
                let all = [self.whose(), self.subject("the invoice"), credit.unwrap_or_default()];
                said(format!("Invoice {number}{total} issued"), sentence(&all))
            }
            "drafted" => {
                said(format!("Invoice{total} drafted"), sentence(&[self.whose(), self.subject("the draft")]))
            }
            "voided" => {
                said(format!("Invoice{total} voided"), sentence(&[self.whose(), self.subject("the invoice")]))
            }
            "uncollectible" => said(
                format!("Invoice{total} given up"),
                sentence(&[self.whose(), self.subject("the invoice")]),
            ),
            "carried_over" => said(
                "Too little to be billed alone: it waits for the next invoice",
                sentence(&[self.whose(), self.subject("the draft")]),
            ),
            "credit_applied" => {
                let amount = self.money("amount").map(|amount| html! { (amount.to_string()) });
                let all = [self.whose(), self.subject("the invoice"), amount.unwrap_or_default()];
                said("Invoice paid by credit", sentence(&all))
            }
            "paid" => said(
                "Invoice paid",
                sentence(&[self.whose(), self.subject("the invoice"), self.link("payment", "the payment")]),
            ),
            "reopened" => said(
                "Invoice due again",
                sentence(&[
                    self.whose(),
                    self.subject("the invoice"),
                    self.link("payment", "the payment that was reversed"),
                ]),
            ),
            _ => return None,
        })
    }

    fn payment(&self, verb: &str) -> Option<Told> {
        let amount = self.money("amount")?;
        let title = match verb {
            "recorded" => format!("Payment of {amount} recorded"),
            "reversed" => format!("Payment of {amount} reversed"),
            _ => return None,
        };
        let credit = self.money("credit").filter(|credit| !credit.is_zero());
        let credit = credit.map(|credit| html! { (credit.to_string()) " of it is credit" });
        let method = self.text("method").map(|word| html! { "by " (word) });
        let all = [
            self.whose(),
            self.subject("the payment"),
            method.unwrap_or_default(),
            credit.unwrap_or_default(),
        ];
        Some(said(title, sentence(&all)))
    }

    fn credit_note(&self, verb: &str) -> Option<Told> {
        let total = self.money("total").filter(|_| verb == "issued")?;
        let number = self.text("number").unwrap_or_default();
        let cause =
            self.text("cause").map(|cause| format!("because of {}", show::sentence(cause).to_lowercase()));
        let all = [
            self.whose(),
            self.subject("the credit note"),
            html! { (cause.unwrap_or_default()) },
            self.link("invoice", "the invoice it corrects"),
        ];
        Some(said(format!("Credit note {number} over {total} issued"), sentence(&all)))
    }

    fn book(&self) -> Option<Told> {
        let number = self.field("number").as_i64()?;
        let body = html! { (self.subject("What it says")) ", in force for new subscriptions" };
        Some(said(format!("Price book version {number} applied"), body))
    }

    fn bill_run(&self) -> Option<Told> {
        let invoices = show::count(self.field("invoices").as_i64()?, "invoice");
        let subscriptions = show::count(self.field("subscriptions").as_i64()?, "subscription");
        let body = sentence(&[html! { "for " (subscriptions) }, self.subject("the bill run")]);
        Some(said(format!("Bill run done: {invoices}"), body))
    }

    fn legal_entity(&self, verb: &str) -> Option<Told> {
        let word = if verb == "added" { "added" } else { "changed" };
        Some(said(format!("Legal entity {word}"), html! { code { (self.fact.subject) } }))
    }
}

/// The name of a key of the price book: `extra_user` → `Extra user`.
fn named(key: &str) -> String {
    show::sentence(key)
}

/// Parts one after the other, without those that say nothing.
fn sentence(parts: &[Markup]) -> Markup {
    html! {
        @for (at, part) in parts.iter().filter(|part| !part.0.is_empty()).enumerate() {
            @if at > 0 { " · " }
            (part)
        }
    }
}
