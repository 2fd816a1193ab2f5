//! The groups of an owner that are not durable yet: one is being committed, and meanwhile the next one is decided, joined
//! by whatever is asked until its turn comes.
//!
//! Memory is ahead of what is stored by both. So nothing that either may write is read from the database: it is in memory,
//! or both are waited for. When one fails, what was decided on top of it fails with it, and memory is dropped.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use jiff::Timestamp;
use kernel::{Error, Result};
use store::{Pending, View};

use super::{
    State,
    ask::{Ask, Settle},
    book::{Draft, Group},
    decide::Answered,
    worker::{PULSE, Worker},
};
use crate::{log, usage::Tally};

/// The groups that are not durable yet.
pub struct Groups {
    under_way: Option<UnderWay>,
    /// Decided while another is being committed, or just now.
    next: Option<Next>,
    /// Rings when what is being committed has arrived.
    waker: Waker,
    bell: Receiver<()>,
}

/// A group that is being committed, and those who wait for it.
struct UnderWay {
    commit: Commit,
    until: Timestamp,
    settles: Vec<Settle>,
}

enum Commit {
    OnItsWay(Pending<()>),
    Ended(Result<()>),
}

/// A group that is decided and not committed yet.
pub struct Next {
    /// What it will write.
    pub draft: Draft,
    /// What it answered to names and holds.
    pub answered: Answered,
    /// Those who wait for it.
    pub settles: Vec<Settle>,
    /// Events of large asks in it.
    pub large: usize,
}

/// What an owner was woken by.
pub enum Woken {
    /// Somebody asks.
    Asked,
    /// What was being committed has arrived.
    Arrived,
    /// Nothing, for a while.
    Idle,
}

struct Bell(Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // It rings already.
        let _ = self.0.try_send(());
    }
}

impl Default for Groups {
    fn default() -> Self {
        let (ring, bell) = bounded(1);
        Self { under_way: None, next: None, waker: Arc::new(Bell(ring)).into(), bell }
    }
}

impl Groups {
    /// Whether everything is durable.
    pub const fn is_empty(&self) -> bool {
        self.under_way.is_none() && self.next.is_none()
    }

    /// The group that is joined by what is asked, if one is decided already.
    pub const fn next(&self) -> Option<&Next> {
        self.next.as_ref()
    }

    /// The group that is joined by what is asked.
    pub fn next_or(&mut self, draft: impl FnOnce() -> Result<Draft>) -> Result<&mut Next> {
        let next = match self.next.take() {
            Some(next) => next,
            None => Next { draft: draft()?, answered: Answered::default(), settles: Vec::new(), large: 0 },
        };
        Ok(self.next.insert(next))
    }

    /// Whether there is something to do: what was being committed has arrived, or what is decided can be. If not, the
    /// bell rings when there is.
    fn is_due(&mut self) -> bool {
        let Some(UnderWay { commit, .. }) = &mut self.under_way else { return self.next.is_some() };
        if let Commit::OnItsWay(pending) = commit
            && let Poll::Ready(ended) = Pin::new(pending).poll(&mut Context::from_waker(&self.waker))
        {
            *commit = Commit::Ended(ended);
        }
        matches!(commit, Commit::Ended(_))
    }
}

impl Commit {
    /// How it ends, once it has.
    fn wait(self) -> Result<()> {
        match self {
            Self::OnItsWay(pending) => pending.wait(),
            Self::Ended(ended) => ended,
        }
    }
}

impl Worker {
    /// Wait until somebody asks, who is put among those waiting, or what is being committed arrives.
    pub(super) fn wake(&self, waiting: &mut VecDeque<Ask>) -> Woken {
        let groups = self.groups.borrow();
        select! {
            recv(self.asks) -> ask => ask.map_or(Woken::Idle, |ask| {
                waiting.push_back(ask);
                Woken::Asked
            }),
            recv(groups.bell) -> _ => Woken::Arrived,
            default(PULSE) => Woken::Idle,
        }
    }

    /// When something is decided already, wait until it can be committed: whoever comes meanwhile goes with it.
    pub(super) fn wait_for_turn(&self) {
        let Groups { under_way, next, .. } = &mut *self.groups.borrow_mut();
        if let (Some(under_way), Some(_)) = (under_way.as_mut(), next)
            && let Commit::OnItsWay(pending) = &mut under_way.commit
        {
            let pending = std::mem::replace(pending, Pending::done(Ok(())));
            under_way.commit = Commit::Ended(pending.wait());
        }
    }

    /// Commit what is decided, unless another group still is being committed. Between two groups memory is kept within its
    /// bounds: what one of them found there stays until it is sent.
    pub(super) fn advance(&self) {
        while self.groups.borrow_mut().is_due() {
            // Whoever waits for it is told; what comes next finds out by itself.
            let _ = self.turn();
            self.keep_small();
        }
    }

    /// Everything decided before is stored, and whoever waited for it was told.
    ///
    /// Errors: why it could not be; memory is dropped then.
    pub(super) fn settled(&self) -> Result<()> {
        self.turn()?;
        self.turn()
    }

    /// Wait for the group that is being committed, if there is one, and begin to commit the next one.
    ///
    /// Errors: why it could not be; memory is dropped then.
    pub(super) fn turn(&self) -> Result<()> {
        let (under_way, next) = {
            let mut groups = self.groups.borrow_mut();
            (groups.under_way.take(), groups.next.take())
        };
        let (result, settles) = match under_way {
            Some(UnderWay { commit, until, settles }) => {
                let result = commit.wait();
                match &result {
                    Ok(()) => _ = self.inside(|held| held.until = until),
                    Err(_) => self.station.hold(None),
                }
                (result, settles)
            }
            None => (Ok(()), Vec::new()),
        };
        // The next one first: whoever is told has time.
        if let Some(next) = next {
            match &result {
                Ok(()) => self.send(next),
                Err(error) => next.fail(error),
            }
        }
        settles.into_iter().for_each(|settle| settle(result.as_ref().err()));
        result
    }

    /// Begin to commit a group.
    fn send(&self, next: Next) {
        let Next { mut draft, settles, .. } = next;
        let finished = self.count_anew(&mut draft).and_then(|()| {
            self.inside(|held| {
                (Group { state: &mut held.state, draft: &mut draft }.finish(), self.stand(held))
            })
        });
        match finished {
            Ok((rows, _)) if rows.is_empty() => settles.into_iter().for_each(|settle| settle(None)),
            Ok((rows, stand)) => {
                let (until, commit) = (stand.until, self.begin(rows, stand));
                let commit = Commit::OnItsWay(commit);
                self.groups.borrow_mut().under_way = Some(UnderWay { commit, until, settles });
            }
            Err(error) => {
                self.station.hold(None);
                settles.into_iter().for_each(|settle| settle(Some(&error)));
            }
        }
    }

    /// Drop what is decided and not committed, and memory, which is ahead of what is stored.
    pub(super) fn fail(&self, error: &Error) {
        self.station.hold(None);
        let next = self.groups.borrow_mut().next.take();
        if let Some(next) = next {
            next.fail(error);
        }
    }

    /// Tallies that could not follow are counted anew from the log and what a group adds to it. What was before it is
    /// stored.
    pub(super) fn count_anew(&self, draft: &mut Draft) -> Result<()> {
        for ((series, hour), aggregation) in std::mem::take(&mut draft.anew) {
            let before = draft.chunk_before(series, hour);
            let stored = move |view: &mut View<'_>| log::hour_entries(view, before, i64::MAX);
            let mut entries = self.db.read(&self.station.scope, stored).wait()?;
            entries.extend(draft.added(series, hour));
            let samples = log::samples(&log::standing(entries));
            self.inside(|held| {
                if let Some(stored) = held.state.hours.get_mut(&(series, hour)) {
                    stored.tally = Tally::of(aggregation, samples);
                }
            })?;
        }
        Ok(())
    }

    /// Keep memory within its bounds.
    pub(super) fn keep_small(&self) {
        if let Some(held) = self.station.held().as_mut() {
            held.state.shrink(self.options.memory);
        }
    }

    /// Whether there are so many names in memory that they are to be sealed.
    pub(super) fn is_full(&self) -> bool {
        let full = |State { names, .. }: &State| names.open() >= self.options.seal_at && !names.is_closing();
        self.station.held().as_ref().is_some_and(|held| full(&held.state))
    }
}

impl Next {
    fn fail(self, error: &Error) {
        self.settles.into_iter().for_each(|settle| settle(Some(error)));
    }
}
