//! What metering asks about customers and subscriptions, answered from identity, billing and the price book.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use billing::subscription::{self, ItemKind, Subscription};
use catalog::{Book, version};
use entitlements::{
    Metered,
    feature::{Course, Stand},
};
use identity::{CustomerRef, customer};
use kernel::{
    AnyId, Exact, Kind, Result,
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

/// Each subject in turn; books and accounts are read once each.
fn resolve_all(view: &mut View<'_>, subjects: &[String]) -> Result<Vec<Option<Resolved>>> {
    let mut books = HashMap::new();
    let metered = Metered::read(view)?;
    let mut accounts: HashMap<CustomerId, Arc<Account>> = HashMap::new();
    let mut resolved = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let Some((customer, subscription)) = whom(view, subject)? else {
            resolved.push(None);
            continue;
        };
        let account = match accounts.get(&customer) {
            Some(account) => Arc::clone(account),
            None => {
                let account = Arc::new(account(view, customer, &mut books, &metered)?);
                accounts.insert(customer, Arc::clone(&account));
                account
            }
        };
        resolved.push(Some(Resolved { account, subscription }));
    }
    Ok(resolved)
}

/// A subject is an id of ours, or the merchant's own of a subscription or a customer, in this order.
fn whom(view: &mut View<'_>, subject: &str) -> Result<Option<(CustomerId, Option<SubscriptionId>)>> {
    let own = subject.strip_prefix("ext:").unwrap_or(subject);
    let reference = match subject.parse::<SubscriptionId>() {
        Ok(_) => subject.to_owned(),
        Err(_) => format!("ext:{own}"),
    };
    if let Some(id) = known(subscription::resolve(view, &reference))?
        && let Some(found) = known(subscription::find(view, id))?
    {
        return Ok(Some((found.customer, Some(id))));
    }
    let found = match subject.parse::<CustomerId>() {
        Ok(id) => customer::find(view, id).map(|customer| customer.id),
        Err(_) => customer::resolve(view, &CustomerRef::External(own.to_owned())),
    };
    Ok(known(found)?.map(|id| (id, None)))
}

/// Nobody of that name is no fault.
fn known<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind, Kind::NotFound | Kind::Invalid) => Ok(None),
        Err(error) => Err(error),
    }
}

fn account(
    view: &mut View<'_>,
    id: CustomerId,
    books: &mut HashMap<BookVersionId, Arc<Book>>,
    metered: &Metered,
) -> Result<Account> {
    let customer = customer::find(view, id)?;
    let (mut agreements, mut turns, now) = (Vec::new(), Vec::new(), view.now());
    for subscription in subscription::of_customer(view, id)?.into_iter().filter(|one| !one.is_over()) {
        let book = match books.get(&subscription.book) {
            Some(book) => Arc::clone(book),
            None => {
                let book = Arc::clone(&version::find(view, subscription.book)?.book);
                books.insert(subscription.book, Arc::clone(&book));
                book
            }
        };
        let Some(course) = Course::of(&subscription, &book) else { continue };
        turns.extend(course.next(now));
        match course.at(now) {
            Stand::Over => {}
            Stand::Off => agreements.push(agreement(subscription, book, false, None)),
            Stand::Runs { moved_to } => agreements.push(agreement(subscription, book, true, moved_to)),
        }
    }
    agreements.sort_unstable_by_key(|agreement| agreement.subscription);
    let entitlements::Beside { amounts, withheld, until } = metered.of(view, id)?;
    let beside = Beside { amounts, withheld, until: until.into_iter().chain(turns).min() };
    Ok(Account { customer: id, zone: customer.zone, agreements, beside })
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
