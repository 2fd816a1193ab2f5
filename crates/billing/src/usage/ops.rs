//! Posting figures of usage.

use std::sync::Arc;

use catalog::version::{self, Version};
use jiff::Timestamp;
use kernel::{
    Edge, Error, Exact, Kind, Result,
    ids::{CreditNoteId, InvoiceId, SubscriptionId},
};
use metering::double::Settled;
use serde_json::json;
use store::{NewFact, Row, ToValue, Tx, Value, View, params};

use super::{
    billed,
    known::{closing_of_one, late, of_one, settled, stretch_lines},
    model::{Figure, Groups, Posted},
    rated::keep_unbilled,
    settled::with_settled,
    sql, standing,
};
use crate::{
    credit_note::{self, Cause},
    invoice,
    subscription::{
        self, State, Subscription,
        rules::{self, Owed, arrears},
    },
};

/// The most groups of one figure.
pub const MAX_GROUPS: usize = 1_000;
/// The most transactions of one figure.
pub const MAX_TRANSACTIONS: usize = 100_000;

/// A figure to post.
#[derive(Clone, Debug)]
pub struct Post {
    /// The key of a usage price of the plan, or of the meter a fee looks at.
    pub key: String,
    /// What was measured in all, by group; it replaces what was posted for the stretch before.
    pub groups: Groups,
    /// When the stretch began; none: the one that is not billed yet.
    pub start: Option<Timestamp>,
    /// The last event in it.
    pub watermark: Option<String>,
}

/// A figure that was posted, and the documents it led to at once.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The figure as it is stored.
    pub figure: Posted,
    /// The invoice it led to: a threshold was reached, or nothing else would bring it on an invoice.
    pub invoice: Option<InvoiceId>,
    /// Credit notes, when it came late and was less.
    pub credit_notes: Vec<CreditNoteId>,
}

/// Store what was measured for a stretch of a subscription.
///
/// While the stretch is not billed this replaces the figure; with thresholds in the price book it may issue an invoice
/// at once. For a stretch that is billed the difference comes onto the next invoice, as a line naming that stretch or as
/// a credit note; when there will be none, at once.
///
/// Errors: `not_found`, `usage_key_unknown`, `usage_invalid`, `usage_period_unknown`; those of rating, when the price
/// cannot be applied to the figure: the stretch could then never be billed.
pub fn post(tx: &mut Tx<'_>, id: SubscriptionId, post: &Post) -> Result<Taken> {
    check_bounds(post)?;
    store(tx, id, post, tx.now())
}

/// The same of a figure that was measured from the log of events as of `at`. It is as large as its events make it: it has
/// to be billed.
///
/// Errors: those of [`post`].
pub(super) fn post_measured(
    tx: &mut Tx<'_>,
    id: SubscriptionId,
    post: &Post,
    at: Timestamp,
) -> Result<Taken> {
    store(tx, id, post, at)
}

fn store(tx: &mut Tx<'_>, id: SubscriptionId, post: &Post, at: Timestamp) -> Result<Taken> {
    let loaded = subscription::lock(tx, id)?;
    let subscription = &loaded.subscription;
    if let Some((was, version)) = waits_for(tx, subscription, post)? {
        return post_closing(tx, &was, &version, post, at);
    }
    let open = arrears::open_from(subscription, &loaded.agreed, &post.key).at;
    let start = post.start.unwrap_or(open);
    let late = start < open;
    if late {
        invoice::issue_carried(tx, id)?; // what is to be corrected must be on an issued invoice
    }
    let billed = if late { stretch_lines(tx, id, start)? } else { Vec::new() };
    match billed.iter().find(|one| one.line.amount_is_of(&post.key)) {
        // What is billed was measured by the plan and the price book of its time.
        Some(one) => match billed::as_billed(tx, subscription, &one.line)? {
            Some((was, version)) => check(&version, &was, post)?,
            None => check(&loaded.agreed, subscription, post)?,
        },
        None => check(&loaded.agreed, subscription, post)?,
    }
    if start > open || late && billed.is_empty() {
        let detail = format!(
            "No stretch of this subscription began at {start}; the one that is not billed yet began at {open}."
        );
        return Err(Error::invalid("usage_period_unknown", detail).at("/period_start"));
    }
    let counts = matches!(subscription.state, State::Active | State::Trialing | State::Suspended);
    if !late && !counts && subscription.state != State::PastDue {
        let state = subscription.state.word();
        let detail = format!(
            "Nothing is counted while a subscription is {state}. Say for which stretch this figure is."
        );
        return Err(Error::invalid("usage_period_unknown", detail).at("/period_start"));
    }
    let figure = keep(tx, id, post, (start, at), late)?;
    check_ratable(tx, &loaded.agreed, subscription, late)?;
    let runs = [State::Active, State::Trialing].contains(&subscription.state);
    let owed = match (late, runs) {
        (true, false) => owed_now(tx, subscription)?,
        (false, true) if subscription.state == State::Active => {
            owed_early(tx, &loaded.agreed, subscription, at)?
        }
        _ => Owed::default(),
    };
    let settled = owed.settled.clone();
    let (invoice, credit_notes) = issue(tx, &loaded.agreed, subscription, owed)?;
    let taken = Taken { figure, invoice, credit_notes };
    say_posted(tx, subscription, &taken, &settled)?;
    Ok(taken)
}

/// The stretch that is over and not billed yet, when the figure is of that one.
fn waits_for(
    view: &mut View<'_>,
    subscription: &Subscription,
    post: &Post,
) -> Result<Option<(Subscription, Arc<Version>)>> {
    let (Some(closing), Some(start)) = (&subscription.closing, post.start) else { return Ok(None) };
    let (was, version) = (closing.as_it_was(subscription), version::find(view, closing.book)?);
    let period = closing.period(&was, &version, &post.key);
    let mine = period.is_some_and(|period| period.start.at == start);
    Ok(mine.then_some((was, version)))
}

/// Store a figure of a stretch that is over and not billed yet.
fn post_closing(
    tx: &mut Tx<'_>,
    was: &Subscription,
    version: &Version,
    post: &Post,
    at: Timestamp,
) -> Result<Taken> {
    check(version, was, post)?;
    let start = arrears::open_from(was, version, &post.key).at;
    let figure = keep(tx, was.id, post, (start, at), false)?;
    let subscription = subscription::find(tx, was.id)?;
    if let Some((was, version, known)) = closing_of_one(tx, &subscription)? {
        let rated = standing::as_it_stands(&was, &version, known).map(drop);
        rated.map_err(of_figures)?;
    }
    let taken = Taken { figure, invoice: None, credit_notes: Vec::new() };
    say_posted(tx, was, &taken, &[])?;
    Ok(taken)
}

fn keep(
    tx: &mut Tx<'_>,
    id: SubscriptionId,
    post: &Post,
    (start, at): (Timestamp, Timestamp),
    late: bool,
) -> Result<Posted> {
    let figure = Posted {
        subscription: id,
        start,
        key: post.key.clone(),
        groups: post.groups.clone(),
        watermark: post.watermark.clone(),
        posted: at,
        late,
    };
    let figures = Value::json_of(&figure.groups)?;
    tx.exec_one(&sql::POST, params![id, start, figure.key, figures, figure.watermark, figure.posted, late])?;
    Ok(figure)
}

fn say_posted(
    tx: &mut Tx<'_>,
    subscription: &Subscription,
    taken: &Taken,
    settled: &[Settled],
) -> Result<()> {
    let payload = json!({
        "key": taken.figure.key,
        "start": taken.figure.start,
        "late": taken.figure.late,
        "watermark": taken.figure.watermark,
        "invoice": taken.invoice,
        "credit_notes": taken.credit_notes,
    });
    let payload = with_settled(payload, settled)?;
    let fact = NewFact::new("subscription.usage_posted", subscription.id.any(), payload)?;
    tx.fact(fact.of(subscription.customer));
    Ok(())
}

/// An error of rating is one of the figures; any other is none of theirs.
fn of_figures(error: Error) -> Error {
    if error.kind == Kind::Internal { error } else { error.at("/figures") }
}

/// Store figures of many open stretches at once, those of other subscriptions too; no thresholds are looked at and
/// no facts stated, because it is the counting that is audited. The caller holds the customers.
pub fn post_all(tx: &mut Tx<'_>, figures: &[Posted]) -> Result<()> {
    let json = |groups| serde_json::to_value(groups).map_err(|error| Error::internal(error.to_string()));
    let groups = figures.iter().map(|figure| json(&figure.groups)).collect::<Result<Vec<_>>>()?;
    let rows = figures.iter().zip(&groups).map(|(figure, groups)| {
        [
            figure.subscription.to_value(),
            Value::Instant(figure.start),
            figure.key.to_value(),
            Value::json(groups),
            figure.watermark.to_value(),
            Value::Instant(figure.posted),
            Value::Bool(figure.late),
        ]
    });
    tx.bulk_all(&sql::POST_ALL, rows)
}

fn check(version: &Version, subscription: &Subscription, post: &Post) -> Result<()> {
    let known = arrears::expected(subscription, version);
    if !known.contains(&post.key.as_str()) {
        let detail = match known.as_slice() {
            [] => "Nothing in this subscription is priced by usage.".to_owned(),
            known => format!("{:?} is not measured here. Known are {}.", post.key, known.join(", ")),
        };
        return Err(Error::invalid("usage_key_unknown", detail).at("/key"));
    }
    let wrong = |detail: String| Err(Error::invalid("usage_invalid", detail).at("/figures"));
    let grouped = version
        .book
        .plan(subscription.plan())
        .and_then(|plan| plan.usage.iter().find(|usage| usage.key == post.key))
        .is_some_and(|usage| !usage.group_by.is_empty());
    if !grouped && post.groups.keys().any(|group| !group.is_empty()) {
        return wrong(format!("{:?} is not grouped: post one figure.", post.key));
    }
    Ok(())
}

/// What is posted by hand is bounded. Errors: `usage_invalid`.
fn check_bounds(post: &Post) -> Result<()> {
    let wrong = |detail: String| Err(Error::invalid("usage_invalid", detail).at("/figures"));
    if post.groups.is_empty() || post.groups.len() > MAX_GROUPS {
        return wrong(format!("A figure has 1 to {MAX_GROUPS} groups."));
    }
    let limit = Exact::from(10_i64.pow(15));
    for (group, figure) in &post.groups {
        if group.chars().count() > 200 {
            return wrong("The name of a group has at most 200 characters.".to_owned());
        }
        let fits = |number: &rating::Number| !number.is_negative() && **number <= limit;
        let good = match figure {
            Figure::Quantity(number) | Figure::Amount { total: number, .. } => fits(number),
            Figure::Transactions(all) => all.len() <= MAX_TRANSACTIONS && all.iter().all(fits),
            Figure::Each(_) => false, // only the log is read so
            Figure::Incomplete => true,
        };
        if !good {
            return wrong(format!("A figure is 0 to 10^15, with at most {MAX_TRANSACTIONS} transactions."));
        }
    }
    Ok(())
}

/// Whether the prices can be applied to the figures as they are stored. An open stretch may wait for a complete one.
fn check_ratable(tx: &mut Tx<'_>, version: &Version, subscription: &Subscription, late: bool) -> Result<()> {
    let (usage, waiting) = of_one(tx, subscription, version)?;
    let rated = if late {
        rules::settle(&waiting).map(drop)
    } else {
        standing::as_it_stands(subscription, version, usage).map(drop)
    };
    rated.map_err(of_figures)
}

/// What came late for a subscription that has no next invoice is owed at once.
fn owed_now(tx: &mut Tx<'_>, subscription: &Subscription) -> Result<Owed> {
    let waiting = late(tx, vec![subscription.id])?.remove(&subscription.id).unwrap_or_default();
    let owed = rules::settle(&waiting)?;
    settled(tx, &[subscription.id])?;
    Ok(owed)
}

/// Issue what is owed between two edges.
fn issue(
    tx: &mut Tx<'_>,
    version: &Version,
    subscription: &Subscription,
    owed: Owed,
) -> Result<(Option<InvoiceId>, Vec<CreditNoteId>)> {
    let now = tx.now();
    let notes = credit_note::issue_for(tx, owed.credits, Cause::Usage, now)?;
    let draft = rules::between(subscription, version, owed.lines, now)?.map(|draft| (tx.new_id(), draft));
    let id = draft.as_ref().map(|(id, _)| *id);
    invoice::issue(tx, draft.into_iter().collect(), now)?;
    keep_unbilled(tx, &owed.unbilled)?;
    Ok((id, notes.iter().map(|note| note.id).collect()))
}

/// The usage of the open stretch, measured as of `at`, is owed early when it has reached a threshold of the plan.
fn owed_early(
    tx: &mut Tx<'_>,
    version: &Version,
    subscription: &Subscription,
    at: Timestamp,
) -> Result<Owed> {
    if arrears::thresholds(subscription, version).is_none() || tx.now() >= subscription.billed_through.at {
        return Ok(Owed::default());
    }
    let (usage, _) = of_one(tx, subscription, version)?;
    let at = Edge::at(at, &subscription.schedule.zone);
    Ok(arrears::reached(subscription, version, &usage, at)?.unwrap_or_default())
}

pub(crate) fn read(row: &Row<'_>) -> Result<Posted> {
    let groups = serde_json::from_value(row.get(3)?);
    Ok(Posted {
        subscription: row.get(0)?,
        start: row.get(1)?,
        key: row.get(2)?,
        groups: groups
            .map_err(|error| Error::internal(format!("a stored figure cannot be read: {error}")))?,
        watermark: row.get(4)?,
        posted: row.get(5)?,
        late: row.get(6)?,
    })
}

/// The figures of one stretch, by key.
pub fn of_stretch(view: &mut View<'_>, id: SubscriptionId, start: Timestamp) -> Result<Vec<Posted>> {
    view.all(&sql::OF_STRETCH, params![id, start], read)
}

/// The newest figures of a subscription, newest stretch first.
pub fn history(view: &mut View<'_>, id: SubscriptionId, limit: i64) -> Result<Vec<Posted>> {
    view.all(&sql::HISTORY, params![id, limit], read)
}

/// Those behind the figure under `key` for the stretch that began at `start`.
pub fn history_behind(
    view: &mut View<'_>,
    id: SubscriptionId,
    (start, key): (Timestamp, &str),
    limit: i64,
) -> Result<Vec<Posted>> {
    view.all(&sql::HISTORY_BEHIND, params![id, start, key, limit], read)
}
