//! Limits as bars.

use kernel::{Error, Result, ids::CustomerId};
use maud::{Markup, html};
use metering::{Metering, Standing};
use store::{Db, Scope};

use crate::{show, ui};

/// How often bars look whether they have moved.
const SECONDS: u32 = 2;

/// How the limits of a customer stand. Read beside the request's own thread: it takes several reads in a row.
pub(crate) async fn standing(
    metering: Metering,
    (db, scope): (Db, Scope),
    customer: CustomerId,
) -> Result<Vec<Standing>> {
    let now = db.read(&scope, |view| Ok(view.now())).await?;
    let read = tokio::task::spawn_blocking(move || metering.standing(&scope, customer, now)).await;
    read.map_err(|error| Error::internal(format!("limits could not be read: {error}")))?
}

/// Bars that move by themselves, where there is a script; `url` answers with them again.
pub(crate) fn live(
    url: &str,
    standing: &[Standing],
    name: impl Fn(&str) -> String,
    zone: &kernel::Zone,
) -> Markup {
    ui::refreshing("limits", url, SECONDS, bars(standing, name, zone))
}

/// A bar for each limit, under the names of their meters.
pub(crate) fn bars(standing: &[Standing], name: impl Fn(&str) -> String, zone: &kernel::Zone) -> Markup {
    html! {
        @for one in standing {
            (ui::progress(units(one.used), units(one.limit), &label(one, &name(&one.meter))))
            p class="under" { (what_then(one, zone)) }
        }
    }
}

fn units(scaled: i64) -> u64 {
    u64::try_from(scaled).unwrap_or(0)
}

fn label(one: &Standing, name: &str) -> String {
    let figure = |scaled: i64| one.quantity(scaled).map(|one| number(&one.to_string())).unwrap_or_default();
    let who =
        one.who.as_deref().map(|who| format!(", {}", if who.is_empty() { "nobody named" } else { who }));
    format!("{name}{}: {} of {}", who.unwrap_or_default(), figure(one.used), figure(one.limit))
}

/// Over what time it counts, and what happens at the limit.
fn what_then(one: &Standing, zone: &kernel::Zone) -> String {
    let time = match one.span {
        Some(span) => match jiff::Timestamp::from_microsecond(span.end) {
            Ok(end) => format!("Begins anew on {}", show::instant(end, zone)),
            Err(_) => "Counts for ever".to_owned(),
        },
        None => format!("Counts over a {} window", one.window),
    };
    let then = match one.policy {
        catalog::LimitPolicy::Hard => "more is refused",
        catalog::LimitPolicy::Soft => "more is billed",
        catalog::LimitPolicy::Warn => "more is only reported",
    };
    match &one.upgrade {
        Some(plan) => format!("{time}; {then}. More is in {}.", show::sentence(plan)),
        None => format!("{time}; {then}."),
    }
}

/// A decimal number with its thousands apart.
pub(crate) fn number(text: &str) -> String {
    let shown = show::exact(text);
    let (whole, part) =
        shown.split_once('.').map_or((shown.as_str(), None), |(whole, part)| (whole, Some(part)));
    match (whole.parse::<i64>(), part) {
        (Ok(whole), Some(part)) => format!("{}.{part}", show::grouped(whole)),
        (Ok(whole), None) => show::grouped(whole),
        (Err(_), _) => shown,
    }
}
