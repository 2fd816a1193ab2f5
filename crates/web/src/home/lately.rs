//! The newest facts, those of one job told as one.

use std::collections::BTreeMap;

use kernel::Result;
use maud::{Markup, html};
use store::{Fact, View, facts};

use crate::{facts as history, gate::Desk, parts, show, ui};

/// Facts looked at, and moments shown of them.
const READ: i64 = 160;
const SHOWN: usize = 8;

/// What happened lately, newest first.
pub(super) struct Lately {
    moments: Vec<Vec<Fact>>,
    names: history::Names,
}

impl Lately {
    pub(super) fn load(view: &mut View<'_>) -> Result<Self> {
        let mut moments = together(facts::latest(view, i64::MAX, READ)?);
        moments.truncate(SHOWN);
        let alone: Vec<Fact> = moments.iter().filter(|group| group.len() == 1).flatten().cloned().collect();
        Ok(Self { names: history::names(view, &alone)?, moments })
    }
}

/// What one job did stands together; everything else stands alone.
fn together(facts: Vec<Fact>) -> Vec<Vec<Fact>> {
    let mut groups: Vec<Vec<Fact>> = Vec::new();
    for fact in facts {
        match groups.last_mut() {
            Some(group) if fact.actor.starts_with("job_") && group[0].actor == fact.actor => group.push(fact),
            _ => groups.push(vec![fact]),
        }
    }
    groups
}

pub(super) fn drawn(desk: &Desk, lately: &Lately) -> Markup {
    if lately.moments.is_empty() {
        return ui::empty("No facts", "Nothing has happened here yet.", html! {});
    }
    html! {
        @for group in lately.moments.chunk_by(|one, other| (one.len() == 1) == (other.len() == 1)) {
            @if group[0].len() == 1 {
                @let alone: Vec<Fact> = group.iter().flatten().cloned().collect();
                (history::brief(desk, &alone, &lately.names))
            } @else {
                @for facts in group { (job(desk, facts)) }
            }
        }
    }
}

/// What a job did, counted.
fn job(desk: &Desk, facts: &[Fact]) -> Markup {
    let (Some(newest), Some(oldest)) = (facts.first(), facts.last()) else { return html! {} };
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for fact in facts {
        *counts.entry(fact.kind.as_str()).or_default() += 1;
    }
    // A group as long as all that was read may go on behind it.
    let more = if facts.len() as i64 == READ { "at least " } else { "" };
    let mut counts: Vec<(&str, i64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let said: Vec<String> = counts.iter().map(|(kind, count)| counted(kind, *count)).collect();
    let title = format!("Due work: {more}{}", said.join(", "));
    let (from, to) =
        (show::instant(oldest.effective, &desk.zone), show::instant(newest.effective, &desk.zone));
    let about = if from == to {
        html! {}
    } else {
        html! { "From " (from) " on" }
    };
    let href = parts::read_id(&newest.actor).and_then(|id| parts::page_of(desk, id));
    ui::timeline(&[ui::Moment {
        at: &show::machine(newest.effective),
        time: &to,
        title: &title,
        body: about,
        href: href.as_deref(),
    }])
}

/// `31 invoices issued`, `31 subscriptions renewed`, `1 limit reached`.
fn counted(kind: &str, count: i64) -> String {
    let (noun, verb) = kind.split_once('.').unwrap_or((kind, ""));
    let (noun, verb) = match (noun, verb) {
        ("invoice", "finalized") => ("invoice", "issued"),
        ("alert", "limit_reached") => ("limit", "reached"),
        ("alert", "usage_jumped") => ("usage jump", "noticed"),
        ("subscription", "trial_ended") => ("trial", "ended"),
        ("subscription", "trial_reminder" | "trial_follow_up") => ("trial reminder", ""),
        ("subscription", "usage_billed") => ("subscription", "billed for usage"),
        ("subscription", "change_dropped") => ("change", "dropped"),
        ("subscription", "cancellation_scheduled") => ("cancellation", "scheduled"),
        (noun, verb) => (noun, verb),
    };
    let counted = format!("{} {verb}", show::count(count, noun)).replace('_', " ");
    counted.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_in_words() {
        assert_eq!(counted("invoice.finalized", 31), "31 invoices issued");
        assert_eq!(counted("subscription.renewed", 1), "1 subscription renewed");
        assert_eq!(counted("subscription.trial_ended", 1_200), "1,200 trials ended");
        assert_eq!(counted("alert.limit_reached", 160), "160 limits reached");
        assert_eq!(counted("alert.usage_jumped", 2), "2 usage jumps noticed");
        assert_eq!(counted("subscription.trial_reminder", 1), "1 trial reminder");
        assert_eq!(counted("credit_note.issued", 3), "3 credit notes issued");
    }
}
