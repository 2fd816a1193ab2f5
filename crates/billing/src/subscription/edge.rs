//! The edges of periods: trials end, periods that are over are billed in arrears and the next ones in advance, all
//! that falls due for a customer at an instant together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use catalog::version::{self, Version};
use identity::customer;
use jiff::Timestamp;
use jobs::due::{self, Due, DueKind};
use kernel::{
    Error, Money, Result,
    ids::{BookVersionId, CustomerId, InvoiceId, SubscriptionId},
};
use metering::double::Settled;
use serde_json::json;
use store::{NewFact, Tx, View};
use uuid::Uuid;

use super::{
    model::{State, Subscription},
    ops,
    rules::{self, Ready, Renewal, arrears::Usage, late::Late},
};
use crate::{
    bill_run::{self, Bill, Bills, Books, Carry},
    charge::{self, Charge},
    coupon,
    credit_note::{self, Cause, Credit},
    invoice::{self, Invoice},
    usage,
};

/// A reminder that a trial ends.
pub(crate) const TRIAL_REMINDER: DueKind =
    DueKind { rank: 10, name: "subscription.trial_reminder", handler: remind };

/// The edge of a period of a customer's subscriptions.
pub(crate) const EDGE: DueKind = DueKind { rank: 50, name: "subscription.edge", handler: pass };

/// Everything the edges of some subscriptions rest on, loaded in a few queries.
pub(crate) struct Loaded {
    versions: BTreeMap<BookVersionId, Arc<Version>>,
    in_force: Arc<Version>,
    usage: HashMap<SubscriptionId, Usage>,
    late: HashMap<SubscriptionId, Vec<Late>>,
    charges: HashMap<SubscriptionId, Vec<Charge>>,
    /// What is known of the stretches that are over and not billed yet.
    closing: HashMap<SubscriptionId, Usage>,
}

impl Loaded {
    pub(crate) fn load(view: &mut View<'_>, subscriptions: &[Subscription]) -> Result<Self> {
        let versions = versions(view, subscriptions)?;
        let in_force = version::in_force(view)?;
        let of = |one: &Subscription| versions.get(&one.book).cloned();
        let measured: Vec<(&Subscription, Arc<Version>)> = subscriptions
            .iter()
            .filter_map(|one| Some((one, of(one)?)))
            .filter(|(one, version)| rules::arrears::has_arrears(one, version))
            .collect();
        let usage = usage::known::open(view, &measured)?;
        let late = usage::known::late(view, subscriptions.iter().map(|one| one.id).collect())?;
        let charges = charge::pending(view, subscriptions.iter().map(|one| one.id).collect())?;
        let closing = usage::known::closing(view, subscriptions, &versions)?;
        Ok(Self { versions, in_force, usage, late, charges, closing })
    }

    /// What happens at a subscription's edge, decided.
    pub(crate) fn decide(&self, subscription: &Subscription) -> Result<Renewal> {
        let agreed = version_of(&self.versions, subscription)?;
        let none = Usage::none(subscription.currency);
        let closing = subscription.closing.as_ref().and_then(|closing| self.versions.get(&closing.book));
        let known = self.closing.get(&subscription.id).unwrap_or(&none);
        let ready = Ready {
            subscription,
            agreed,
            in_force: &self.in_force,
            usage: self.usage.get(&subscription.id).unwrap_or(&none),
            late: self.late.get(&subscription.id).map_or(&[], Vec::as_slice),
            charges: self.charges.get(&subscription.id).map_or(&[], Vec::as_slice),
            closing: closing.map(|version| (&**version, known)),
        };
        match subscription.state {
            _ if !subscription.runs() => rules::closing::cut(&ready),
            _ if subscription.next_due().at < subscription.next_edge().at => rules::closing::cut(&ready),
            State::Trialing => rules::trial::end(&ready),
            _ => rules::renew(&ready),
        }
    }

    /// What the price book of a subscription says about its invoices.
    pub(crate) fn books(&self, subscription: &Subscription) -> Result<Books> {
        let billing = &version_of(&self.versions, subscription)?.book.billing;
        let carry = billing.carry_over.as_ref().and_then(|carry| {
            let (_, below) = carry.below.iter().find(|(currency, _)| *currency == subscription.currency)?;
            let below = Money::from_exact_major(&below.exact(), subscription.currency).ok()?;
            Some(Carry { below, periods: carry.periods })
        });
        Ok(Books {
            apart: billing.invoices == catalog::Invoices::PerSubscription,
            skips_zero: billing.zero_invoices == catalog::ZeroInvoices::Skip,
            tax_rounding: billing.tax_rounding,
            carry,
        })
    }

    /// Go on as if a subscription had passed its edge: what was known of it is billed, and it may be on the version
    /// in force.
    pub(crate) fn passed(&mut self, before: &Subscription, renewal: &Renewal) -> Result<()> {
        let none = Usage::none(before.currency);
        self.late.remove(&before.id);
        for place in charge::places(&renewal.owed.lines) {
            if let Some(waiting) = self.charges.get_mut(&before.id) {
                waiting.retain(|charge| charge.ordinal != place);
            }
        }
        self.closing.remove(&before.id);
        let next = &renewal.subscription;
        if renewal.at != before.next_edge() || !before.runs() {
            return Ok(()); // only what waited was billed
        }
        let known = self.usage.get(&before.id).unwrap_or(&none);
        if next.closing.is_some() {
            self.closing.insert(before.id, known.clone());
        }
        let after = known.after(before, version_of(&self.versions, before)?, renewal)?;
        self.usage.insert(before.id, after);
        self.versions.entry(self.in_force.id).or_insert_with(|| self.in_force.clone());
        Ok(())
    }
}

/// What happens at the next edge of a running subscription if nothing else happens before, by the decision that is
/// made then.
///
/// Errors: `internal` for one that does not run; those of prices that are gone.
pub fn at_edge(view: &mut View<'_>, subscription: &Subscription) -> Result<Renewal> {
    if ops::waiting(subscription).is_none() {
        return Err(Error::internal("a subscription that does not run has no edge"));
    }
    Loaded::load(view, std::slice::from_ref(subscription))?.decide(subscription)
}

/// What happens at the next edges of a running subscription, at most `most` of them, if nothing else happens before,
/// by the decisions that are made then. Usage that is not measured yet counts as nothing. Empty for one that does not
/// run; an edge that cannot be decided ends it.
///
/// Errors: those of loading.
pub fn foresee(view: &mut View<'_>, subscription: &Subscription, most: usize) -> Result<Vec<Renewal>> {
    let mut loaded = Loaded::load(view, std::slice::from_ref(subscription))?;
    let (mut all, mut before) = (Vec::new(), subscription.clone());
    while all.len() < most && ops::waiting(&before).is_some() {
        let Ok(renewal) = loaded.decide(&before) else { break };
        loaded.passed(&before, &renewal)?;
        before = renewal.subscription.clone();
        all.push(renewal);
    }
    Ok(all)
}

/// Pass the edges of customers' subscriptions that fell due at `at`. What was passed already is left alone, so a
/// repeated entry bills nothing twice.
fn pass(tx: &mut Tx<'_>, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    let customers: Vec<CustomerId> = subjects.iter().copied().map(CustomerId::from_uuid).collect();
    // Whoever changes a subscription holds its customer.
    customer::lock_all(tx, &customers)?;
    let due_now = ops::due_at(tx, customers, at)?;
    if due_now.is_empty() {
        return Ok(());
    }
    let loaded = Loaded::load(tx, &due_now)?;
    let run = bill_run::open(tx, at)?;
    let billed: BTreeSet<CustomerId> = due_now.iter().map(|one| one.customer).collect();
    let waiting = invoice::carried(tx, billed.into_iter().collect())?;
    let (mut bills, mut credits) = (Bills::new(Some(run.id), waiting), Vec::new());
    let decided = due_now.iter().map(|before| loaded.decide(before)).collect::<Result<Vec<_>>>()?;
    let mut passed = Vec::with_capacity(decided.len());
    let (mut once, mut uses, mut unbilled) = (Vec::new(), Vec::new(), Vec::new());
    for (before, Renewal { subscription: after, owed, dropped, .. }) in due_now.iter().zip(decided) {
        say_dropped(tx, &after, dropped, at)?;
        let places = charge::places(&owed.lines);
        credits.extend(owed.credits);
        let (settled, books) = (owed.settled, loaded.books(before)?);
        unbilled.extend(owed.unbilled);
        if books.leaves_out(&owed.lines) {
            unbilled.extend(owed.lines.iter().filter(|line| line.kind.is_rated_late()).cloned());
        }
        let invoice = bills.add(books, &after, owed.lines, at, || tx.new_id());
        if let Some(invoice) = invoice {
            once.extend(places.into_iter().map(|place| (after.id, place, invoice)));
            uses.extend(coupon::uses(before, &after, invoice));
        }
        tx.fact(fact(before, &after, invoice, &settled)?.of(after.customer).effective(at));
        passed.push(after);
    }
    let changes: Vec<(&Subscription, &Subscription)> = due_now.iter().zip(&passed).collect();
    ops::save_all(tx, &changes)?;
    let next: BTreeSet<Due> = passed.iter().filter_map(ops::waiting).collect();
    due::put(tx, &next.into_iter().collect::<Vec<_>>())?;
    charge::billed(tx, &once)?;
    coupon::used(tx, &uses)?;
    usage::keep_unbilled(tx, &unbilled)?;
    usage::known::settled(tx, &loaded.late.keys().copied().collect::<Vec<_>>())?;
    let invoices = issue(tx, credits, bills, at)?;
    bill_run::count(tx, run, due_now.len(), &invoices, at)
}

/// Issue credit notes, then the invoices, which use the credit; what is over too little waits as a draft.
fn issue(tx: &mut Tx<'_>, credits: Vec<Credit>, bills: Bills, at: Timestamp) -> Result<Vec<Invoice>> {
    let ((issued, waiting), _) = bills.split(at, |draft| Ok(invoice::assessed(tx, draft.clone())?.1))?;
    let replaced = issued.iter().chain(&waiting).filter(|bill| bill.replaces);
    invoice::forget(tx, replaced.map(|bill| bill.id).collect())?;
    invoice::carry(tx, waiting.into_iter().map(Bill::carried).collect())?;
    credit_note::issue_for(tx, credits, Cause::Usage, at)?;
    invoice::issue(tx, issued.into_iter().map(|bill| (bill.id, bill.draft)).collect(), at)
}

/// What happened to a subscription at an edge.
fn fact(
    before: &Subscription,
    after: &Subscription,
    invoice: Option<InvoiceId>,
    settled: &[Settled],
) -> Result<NewFact> {
    let period = || {
        json!({
            "invoice": invoice,
            "period_start": after.period.start.at,
            "period_end": after.period.end.at,
        })
    };
    let items = || ops::items_said(after);
    let (kind, payload) = match (before.state, after.state) {
        (State::Trialing, state) => (
            "subscription.trial_ended",
            json!({
                "state": state.word(),
                "book": after.book,
                "items": items(),
                "plan": after.plan(),
                "converted": before.has_method && state == State::Active,
                "invoice": invoice,
            }),
        ),
        (State::Scheduled, State::Active) => ("subscription.begun", period()),
        (before, State::Canceled) if before != State::Canceled => {
            ("subscription.canceled", json!({ "invoice": invoice }))
        }
        (before, State::Expired) if before != State::Expired => {
            ("subscription.expired", json!({ "invoice": invoice }))
        }
        _ if before.period == after.period => (
            "subscription.usage_billed",
            json!({ "invoice": invoice, "usage_from": after.rhythm.map(|rhythm| rhythm.stretch.start.at) }),
        ),
        _ if before.items != after.items || before.book != after.book => (
            "subscription.renewed",
            json!({
                "invoice": invoice,
                "period_start": after.period.start.at,
                "period_end": after.period.end.at,
                "items": items(),
                "plan": after.plan(),
                "quantity": after.plan_quantity(),
                "book": after.book,
            }),
        ),
        _ => ("subscription.renewed", period()),
    };
    NewFact::new(kind, after.id.any(), usage::with_settled(payload, settled)?)
}

/// State that a scheduled change could not be made.
fn say_dropped(tx: &mut Tx<'_>, next: &Subscription, dropped: Option<Error>, at: Timestamp) -> Result<()> {
    let Some(error) = dropped else { return Ok(()) };
    let fact = NewFact::new("subscription.change_dropped", next.id.any(), json!({ "code": error.code }))?;
    tx.fact(fact.of(next.customer).effective(at));
    Ok(())
}

/// The price book versions the subscriptions agreed to, in one query.
fn versions(
    view: &mut View<'_>,
    subscriptions: &[Subscription],
) -> Result<BTreeMap<BookVersionId, Arc<Version>>> {
    let closing = subscriptions.iter().filter_map(|one| one.closing.as_ref().map(|closing| closing.book));
    let books: BTreeSet<BookVersionId> = subscriptions.iter().map(|one| one.book).chain(closing).collect();
    let found = version::many(view, books.into_iter().collect())?;
    Ok(found.into_iter().map(|version| (version.id, version)).collect())
}

fn version_of<'v>(
    versions: &'v BTreeMap<BookVersionId, Arc<Version>>,
    subscription: &Subscription,
) -> Result<&'v Version> {
    let gone = || Error::internal(format!("the price book version of {} is gone", subscription.id));
    versions.get(&subscription.book).map(|version| &**version).ok_or_else(gone)
}

/// State that trials are to be reminded of, or that so many days went by since they ended. What is sent is the business
/// of messages.
fn remind(tx: &mut Tx<'_>, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    let ids = subjects.iter().copied().map(SubscriptionId::from_uuid).collect();
    let mut tried = ops::load(tx, ids)?;
    tried.retain(|subscription| subscription.trial_end.is_some());
    let versions = versions(tx, &tried)?;
    for subscription in &tried {
        let Some(trial) = &version_of(&versions, subscription)?.book.trial else { continue };
        if subscription.state != State::Trialing {
            say_followed_up(tx, trial, subscription, at)?;
            continue;
        }
        let reminders = rules::trial::reminders(trial, subscription)?;
        // An extension moves reminders: one that is no longer due is not stated.
        let Some((_, days)) = reminders.into_iter().find(|(due, _)| *due == at) else { continue };
        let payload = json!({ "days": days, "trial_end": subscription.billed_through.at });
        let fact = NewFact::new("subscription.trial_reminder", subscription.id.any(), payload)?;
        tx.fact(fact.of(subscription.customer).effective(at));
    }
    Ok(())
}

/// State that so many days went by since a trial ended, and what became of it.
fn say_followed_up(
    tx: &mut Tx<'_>,
    trial: &catalog::Trial,
    subscription: &Subscription,
    at: Timestamp,
) -> Result<()> {
    // One that was converted early, or extended, ended at another time.
    let follow_ups = rules::trial::follow_ups(trial, subscription)?;
    let Some((_, days)) = follow_ups.into_iter().find(|(due, _)| *due == at) else { return Ok(()) };
    let payload = json!({ "days": days, "state": subscription.state.word(), "plan": subscription.plan() });
    let fact = NewFact::new("subscription.trial_follow_up", subscription.id.any(), payload)?;
    tx.fact(fact.of(subscription.customer).effective(at));
    Ok(())
}
