//! What falls due next.

use billing::subscription::{self, Filter, State};
use jiff::{ToSpan, civil::Date};
use kernel::{Result, Zone, time};
use maud::{Markup, html};
use store::View;

use super::MOST_COUNTED;
use crate::{gate::Desk, show, subscriptions, ui};

/// How many are named.
const NAMED: i64 = 5;

/// What falls due from now on.
pub(super) struct Ahead {
    /// By the end of today, of the next seven days, of the next thirty: how many, and until which day.
    spans: [(&'static str, i64, Date); 3],
    next: Vec<subscriptions::Listed>,
}

impl Ahead {
    pub(super) fn load(view: &mut View<'_>, zone: &Zone, today: Date) -> Result<Self> {
        // What is late is due as well.
        let from = time::FIRST_INSTANT;
        let last = |days: i64| today.checked_add(days.days()).unwrap_or(today);
        let until = |day: Date| zone.start_of_day(day.tomorrow().unwrap_or(day));
        let mut spans =
            [("Today", 0), ("In 7 days", 6), ("In 30 days", 29)].map(|(name, days)| (name, 0, last(days)));
        let (mut begin, mut sum) = (from, 0);
        for (_, count, day) in &mut spans {
            let end = until(*day);
            sum += subscription::due_count(view, [begin, end], MOST_COUNTED - sum)?;
            (*count, begin) = (sum, end);
        }
        let far = [from, until(last(400))];
        let soonest = Filter { due: Some(far), ..Filter::default() };
        let found = subscription::search(view, &soonest, None, NAMED)?;
        let next = found.into_iter().map(|(subscription, _)| subscription).collect();
        Ok(Self { spans, next: subscriptions::listed(view, next)? })
    }
}

pub(super) fn drawn(desk: &Desk, ahead: &Ahead) -> Markup {
    let all = desk.at(&format!("/subscriptions?due_from={}", time::FIRST_DATE));
    let entries: Vec<(&str, Markup)> = ahead
        .spans
        .iter()
        .map(|(name, count, day)| {
            let href = desk.at(&format!("/subscriptions?due_to={day}"));
            (*name, html! { a href=(href) { (super::counted(*count, "subscription")) } })
        })
        .collect();
    let list = html! {
        @if ahead.next.is_empty() { p { "Nothing falls due: no subscription runs." } } @else {
            (ui::definition_list(&entries))
            ol class="next" {
                @for one in &ahead.next {
                    li {
                        span class="when" { (show::date(one.due())) }
                        span {
                            a href=(one.path(desk)) { (one.customer()) }
                            span class="under" { (what(one)) }
                        }
                    }
                }
            }
        }
    };
    ui::section("Falls due next", html! { a href=(all) { "All" } }, list)
}

/// What happens then.
fn what(one: &subscriptions::Listed) -> String {
    let plan = one.plan();
    match one.state() {
        State::Trialing => format!("{plan}: the trial ends"),
        _ if one.ends() => format!("{plan}: it ends"),
        _ => format!("{plan}: next invoice"),
    }
}
