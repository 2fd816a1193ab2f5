//! Posting figures of usage, and what decisions about subscriptions need to know of them.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Deref,
    sync::Arc,
};

use catalog::version::{self, Version};
use jiff::Timestamp;
use kernel::{
    Edge, Error, Exact, Kind, Money, Result,
    ids::{BookVersionId, CreditNoteId, InvoiceId, SubscriptionId},
};
use serde_json::json;
use store::{NewFact, Row, ToValue, Tx, Value, View, params};

use super::{
    model::{Figure, Figures, Groups, Posted},
    sql, standing,
};
use crate::{
    credit_note::{self, Cause, Running},
    invoice,
    subscription::{
        self, Closing, State, Subscription,
        rules::{self, Owed, arrears, late::Late},
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
    let loaded = subscription::lock(tx, id)?;
    let subscription = &loaded.subscription;
    if let Some((was, version)) = waits_for(tx, subscription, post)? {
        return post_closing(tx, &was, &version, post);
    }
    check(&loaded.agreed, subscription, post)?;
    let open = arrears::open_from(subscription, &loaded.agreed, &post.key).at;
    let start = post.start.unwrap_or(open);
    let late = start < open;
    if start > open || late && stretch_lines(tx, id, start)?.is_empty() {
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
    let figure = keep(tx, id, post, start, late)?;
    check_ratable(tx, &loaded.agreed, subscription, late)?;
    let runs = [State::Active, State::Trialing].contains(&subscription.state);
    let (invoice, credit_notes) = match (late, runs) {
        (true, false) => settle_now(tx, &loaded.agreed, subscription)?,
        (false, true) if subscription.state == State::Active => {
            (reach_threshold(tx, &loaded.agreed, subscription)?, Vec::new())
        }
        _ => (None, Vec::new()),
    };
    let taken = Taken { figure, invoice, credit_notes };
    say_posted(tx, subscription, &taken)?;
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
    let period = arrears::open_period(&was, &version, &post.key);
    let of_rhythm = was.rhythm.is_some_and(|rhythm| rhythm.stretch == period);
    let mine = period.start.at == start && (of_rhythm || !closing.of_rhythm);
    Ok(mine.then_some((was, version)))
}

/// Store a figure of a stretch that is over and not billed yet.
fn post_closing(tx: &mut Tx<'_>, was: &Subscription, version: &Version, post: &Post) -> Result<Taken> {
    check(version, was, post)?;
    let start = arrears::open_from(was, version, &post.key).at;
    let figure = keep(tx, was.id, post, start, false)?;
    let subscription = subscription::find(tx, was.id)?;
    if let Some((was, version, known)) = closing_of_one(tx, &subscription)? {
        let rated = standing::as_it_stands(&was, &version, known).map(drop);
        rated.map_err(of_figures)?;
    }
    let taken = Taken { figure, invoice: None, credit_notes: Vec::new() };
    say_posted(tx, was, &taken)?;
    Ok(taken)
}

fn keep(tx: &mut Tx<'_>, id: SubscriptionId, post: &Post, start: Timestamp, late: bool) -> Result<Posted> {
    let figure = Posted {
        subscription: id,
        start,
        key: post.key.clone(),
        groups: post.groups.clone(),
        watermark: post.watermark.clone(),
        posted: tx.now(),
        late,
    };
    let figures = Value::json_of(&figure.groups)?;
    tx.exec_one(&sql::POST, params![id, start, figure.key, figures, figure.watermark, figure.posted, late])?;
    Ok(figure)
}

fn say_posted(tx: &mut Tx<'_>, subscription: &Subscription, taken: &Taken) -> Result<()> {
    let payload = json!({
        "key": taken.figure.key,
        "start": taken.figure.start,
        "late": taken.figure.late,
        "watermark": taken.figure.watermark,
        "invoice": taken.invoice,
        "credit_notes": taken.credit_notes,
    });
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
    if post.groups.is_empty() || post.groups.len() > MAX_GROUPS {
        return wrong(format!("A figure has 1 to {MAX_GROUPS} groups."));
    }
    let grouped = version
        .book
        .plan(subscription.plan())
        .and_then(|plan| plan.usage.iter().find(|usage| usage.key == post.key))
        .is_some_and(|usage| !usage.group_by.is_empty());
    if !grouped && post.groups.keys().any(|group| !group.is_empty()) {
        return wrong(format!("{:?} is not grouped: post one figure.", post.key));
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

/// Bill what came late for a subscription that has no next invoice.
fn settle_now(
    tx: &mut Tx<'_>,
    version: &Version,
    subscription: &Subscription,
) -> Result<(Option<InvoiceId>, Vec<CreditNoteId>)> {
    let waiting = late(tx, vec![subscription.id])?.remove(&subscription.id).unwrap_or_default();
    let owed = rules::settle(&waiting)?;
    settled(tx, &[subscription.id])?;
    issue(tx, version, subscription, owed)
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
    Ok((id, notes.iter().map(|note| note.id).collect()))
}

/// Bill the usage of the open stretch when it has reached a threshold of the plan.
fn reach_threshold(
    tx: &mut Tx<'_>,
    version: &Version,
    subscription: &Subscription,
) -> Result<Option<InvoiceId>> {
    if arrears::thresholds(subscription, version).is_none() || tx.now() >= subscription.billed_through.at {
        return Ok(None);
    }
    let (usage, _) = of_one(tx, subscription, version)?;
    let at = Edge::at(tx.now(), &subscription.schedule.zone);
    match arrears::reached(subscription, version, &usage, at)? {
        None => Ok(None),
        Some(owed) => issue(tx, version, subscription, owed).map(|(invoice, _)| invoice),
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<Posted> {
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

/// What is known of the open stretches of subscriptions, in at most three queries. Those of which nothing is known
/// are left out.
pub(crate) fn open<V: Deref<Target = Version>>(
    view: &mut View<'_>,
    subscriptions: &[(&Subscription, V)],
) -> Result<HashMap<SubscriptionId, arrears::Usage>> {
    if subscriptions.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<SubscriptionId> = subscriptions.iter().map(|(one, _)| one.id).collect();
    let figures = view.all(&sql::OPEN, params![ids], read)?;
    gather(view, subscriptions, figures)
}

/// What figures say of the open stretches of subscriptions, with what was billed of those early.
fn gather<V: Deref<Target = Version>>(
    view: &mut View<'_>,
    subscriptions: &[(&Subscription, V)],
    figures: Vec<Posted>,
) -> Result<HashMap<SubscriptionId, arrears::Usage>> {
    let mut known: HashMap<SubscriptionId, arrears::Usage> = HashMap::new();
    let currency: HashMap<SubscriptionId, _> =
        subscriptions.iter().map(|(one, _)| (one.id, one.currency)).collect();
    let none = |id: &SubscriptionId| arrears::Usage::none(currency[id]);
    let starts: HashMap<(SubscriptionId, &str), Timestamp> = subscriptions
        .iter()
        .flat_map(|(one, version)| {
            let keys = arrears::expected(one, version).into_iter();
            keys.map(move |key| ((one.id, key), arrears::open_from(one, version, key).at))
        })
        .collect();
    for Posted { subscription, key, groups, start, watermark, .. } in figures {
        // Fees and usage with a cycle of its own do not begin together.
        if starts.get(&(subscription, key.as_str())) != Some(&start) {
            continue;
        }
        let usage = known.entry(subscription).or_insert_with(|| none(&subscription));
        usage.watermarks.extend(watermark.map(|last| (key.clone(), last)));
        usage.figures.insert(key, groups);
    }
    let of = |wanted: fn(&Subscription, &Version) -> bool| {
        let chosen = subscriptions.iter().filter(move |(one, version)| wanted(one, version));
        chosen.map(|(one, version)| (one.id, arrears::counted_from(one, version))).collect::<HashMap<_, _>>()
    };
    let early =
        of(|one, version| arrears::thresholds(one, version).is_some() || arrears::has_minimum(one, version));
    for line in since(view, &early, credit_note::billed_in_arrears)? {
        let id = line.line.subscription;
        known.entry(id).or_insert_with(|| none(&id)).billed.push(line);
    }
    let committed = of(arrears::has_minimum);
    let ends: HashMap<SubscriptionId, Timestamp> =
        subscriptions.iter().map(|(one, _)| (one.id, one.billed_through.at)).collect();
    for line in since(view, &committed, credit_note::fees)? {
        let id = line.line.subscription;
        if line.line.period.start.at >= ends[&id] {
            continue; // of the period that follows a stretch that waits
        }
        let usage = known.entry(id).or_insert_with(|| none(&id));
        usage.fees = usage.fees.checked_add(rules::late::gross_left(&[&line], usage.fees.currency())?)?;
    }
    Ok(known)
}

/// What is known of the stretches of subscriptions that are over and not billed yet.
pub(crate) fn closing(
    view: &mut View<'_>,
    subscriptions: &[Subscription],
    versions: &BTreeMap<BookVersionId, Arc<Version>>,
) -> Result<HashMap<SubscriptionId, arrears::Usage>> {
    let mut known = HashMap::new();
    let waiting = subscriptions.iter().filter_map(|one| Some((one, one.closing.as_deref()?)));
    let waiting: Vec<(&Closing, Subscription, &Arc<Version>)> = waiting
        .filter_map(|(one, closing)| Some((closing, closing.as_it_was(one), versions.get(&closing.book)?)))
        .collect();
    let Some(earliest) = waiting.iter().map(|(closing, ..)| closing.earliest()).min() else {
        return Ok(known);
    };
    let ids: Vec<SubscriptionId> = waiting.iter().map(|(_, was, _)| was.id).collect();
    let figures = view.all(&sql::OPEN_SINCE, params![ids, earliest], read)?;
    let were: Vec<(&Subscription, &Version)> =
        waiting.iter().map(|(_, was, version)| (was, &***version)).collect();
    known = gather(view, &were, figures)?;
    for (closing, was, _) in &waiting {
        if let Some(usage) = known.get_mut(&was.id) {
            usage.billed.retain(|one| one.line.period.start.at < closing.end.at);
        }
    }
    Ok(known)
}

/// What is known of the stretch of one subscription that is over and not billed yet, with the subscription as it was
/// then.
pub(super) fn closing_of_one(
    view: &mut View<'_>,
    subscription: &Subscription,
) -> Result<Option<(Subscription, Arc<Version>, arrears::Usage)>> {
    let Some(waits) = &subscription.closing else { return Ok(None) };
    let version = version::find(view, waits.book)?;
    let versions = BTreeMap::from([(waits.book, Arc::clone(&version))]);
    let known = closing(view, std::slice::from_ref(subscription), &versions)?.remove(&subscription.id);
    let known = known.unwrap_or_else(|| arrears::Usage::none(subscription.currency));
    Ok(Some((waits.as_it_was(subscription), version, known)))
}

/// Lines of subscriptions, each from its own instant on.
fn since(
    view: &mut View<'_>,
    from: &HashMap<SubscriptionId, Timestamp>,
    load: fn(&mut View<'_>, Vec<SubscriptionId>, Timestamp) -> Result<Vec<Running>>,
) -> Result<Vec<Running>> {
    let Some(earliest) = from.values().min() else { return Ok(Vec::new()) };
    let mut lines = load(view, from.keys().copied().collect(), *earliest)?;
    lines
        .retain(|one| from.get(&one.line.subscription).is_some_and(|from| one.line.period.start.at >= *from));
    Ok(lines)
}

/// The open stretch and the late figures of one subscription.
pub(crate) fn of_one(
    view: &mut View<'_>,
    subscription: &Subscription,
    version: &Version,
) -> Result<(arrears::Usage, Vec<Late>)> {
    if !arrears::has_arrears(subscription, version) {
        return Ok((arrears::Usage::none(subscription.currency), Vec::new()));
    }
    let id = subscription.id;
    let usage = open(view, &[(subscription, version)])?.remove(&id);
    let late = late(view, vec![id])?.remove(&id).unwrap_or_default();
    Ok((usage.unwrap_or_else(|| arrears::Usage::none(subscription.currency)), late))
}

fn stretch_lines(view: &mut View<'_>, id: SubscriptionId, start: Timestamp) -> Result<Vec<Running>> {
    let mut lines = credit_note::billed_in_arrears(view, vec![id], start)?;
    lines.retain(|one| one.line.period.start.at == start);
    Ok(lines)
}

/// The figures of subscriptions that came after their stretch was billed, with the lines that billed it.
pub(crate) fn late(
    view: &mut View<'_>,
    subscriptions: Vec<SubscriptionId>,
) -> Result<HashMap<SubscriptionId, Vec<Late>>> {
    let mut found: BTreeMap<(SubscriptionId, Timestamp), Late> = BTreeMap::new();
    if subscriptions.is_empty() {
        return Ok(HashMap::new());
    }
    for Posted { subscription, start, key, groups, watermark, .. } in
        view.all(&sql::LATE, params![subscriptions], read)?
    {
        let late = found.entry((subscription, start));
        let late = late.or_insert_with(|| Late {
            start,
            figures: Figures::new(),
            watermarks: BTreeMap::new(),
            billed: Vec::new(),
        });
        late.watermarks.extend(watermark.map(|last| (key.clone(), last)));
        late.figures.insert(key, groups);
    }
    let mut earliest: HashMap<SubscriptionId, Timestamp> = HashMap::new();
    for (id, start) in found.keys() {
        earliest.entry(*id).or_insert(*start);
    }
    for line in since(view, &earliest, credit_note::billed_in_arrears)? {
        if let Some(late) = found.get_mut(&(line.line.subscription, line.line.period.start.at)) {
            late.billed.push(line);
        }
    }
    let mut by_subscription: HashMap<SubscriptionId, Vec<Late>> = HashMap::new();
    for ((id, _), late) in found {
        by_subscription.entry(id).or_default().push(late);
    }
    Ok(by_subscription)
}

/// Late figures of these subscriptions are billed.
pub(crate) fn settled(tx: &mut Tx<'_>, subscriptions: &[SubscriptionId]) -> Result<()> {
    if subscriptions.is_empty() {
        return Ok(());
    }
    tx.exec(&sql::SETTLED, params![subscriptions.to_vec()]).map(drop)
}

/// What the usage of a subscription's open stretch comes to so far, before coupons.
///
/// Errors: `not_found`.
pub fn so_far(view: &mut View<'_>, id: SubscriptionId) -> Result<Money> {
    let subscription = subscription::find(view, id)?;
    let version = version::find(view, subscription.book)?;
    let (usage, _) = of_one(view, &subscription, &version)?;
    let at = Edge::at(view.now(), &subscription.schedule.zone);
    let lines = arrears::so_far(&subscription, &version, &usage, at)?;
    Money::total(lines.iter().map(|line| line.amount), subscription.currency)
}
