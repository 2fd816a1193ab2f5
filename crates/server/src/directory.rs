//! What metering asks about customers and subscriptions, answered from identity, billing and the price book.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use billing::subscription::{self, ItemKind, Subscription};
use catalog::{Book, version};
use entitlements::{
    Metered,
    feature::{Course, Stand},
};
use identity::{Customer, customer};
use jiff::Timestamp;
use kernel::{
    AnyId, Error, Exact, Result, Zone,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use metering::{Account, Agreement, Beside, Changes, Directory, Resolved, event::Meters};
use store::{Db, Heard, Scope, View, facts};

/// The program's own directory.
pub(crate) struct Customers {
    db: Db,
}

impl Customers {
    /// Over the program's database.
    pub(crate) fn new(db: &Db) -> Self {
        Self { db: db.clone() }
    }
}

impl Directory for Customers {
    fn meters(&self, scope: &Scope) -> Result<Arc<Meters>> {
        let versions = self.db.read(scope, subscription::agreed_books).wait()?;
        Ok(Arc::new(Meters::of_books(versions.iter().map(|version| &*version.book))))
    }

    fn resolve(&self, scope: &Scope, subjects: &[String]) -> Result<Vec<Option<Resolved>>> {
        let subjects = subjects.to_vec();
        self.db.read(scope, move |view| resolve_all(view, &subjects)).wait()
    }

    fn changes(&self, scope: &Scope, after: Option<i64>) -> Result<(i64, Changes)> {
        self.db.read(scope, move |view| told(view, after)).wait()
    }
}

/// Facts that are read at once; when there are more, everything may have changed.
const FACTS_AT_ONCE: i64 = 10_000;

/// What the facts after a number say has changed.
fn told(view: &mut View<'_>, after: Option<i64>) -> Result<(i64, Changes)> {
    let Some(after) = after else { return Ok((facts::last(view)?, Changes::default())) };
    let told = facts::headlines(view, after, FACTS_AT_ONCE)?;
    if told.len() as i64 == FACTS_AT_ONCE {
        return Ok((facts::last(view)?, Changes { book: true, everybody: true, ..Changes::default() }));
    }
    let mut changes = Changes::default();
    for fact in &told {
        say(&mut changes, &fact.kind, fact.customer, fact.subject);
    }
    Ok((told.last().map_or(after, |fact| fact.seq), changes))
}

/// What the facts of a transaction say has changed. They are numbered without a gap.
pub(crate) fn heard(facts: &[Heard]) -> Changes {
    let mut changes = Changes::default();
    for fact in facts {
        say(&mut changes, fact.kind, fact.customer, fact.subject);
    }
    let ends = facts.first().and_then(|fact| fact.seq).zip(facts.last().and_then(|fact| fact.seq));
    changes.places.extend(ends);
    changes
}

fn say(changes: &mut Changes, kind: &str, customer: Option<CustomerId>, subject: AnyId) {
    if !entitlements::may_change(kind) {
        return;
    }
    changes.book |= kind.starts_with("book.");
    changes.everybody |= kind.starts_with("flag.");
    changes.customers.extend(customer);
    if subject.prefix == "cus" {
        changes.customers.insert(CustomerId::from_uuid(subject.uuid));
    }
}

/// Whom each subject means, with their accounts: so many queries however many there are.
fn resolve_all(view: &mut View<'_>, subjects: &[String]) -> Result<Vec<Option<Resolved>>> {
    let meant = whom(view, subjects)?;
    let customers: BTreeSet<CustomerId> = meant.iter().flatten().map(|(customer, _)| *customer).collect();
    let accounts = accounts(view, customers.into_iter().collect())?;
    let resolved = |(customer, subscription): Meant| {
        Some(Resolved { account: Arc::clone(accounts.get(&customer)?), subscription })
    };
    Ok(meant.into_iter().map(|meant| meant.and_then(resolved)).collect())
}

/// A customer, and the subscription that was named.
type Meant = (CustomerId, Option<SubscriptionId>);

/// The merchant's own id in a subject.
fn own(subject: &str) -> &str {
    subject.strip_prefix("ext:").unwrap_or(subject)
}

/// A subject is an id of ours, or the merchant's own of a subscription or a customer, in this order.
fn whom(view: &mut View<'_>, subjects: &[String]) -> Result<Vec<Option<Meant>>> {
    let (mut ids, mut external) = (Vec::new(), Vec::new());
    for subject in subjects {
        match subject.parse::<SubscriptionId>() {
            Ok(id) => ids.push(id),
            Err(_) => external.push(own(subject).to_owned()),
        }
    }
    let (whose, named) = (subscription::whose(view, ids)?, subscription::named(view, external)?);
    let subscribed = |subject: &String| match subject.parse::<SubscriptionId>() {
        Ok(id) => whose.get(&id).map(|customer| (*customer, Some(id))),
        Err(_) => named.get(own(subject)).map(|(id, customer)| (*customer, Some(*id))),
    };
    let others = subjects.iter().filter(|subject| subscribed(subject).is_none());
    let customers = Named::find(view, others)?;
    let meant = |subject| subscribed(subject).or_else(|| Some((customers.get(subject)?, None)));
    Ok(subjects.iter().map(meant).collect())
}

/// Customers by what they are called.
#[derive(Default)]
struct Named {
    ids: BTreeSet<CustomerId>,
    external: HashMap<String, CustomerId>,
}

impl Named {
    fn find<'s>(view: &mut View<'_>, subjects: impl Iterator<Item = &'s String>) -> Result<Self> {
        let (mut ids, mut external) = (Vec::new(), Vec::new());
        for subject in subjects {
            match subject.parse::<CustomerId>() {
                Ok(id) => ids.push(id),
                Err(_) => external.push(own(subject).to_owned()),
            }
        }
        let mut named = Self::default();
        if !ids.is_empty() {
            named.ids.extend(customer::load(view, ids)?.into_iter().map(|found| found.id));
        }
        if !external.is_empty() {
            let found = customer::of_external_ids(view, external)?.into_iter();
            named.external.extend(found.filter_map(|found| Some((found.external_id?, found.id))));
        }
        Ok(named)
    }

    fn get(&self, subject: &str) -> Option<CustomerId> {
        match subject.parse::<CustomerId>() {
            Ok(id) => self.ids.contains(&id).then_some(id),
            Err(_) => self.external.get(own(subject)).copied(),
        }
    }
}

fn accounts(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<HashMap<CustomerId, Arc<Account>>> {
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let metered = Metered::read(view)?;
    let mut beside = metered.of(view, &customers)?;
    let mut running: HashMap<CustomerId, Vec<Subscription>> = HashMap::new();
    for subscription in subscription::running_of(view, customers.clone())? {
        running.entry(subscription.customer).or_default().push(subscription);
    }
    let books: BTreeSet<BookVersionId> = running.values().flatten().map(|one| one.book).collect();
    let versions = version::many(view, books.into_iter().collect())?;
    let books: HashMap<BookVersionId, Arc<Book>> =
        versions.iter().map(|version| (version.id, Arc::clone(&version.book))).collect();
    let (found, now) = (customer::load(view, customers)?, view.now());
    let account = |Customer { id, zone, .. }: Customer| {
        let (running, beside) =
            (running.remove(&id).unwrap_or_default(), beside.remove(&id).unwrap_or_default());
        Ok((id, Arc::new(account(id, zone, running, &books, beside, now)?)))
    };
    found.into_iter().map(account).collect()
}

fn account(
    customer: CustomerId,
    zone: Zone,
    running: Vec<Subscription>,
    books: &HashMap<BookVersionId, Arc<Book>>,
    beside: entitlements::Beside,
    now: Timestamp,
) -> Result<Account> {
    let (mut agreements, mut turns) = (Vec::new(), Vec::new());
    for subscription in running {
        let book = books.get(&subscription.book).cloned();
        let book = book.ok_or_else(|| Error::internal("the price book of a subscription is gone"))?;
        let Some(course) = Course::of(&subscription, &book) else { continue };
        turns.extend(course.next(now));
        match course.at(now) {
            Stand::Over => {}
            Stand::Off => agreements.push(agreement(subscription, book, false, None)),
            Stand::Runs { moved_to } => agreements.push(agreement(subscription, book, true, moved_to)),
        }
    }
    agreements.sort_unstable_by_key(|agreement| agreement.subscription);
    let entitlements::Beside { amounts, withheld, until } = beside;
    let beside = Beside { amounts, withheld, until: until.into_iter().chain(turns).min() };
    Ok(Account { customer, zone, agreements, beside })
}

/// A subscription that gives access or not; after it moved to another plan by itself with that one and without add-ons.
fn agreement(subscription: Subscription, book: Arc<Book>, access: bool, moved_to: Option<&str>) -> Agreement {
    let plan = moved_to.unwrap_or_else(|| subscription.plan()).to_owned();
    let bought = |kind| subscription.active_items().filter(move |item| item.kind == kind);
    let quantity = bought(ItemKind::Plan).map(|item| Exact::from(item.quantity)).sum();
    let mut raises: BTreeMap<String, u64> = BTreeMap::new();
    for item in bought(ItemKind::Addon).filter(|_| moved_to.is_none()) {
        let raised = book.addon(&item.key).map(|addon| &addon.raises);
        for (limit, by) in raised.into_iter().flatten() {
            *raises.entry(limit.clone()).or_default() += by * item.quantity.unsigned_abs();
        }
    }
    Agreement {
        subscription: subscription.id,
        plan,
        cycle: subscription.schedule.cycle,
        currency: subscription.currency,
        quantity,
        raises,
        schedule: subscription.schedule.clone(),
        period: subscription.period,
        access,
        book,
    }
}
