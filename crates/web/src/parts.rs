//! Parts of pages that several nouns share.

use axum::response::{IntoResponse, Redirect, Response};
use catalog::version::Version;
use jiff::civil::Date;
use kernel::{AnyId, Result, ids::known_prefix, time};
use maud::{Markup, html};

use crate::{
    gate::{Answers, Desk, encoded},
    ui,
};

/// Rows on one page of a list.
pub(crate) const PAGE: i64 = 50;
/// Rows of a list that is part of another page.
pub(crate) const FEW: i64 = 8;

/// What a filter that is not used says.
pub(crate) const ALL: &str = "all";

/// Choices of a filter, behind the one that leaves everything in.
pub(crate) fn every<'a>(
    all: &'a str,
    others: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<ui::Choice<'a>> {
    let others = others.map(|(value, label)| ui::Choice { value, label });
    std::iter::once(ui::Choice { value: ALL, label: all }).chain(others).collect()
}

/// Currencies to choose from: those the price book has prices in, and the one that is asked for all the same.
pub(crate) fn currencies<'a>(book: Option<&Version>, asked: &'a Answers) -> Vec<ui::Choice<'a>> {
    let sold = book.map(|version| version.book.currencies()).unwrap_or_default();
    let asked =
        asked.narrowed("currency").filter(|code| sold.iter().all(|currency| currency.code() != *code));
    let codes: Vec<&str> = sold.iter().map(|currency| currency.code()).chain(asked).collect();
    every("Every currency", codes.into_iter().map(|code| (code, code)))
}

/// A half-open span of days from two fields of people's days: the second one is the last day.
pub(crate) fn days(asked: &Answers, from: &str, to: &str) -> Result<Option<[Date; 2]>> {
    let day = |name: &str| {
        asked
            .some(name)
            .map(|text| time::date(text).map_err(|error| error.at(format!("/{name}"))))
            .transpose()
    };
    let (first, last) = (day(from)?, day(to)?);
    if first.is_none() && last.is_none() {
        return Ok(None);
    }
    let after = last.map_or(time::END_DATE, |last| last.tomorrow().unwrap_or(time::END_DATE));
    Ok(Some([first.unwrap_or(time::FIRST_DATE), after]))
}

/// Where lists end: asked for one row more than a page shows, they say whether there is a next page.
pub(crate) fn pagination<T>(
    path: &str,
    asked: &Answers,
    rows: &mut Vec<T>,
    cursor: impl Fn(&T) -> String,
) -> Markup {
    let more = rows.len() as i64 > PAGE;
    rows.truncate(PAGE as usize);
    let kept = asked.clone().without(&["before", "after", "done"]);
    let next = rows.last().filter(|_| more).map(|last| {
        let link = kept.link(path);
        let joint = if link.contains('?') { '&' } else { '?' };
        format!("{link}{joint}{}", cursor(last))
    });
    let first = ["before", "after"].iter().any(|name| asked.some(name).is_some()).then(|| kept.link(path));
    ui::pagination(first.as_deref(), next.as_deref())
}

/// The same for a list that knows itself where it goes on.
pub(crate) fn pages(path: &str, asked: &Answers, next: Option<String>) -> Markup {
    let kept = asked.clone().without(&["after", "done"]);
    let next = next.map(|place| kept.clone().with("after", &place).link(path));
    let first = asked.some("after").map(|_| kept.link(path));
    ui::pagination(first.as_deref(), next.as_deref())
}

/// Cut a list that was asked for one row more than a page shows; the place of its last row when there are more.
pub(crate) fn cut<T, P>(rows: &mut Vec<T>, place: impl Fn(&T) -> P) -> Option<P> {
    let more = rows.len() as i64 > PAGE;
    rows.truncate(PAGE as usize);
    rows.last().filter(|_| more).map(place)
}

/// Go on to a page, which then says that it worked.
pub(crate) fn done(path: &str, word: &str) -> Response {
    Redirect::to(&format!("{path}?done={}", encoded(word))).into_response()
}

/// What the page before has done; nothing for a word that is none of these.
pub(crate) fn was_done(asked: &Answers) -> Markup {
    let (title, body) = match asked.get("done") {
        "billing" => {
            ("Billing what is due", "It shows here how far that is; its invoices are on the bill run.")
        }
        "created" => ("Customer created", "Start a subscription to bill it."),
        "customer_changed" => (
            "Customer changed",
            "What is billed from now on is made out to it so. Issued documents stay as printed.",
        ),
        "entity_changed" => (
            "Legal entity changed",
            "What is billed from now on is taxed by this. Issued documents stay as printed.",
        ),
        "erased" => (
            "Personal data erased",
            "Name, addresses and tax id are gone. Figures and issued documents stay.",
        ),
        "started" => ("Subscription started", "What it is billed stands below."),
        "changed" => ("Subscription changed", "What was credited and charged stands below."),
        "change_scheduled" => {
            ("Change scheduled", "It is made when the running period ends. Until then it can be taken back.")
        }
        "canceled" => ("Subscription canceled", "Nothing more is billed. What was credited stands below."),
        "cancellation_scheduled" => (
            "Cancellation scheduled",
            "It goes on until the end of the period. Until then it can be kept on.",
        ),
        "kept_on" => ("Kept on", "Nothing is scheduled any more: it goes on as it is."),
        "paused" => ("Subscription paused", "Nothing falls due until it is resumed."),
        "resumed" => ("Subscription resumed", "What was charged for the rest of the period stands below."),
        "converted" => {
            ("Trial converted", "The paid subscription has begun. Its first invoice stands below.")
        }
        "extended" => ("Trial extended", "Nothing is billed before its new end."),
        "suspended" => {
            ("Subscription suspended", "Access is off, and nothing falls due until it is on again.")
        }
        "reinstated" => ("Subscription reinstated", "Access is on again."),
        "method" => ("Method of payment noted", "It decides what the end of the trial does."),
        "finalized" => {
            ("Invoice finalized", "It has its number, is posted to the ledger, and never changes again.")
        }
        "voided" => (
            "Invoice voided",
            "Everything it posted is posted back. What was paid is to the customer’s credit.",
        ),
        "given_up" => ("Invoice marked uncollectible", "What was due on it is bad debt now."),
        "payment_recorded" => {
            ("Payment recorded", "It is posted to the ledger. What was too much is the customer’s credit.")
        }
        "payment_reversed" => ("Payment reversed", "What it had paid is due again."),
        "applied" => (
            "Price book applied",
            "It is in force for new subscriptions. Those that run keep what they agreed to.",
        ),
        "unchanged" => ("Nothing to apply", "The book says what the newest version already says."),
        "my_changed" => ("Changed", "What was credited and charged stands on the documents below."),
        "my_change_scheduled" => ("Change scheduled", "It is made when the running period ends."),
        "moved" => ("Subscriptions are being moved", "One after the other. It shows here how far that is."),
        "usage_posted" => ("Figure posted", "It replaces what was posted for that stretch before."),
        "redeemed" => ("Coupon redeemed", "It comes off from the next invoice on."),
        "taken_away" => ("Taken away", "It comes off no invoice any more."),
        "comped" => ("Given away", "Its invoices cost nothing from the next one on."),
        "saved" => ("They stay", "What was offered comes off from the next invoice on."),
        "renewal_offered" => (
            "Renewal offered",
            "It waits for an answer until the end of the term, or the day it is good until.",
        ),
        "renewal_accepted" => ("Renewal accepted", "What was offered counts from the end of the term on."),
        "renewal_declined" => ("Renewal declined", "Everything stays as it is."),
        "renewal_withdrawn" => ("Offer withdrawn", "It cannot be accepted any more."),
        "reactivated" => (
            "Brought back",
            "A new subscription has begun, with the same plan. What it is billed stands below.",
        ),
        "charge_added" => ("Charged", "It stands below, with the invoice it is on or waits for."),
        "charge_removed" => ("Taken back", "It comes on no invoice."),
        "agreed" => ("Prices agreed", "They stand from now on, until others are agreed."),
        "agreed_later" => ("Prices agreed", "They stand from the end of the period on."),
        "flag_created" => ("Flag made", "Programs that ask for its key are served from now on."),
        "flag_changed" => ("Flag changed", "Every evaluation asked for from now on heeds it."),
        "flag_on" => ("Flag switched on", "Its rules are heeded again."),
        "flag_off" => ("Flag switched off", "Everybody gets its off variant from now on."),
        "flag_removed" => ("Flag removed", "Programs that ask for it use what they have for that case."),
        "override_set" => ("Override set", "Every check and feature asked for from now on heeds it."),
        "override_removed" => ("Override removed", "What was agreed holds again."),
        "link_revoked" => ("Link revoked", "It opens nothing any more."),
        "revoked" => ("API key revoked", "It has stopped working."),
        _ => return html! {},
    };
    ui::notice(ui::Kind::Success, title, html! { (body) })
}

/// The page of something, when it has one.
pub(crate) fn page_of(desk: &Desk, id: AnyId) -> Option<String> {
    let noun = match id.prefix {
        "cus" => "customers",
        "sub" => "subscriptions",
        "inv" => "invoices",
        "crn" => "credit-notes",
        "pay" => "payments",
        "bkv" => "price-book/versions",
        "acc" => "ledger/accounts",
        "job" => "jobs",
        "run" => "bill-runs",
        _ => return None,
    };
    Some(desk.at(&format!("/{noun}/{id}")))
}

/// A shown id, leading to its page where there is one.
pub(crate) fn id_link(desk: &Desk, id: AnyId) -> Markup {
    match page_of(desk, id) {
        Some(href) => html! { a href=(href) { code { (id) } } },
        None => html! { code { (id) } },
    }
}

/// The id a text is, if it is one.
pub(crate) fn read_id(text: &str) -> Option<AnyId> {
    let (prefix, rest) = text.split_once('_')?;
    known_prefix(prefix).filter(|_| rest.len() == 26).and_then(|_| kernel::ids::parse_any(text))
}

/// Who did something: a person, a key, a job, or somebody at the command line.
pub(crate) fn actor(desk: &Desk, actor: &str) -> Markup {
    match read_id(actor) {
        Some(id) if id == desk.session.user.id.any() => html! { "you" },
        Some(id) if id.prefix == "cus" => html! { "the customer" },
        Some(id) if id.prefix == "usr" => html! { "another member of staff" },
        Some(id) if id.prefix == "key" => html! { a href=(desk.at("/api")) { "an API key" } },
        Some(id) if id.prefix == "job" => match page_of(desk, id) {
            Some(href) => html! { a href=(href) { "a job" } },
            None => html! { "a job" },
        },
        _ if actor == "command_line" => html! { "the command line" },
        _ => html! { (actor) },
    }
}
