//! Hearing what happened since the last look, once for all who wait.

use std::{
    pin::pin,
    sync::{
        Mutex as Held, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use kernel::{Result, ids::CustomerId};
use store::{Db, Headline, Scope, View, facts};
use tokio::sync::{Mutex, Notify};

/// Facts that are read at once; when there are more, anything may have changed.
const AT_ONCE: i64 = 500;

/// Facts of these kinds say what there is, or what somebody agreed to or may use,
const KINDS: [&str; 5] = ["book.", "customer.", "flag.", "override.", "subscription."];
/// but for those that say what was counted or billed.
const BUT: [&str; 2] = ["subscription.usage_billed", "subscription.usage_posted"];

/// Whether after a fact of this kind somebody may be entitled to something else than before. A bill run states
/// thousands of others.
pub fn may_change(kind: &str) -> bool {
    KINDS.iter().any(|start| kind.starts_with(start)) && !BUT.contains(&kind)
}

/// What facts say has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Anything may have.
    pub(super) everything: bool,
    /// The price book in force.
    pub(super) book: bool,
    /// A flag.
    pub(super) flags: bool,
    /// Who customers are, so that a name may lead to one that led to none.
    pub(super) names: bool,
    /// These customers, or what they agreed to.
    pub(super) customers: Vec<CustomerId>,
}

impl Changes {
    fn of(told: &[Headline]) -> Self {
        let mut changes = Self::default();
        for Headline { kind, subject, customer, .. } in told.iter().filter(|told| may_change(&told.kind)) {
            changes.book |= kind.starts_with("book.");
            changes.flags |= kind.starts_with("flag.");
            changes.names |= kind.starts_with("customer.");
            changes.customers.extend(customer);
            if subject.prefix == "cus" {
                changes.customers.push(CustomerId::from_uuid(subject.uuid));
            }
        }
        changes
    }
}

/// Follows the facts of one environment.
///
/// Whoever asks takes a number, and a look that begins after that answers it. One looks at a time, for all who came
/// before it began; the others wait for it, and all are woken at once.
#[derive(Default)]
pub(super) struct Fresh {
    asked: AtomicU64,
    /// Who asked before this number is answered.
    answered: AtomicU64,
    /// Everything up to this fact was heard; none before the first look. Whoever holds it looks.
    followed: Mutex<Option<i64>>,
    looked: Notify,
    /// Business time of the last look, for those it answered.
    standing: Held<Timestamp>,
}

/// Wakes those who wait, also when a look fails or is given up: then one of them looks.
struct Wake<'a>(&'a Notify);

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

impl Fresh {
    /// When this returns, `heed` was called with everything that was committed before the call. Business time at the
    /// look.
    pub(super) async fn look(
        &self,
        db: &Db,
        scope: &Scope,
        heed: &(dyn Fn(&Changes) + Sync),
    ) -> Result<Timestamp> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst);
        loop {
            // Listening begins before looking whether there is anything to wait for.
            let mut woken = pin!(self.looked.notified());
            woken.as_mut().enable();
            if self.answered.load(Ordering::SeqCst) > mine {
                return Ok(*self.standing());
            }
            // Dropped after the lock, so that whoever is woken finds it free.
            let _wake;
            let Ok(mut followed) = self.followed.try_lock() else {
                woken.await;
                continue;
            };
            _wake = Wake(&self.looked);
            if self.answered.load(Ordering::SeqCst) > mine {
                return Ok(*self.standing());
            }
            let all = self.asked.load(Ordering::SeqCst);
            let after = *followed;
            let (seq, changes, now) = db.read(scope, move |view| told(view, after)).await?;
            heed(&changes);
            *followed = Some(seq);
            *self.standing() = now;
            self.answered.store(all, Ordering::SeqCst);
            return Ok(now);
        }
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Timestamp> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happened after a fact, and up to which one. Before the first look nothing is kept that could have changed.
fn told(view: &mut View<'_>, after: Option<i64>) -> Result<(i64, Changes, Timestamp)> {
    let told = match after {
        Some(after) => facts::headlines(view, after, AT_ONCE)?,
        None => Vec::new(),
    };
    let whole = after.is_some() && (told.len() as i64) < AT_ONCE;
    if whole {
        let last = told.last().map(|fact| fact.seq).or(after);
        return Ok((last.unwrap_or(0), Changes::of(&told), view.now()));
    }
    Ok((facts::last(view)?, Changes { everything: true, ..Changes::default() }, view.now()))
}
