//! Periods that end: the next one opens and is billed in advance, many subscriptions at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use catalog::version::{self, Version};
use identity::customer;
use jiff::Timestamp;
use jobs::due::{self, Due, DueKind};
use kernel::{
    Error, Result,
    ids::{BookVersionId, CustomerId, InvoiceId, SubscriptionId},
};
use serde_json::json;
use store::{NewFact, ToValue, Tx};
use uuid::Uuid;

use super::{
    model::{State, Subscription},
    ops::{self, change::save},
    rules::{self, Renewal},
    sql,
};
use crate::invoice;

/// A reminder that a trial ends.
pub(crate) const TRIAL_REMINDER: DueKind =
    DueKind { rank: 10, name: "subscription.trial_reminder", handler: remind };

/// The end of a trial.
pub(crate) const TRIAL_END: DueKind =
    DueKind { rank: 30, name: "subscription.trial_end", handler: end_trials };

/// The end of a billed period.
pub(crate) const RENEWAL: DueKind = DueKind { rank: 50, name: "subscription.renewal", handler: renew };

/// Renew the subscriptions that fell due at `at`. What was renewed already is left alone, so a repeated
/// entry bills nothing twice.
fn renew(tx: &mut Tx<'_>, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    let mut due_now = lock_and_load(tx, subjects)?;
    due_now.retain(|subscription| ops::waiting(subscription) == Some(entry(&RENEWAL, at, subscription)));
    // The order of documents within an instant (domain rules §6): customer, then subscription.
    due_now.sort_by_key(|subscription| (subscription.customer, subscription.id));
    let books: BTreeSet<BookVersionId> = due_now.iter().map(|subscription| subscription.book).collect();
    let versions: BTreeMap<_, _> = version::many(tx, books.into_iter().collect())?
        .into_iter()
        .map(|version| (version.id, version))
        .collect();
    let in_force = version::in_force(tx)?;
    let (mut renewed, mut drafts) = (Vec::new(), Vec::new());
    for subscription in &due_now {
        let agreed = version_of(&versions, subscription)?;
        let Renewal { subscription: next, draft, dropped } = rules::renew(subscription, agreed, &in_force)?;
        say_dropped(tx, &next, dropped, at)?;
        let Some(draft) = draft else {
            save(tx, &next)?;
            tx.fact(
                NewFact::new("subscription.canceled", next.id.any(), json!({}))?
                    .of(next.customer)
                    .effective(at),
            );
            continue;
        };
        if subscription.pending.is_some() {
            save(tx, &next)?;
        }
        let invoice = tx.new_id();
        let payload = json!({
            "invoice": invoice,
            "period_start": next.period.start.at,
            "period_end": next.period.end.at,
        });
        tx.fact(
            NewFact::new("subscription.renewed", next.id.any(), payload)?.of(next.customer).effective(at),
        );
        drafts.push((invoice, draft));
        renewed.push(next);
    }
    tx.bulk_all(
        &sql::OPEN_PERIOD,
        renewed.iter().map(|next| {
            [
                next.id.to_value(),
                next.period.start.date.to_value(),
                next.period.start.at.to_value(),
                next.period.end.date.to_value(),
                next.period.end.at.to_value(),
                next.billed_through.date.to_value(),
                next.billed_through.at.to_value(),
            ]
        }),
    )?;
    let next: Vec<Due> = renewed.iter().filter_map(ops::waiting).collect();
    due::put(tx, &next)?;
    invoice::issue(tx, drafts, at).map(drop)
}

/// State that a scheduled change could not be made.
fn say_dropped(tx: &mut Tx<'_>, next: &Subscription, dropped: Option<Error>, at: Timestamp) -> Result<()> {
    let Some(error) = dropped else { return Ok(()) };
    let fact = NewFact::new("subscription.change_dropped", next.id.any(), json!({ "code": error.code }))?;
    tx.fact(fact.of(next.customer).effective(at));
    Ok(())
}

fn entry(kind: &DueKind, at: Timestamp, subscription: &Subscription) -> Due {
    Due { at, rank: kind.rank, subject: subscription.id.uuid() }
}

/// Lock subscriptions after their customers, whose credit their invoices use, and load them.
fn lock_and_load(tx: &mut Tx<'_>, subjects: &[Uuid]) -> Result<Vec<Subscription>> {
    let ids: Vec<SubscriptionId> = subjects.iter().copied().map(SubscriptionId::from_uuid).collect();
    let customers: BTreeSet<CustomerId> =
        ops::load(tx, ids.clone())?.iter().map(|subscription| subscription.customer).collect();
    customer::lock_all(tx, &customers.into_iter().collect::<Vec<_>>())?;
    tx.lock_all(&ops::LOCK, &ids)?;
    ops::load(tx, ids)
}

type Versions = BTreeMap<BookVersionId, Arc<Version>>;

/// The price book versions the subscriptions agreed to, in one query.
fn versions(tx: &mut Tx<'_>, subscriptions: &[Subscription]) -> Result<Versions> {
    let books: BTreeSet<BookVersionId> = subscriptions.iter().map(|subscription| subscription.book).collect();
    let found = version::many(tx, books.into_iter().collect())?;
    Ok(found.into_iter().map(|version| (version.id, version)).collect())
}

fn version_of<'v>(versions: &'v Versions, subscription: &Subscription) -> Result<&'v Version> {
    let gone = || Error::internal(format!("the price book version of {} is gone", subscription.id));
    versions.get(&subscription.book).map(|version| &**version).ok_or_else(gone)
}

/// End the trials that end at `at`.
fn end_trials(tx: &mut Tx<'_>, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    let mut ending = lock_and_load(tx, subjects)?;
    ending.retain(|subscription| ops::waiting(subscription) == Some(entry(&TRIAL_END, at, subscription)));
    ending.sort_by_key(|subscription| (subscription.customer, subscription.id));
    let (versions, in_force) = (versions(tx, &ending)?, version::in_force(tx)?);
    let (mut drafts, mut next) = (Vec::new(), Vec::new());
    for subscription in &ending {
        let Renewal { subscription: ended, draft, dropped } =
            rules::trial::end(subscription, version_of(&versions, subscription)?, &in_force)?;
        say_dropped(tx, &ended, dropped, at)?;
        save(tx, &ended)?;
        let invoice = draft.map(|draft| (tx.new_id(), draft));
        let payload = json!({
            "state": ended.state.word(),
            "plan": ended.plan(),
            "converted": subscription.has_method,
            "invoice": invoice.as_ref().map(|(id, _): &(InvoiceId, _)| id),
        });
        let fact = NewFact::new("subscription.trial_ended", ended.id.any(), payload)?;
        tx.fact(fact.of(ended.customer).effective(at));
        drafts.extend(invoice);
        next.extend(ops::waiting(&ended));
    }
    due::put(tx, &next)?;
    invoice::issue(tx, drafts, at).map(drop)
}

/// State that trials are to be reminded of. What is sent is the business of messages.
fn remind(tx: &mut Tx<'_>, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    let ids = subjects.iter().copied().map(SubscriptionId::from_uuid).collect();
    let mut trying = ops::load(tx, ids)?;
    trying.retain(|subscription| subscription.state == State::Trialing);
    let versions = versions(tx, &trying)?;
    for subscription in &trying {
        let Some(trial) = &version_of(&versions, subscription)?.book.trial else { continue };
        let reminders = rules::trial::reminders(trial, subscription)?;
        // An extension moves reminders: one that is no longer due is not stated.
        let Some((_, days)) = reminders.into_iter().find(|(due, _)| *due == at) else { continue };
        let payload = json!({ "days": days, "trial_end": subscription.billed_through.at });
        let fact = NewFact::new("subscription.trial_reminder", subscription.id.any(), payload)?;
        tx.fact(fact.of(subscription.customer).effective(at));
    }
    Ok(())
}
