//! What lies ahead of a subscription if nobody touches it: the very decisions that fall due, made in advance.

use billing::{
    invoice::{self, Draft, Line, Totals},
    subscription::{self, State, Subscription, rules::Renewal},
};
use catalog::version::Version;
use jiff::Timestamp;
use kernel::{Edge, ProrationUnit, Result, units};
use maud::{Markup, html};
use store::View;
use tax::Tax;

use super::{extras, plan_name};
use crate::{gate::Desk, invoices, show, ui};

/// Something that falls due.
pub(crate) struct Coming {
    at: Edge,
    title: String,
    about: String,
    /// What is billed then.
    pub(crate) bill: Option<Bill>,
}

/// What is billed at some time, before the customer's credit.
pub(crate) struct Bill {
    pub(crate) totals: Totals,
    pub(crate) lines: Vec<Line>,
    pub(crate) taxes: Vec<Tax>,
}

/// What the next edge of a subscription will do.
pub(crate) struct NextEdge {
    pub(crate) renewal: Renewal,
    /// What is billed then, with its taxes.
    pub(crate) bill: Option<(Draft, Totals)>,
}

/// So many things that come are shown.
const SHOWN: usize = 4;
/// So many edges are looked ahead where usage is billed in between.
const FORESEEN: usize = 13;

impl NextEdge {
    /// Those that are shown, soonest first. Of usage that is billed within a period only the next is, so that the end
    /// of the period is seen.
    pub(crate) fn shown(view: &mut View<'_>, subscription: &Subscription) -> Result<Vec<Self>> {
        let most = if subscription.rhythm.is_some() { FORESEEN } else { SHOWN };
        let mut before = subscription.period;
        let renewals = subscription::foresee(view, subscription, most)?.into_iter().enumerate();
        let renewals: Vec<_> = renewals
            .filter(|(place, renewal)| {
                let opens = renewal.subscription.period != before;
                before = renewal.subscription.period;
                opens || *place == 0 || renewal.subscription.is_over()
            })
            .take(SHOWN)
            .collect();
        renewals.into_iter().map(|(_, renewal)| Self::billed(view, renewal)).collect()
    }

    fn billed(view: &mut View<'_>, renewal: Renewal) -> Result<Self> {
        let bill = renewal.draft().map(|draft| invoice::assessed(view, draft)).transpose()?;
        Ok(Self { renewal, bill })
    }

    /// The next `most`, soonest first, by the decisions that are made then. None for one that does not run.
    pub(crate) fn ahead(view: &mut View<'_>, subscription: &Subscription, most: usize) -> Result<Vec<Self>> {
        let mut all = Vec::with_capacity(most);
        for renewal in subscription::foresee(view, subscription, most)? {
            all.push(Self::billed(view, renewal)?);
        }
        Ok(all)
    }

    /// By the decisions that are made then. Errors: those of [`subscription::at_edge`].
    pub(crate) fn of(view: &mut View<'_>, subscription: &Subscription) -> Result<Self> {
        let renewal = subscription::at_edge(view, subscription)?;
        Self::billed(view, renewal)
    }
}

/// A subscription, what its next edge will do if that can be decided, and the price book.
#[derive(Clone, Copy)]
pub(crate) struct Ahead<'a> {
    pub(crate) subscription: &'a Subscription,
    pub(crate) edge: Option<&'a NextEdge>,
    pub(crate) agreed: &'a Version,
    pub(crate) in_force: &'a Version,
}

/// What falls due, soonest first: the first edge by the books, those behind it at the prices agreed to or scheduled.
/// What cannot be decided yet is left out.
pub(crate) fn coming(ahead: Ahead<'_>, edges: &[NextEdge]) -> Vec<Coming> {
    let mut all = Vec::new();
    let mut before = ahead.subscription;
    for (place, edge) in edges.iter().enumerate() {
        match before.state {
            State::Trialing => all.extend(trial_end(ahead)),
            _ => all.extend(steps(before, edge, ahead.in_force, place == 0)),
        }
        before = &edge.renewal.subscription;
    }
    all
}

/// What an edge does to the subscription `before` it.
fn steps(before: &Subscription, edge: &NextEdge, in_force: &Version, first: bool) -> Vec<Coming> {
    let (renewal, at, bill) = (&edge.renewal, edge.renewal.at, bill(edge));
    let after = &renewal.subscription;
    let coming = |title: &str, about: String, bill| Coming { at, title: title.to_owned(), about, bill };
    let used = if bill.is_some() { "What was used is billed." } else { "Nothing more is billed." };
    if let Some(closing) =
        before.closing.as_ref().filter(|_| after.state == before.state && after.period == before.period)
    {
        let about = format!("Until {}. Figures that came since count too.", show::date(closing.end.date));
        return vec![coming("What was used is billed", about, bill)];
    }
    if after.is_over() {
        let title = if after.state == State::Expired { "The term is over" } else { "The subscription ends" };
        return vec![coming(title, used.to_owned(), bill)];
    }
    if before.period == after.period {
        return vec![coming("Usage is billed", "What is counted until then.".to_owned(), bill)];
    }
    let period = format!("For {}, before credit.", show::period(&after.period));
    if before.state == State::Scheduled {
        return vec![coming("It begins", period, bill)];
    }
    let mut all = Vec::new();
    if let Some(change) = before.pending() {
        let about = match &renewal.dropped {
            None => format!("To {}.", extras::step_text(change, before, in_force)),
            Some(error) => format!("It cannot be made any more, so everything stays: {}", error.detail),
        };
        all.push(coming("Scheduled change", about, None));
    }
    all.push(coming(if first { "Next invoice" } else { "Invoice" }, period, bill));
    all
}

/// What the end of a trial does, by the price book agreed to: as part of a sentence, and what is billed then.
fn ending(ahead: Ahead<'_>) -> Option<(String, Option<Bill>)> {
    let Ahead { subscription, edge, agreed, in_force } = ahead;
    let edge = edge?;
    let after = &edge.renewal.subscription;
    let plan = plan_name(Some(if after.book == in_force.id { in_force } else { agreed }), after.plan());
    let what = match (after.state, subscription.has_method) {
        (State::Active, true) => format!("{plan} is paid for from then on"),
        (State::Active, false) => format!("it goes on with {plan}"),
        (State::Canceled, _) => "it is canceled".to_owned(),
        _ => "it is suspended".to_owned(),
    };
    Some((what, bill(edge)))
}

/// Why a trial ends as it does.
const fn why(subscription: &Subscription) -> &'static str {
    if subscription.has_method {
        "A method of payment is on file."
    } else {
        "No method of payment is on file."
    }
}

/// The end of a trial.
pub(crate) fn trial_end(ahead: Ahead<'_>) -> Option<Coming> {
    let (subscription, (what, bill)) = (ahead.subscription, ending(ahead)?);
    let title = format!("The trial ends and {what}");
    Some(Coming { at: subscription.billed_through, title, about: why(subscription).to_owned(), bill })
}

fn bill(edge: &NextEdge) -> Option<Bill> {
    let (draft, totals) = edge.bill.as_ref()?;
    Some(Bill { totals: *totals, lines: draft.lines.clone(), taxes: draft.taxes.clone() })
}

/// What a bill comes to; opened, every line of it.
fn billed(bill: &Bill) -> Markup {
    let sums = invoices::Sums::of(&bill.totals, &bill.taxes);
    let total = bill.totals.total.to_string();
    html! {
        details class="bill" {
            summary { (show::money(bill.totals.total)) }
            (invoices::lines(&bill.lines))
            (ui::totals(&sums.entries(), &ui::Total { label: "Total", amount: &total, href: None }))
        }
    }
}

/// Coming events as a timeline.
pub(crate) fn timeline(all: &[Coming]) -> Markup {
    let times: Vec<(String, String)> =
        all.iter().map(|one| (show::machine(one.at.at), show::date(one.at.date))).collect();
    let moments: Vec<ui::Moment> = all
        .iter()
        .zip(&times)
        .map(|(one, (at, time))| ui::Moment {
            at,
            time,
            title: &one.title,
            body: html! {
                (one.about)
                @if let Some(bill) = &one.bill { (billed(bill)) }
            },
            href: None,
        })
        .collect();
    ui::timeline(&moments)
}

/// From so many days on a trial's end is soon; the last of its days is one more step.
const SOON: i64 = 3;

/// How long a trial still lasts and what its end does. Nothing outside of a trial.
pub(crate) fn countdown(desk: &Desk, ahead: Ahead<'_>, actions: Markup) -> Markup {
    let subscription = ahead.subscription;
    if subscription.state != State::Trialing {
        return html! {};
    }
    let (period, zone) = (subscription.period, &subscription.schedule.zone);
    let days = |from: Timestamp, to: Edge| units(ProrationUnit::Day, zone, &Edge::at(from, zone), &to).max(0);
    let (left, whole) = (days(desk.now, period.end), days(period.start.at, period.end));
    let passed = u64::try_from(whole - left).unwrap_or_default();
    let urgency = match left {
        ..=1 => ui::Urgency::LastDay,
        2..=SOON => ui::Urgency::Soon,
        _ => ui::Urgency::Calm,
    };
    let figure = if left <= 1 { "Last day".to_owned() } else { format!("{left} days left") };
    let about = html! {
        p {
            (why(subscription)) " "
            @if let Some((what, bill)) = ending(ahead) {
                "At the end " (what) "."
                @if let Some(bill) = bill { " The first invoice is " (show::money(bill.totals.total)) "." }
            }
        }
        @if !actions.0.is_empty() { div class="actions" { (actions) } }
    };
    ui::countdown(
        &ui::Countdown {
            urgency,
            left: &figure,
            title: &format!("Trial until {}", show::instant(period.end.at, zone)),
            passed,
            whole: u64::try_from(whole).unwrap_or_default(),
        },
        about,
    )
}
