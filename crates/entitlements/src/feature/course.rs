//! Whether a subscription gives access, and what becomes of that by itself. The one place that says so: features ask it
//! here, and whoever limits use asks the same.

use billing::subscription::{State, Subscription};
use catalog::{Book, WithoutMethod};
use jiff::Timestamp;

/// How it stands with the access a subscription gives, and how that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Whether it gives access; a suspended or paused one does not.
    pub access: bool,
    /// What happens to it by itself, and when, the soonest first: access follows that instant, and not the job that writes
    /// it down (domain rules §2).
    pub turns: Vec<(Timestamp, Turn)>,
}

/// What happens to a subscription by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is over.
    Ends,
    /// Access is off.
    Suspends,
    /// It goes on with this plan, and without add-ons.
    MovesTo(String),
}

impl Turn {
    fn plan(&self) -> Option<&str> {
        match self {
            Self::MovesTo(plan) => Some(plan),
            Self::Ends | Self::Suspends => None,
        }
    }
}

/// How a subscription stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand<'c> {
    /// It is over.
    Over,
    /// Its access is off.
    Off,
    /// It gives access.
    Runs {
        /// It has moved to this plan, and has no add-ons; none: it has what was agreed to.
        moved_to: Option<&'c str>,
    },
}

impl Course {
    /// Of a subscription under its price book; none when it is over or has not begun. One that is past due gives access
    /// until dunning ends its grace and suspends or cancels it.
    pub fn of(subscription: &Subscription, book: &Book) -> Option<Self> {
        let access = access(subscription.state)?;
        Some(Self { access, turns: turns(subscription, book) })
    }

    /// How it stands at an instant.
    pub fn at(&self, now: Timestamp) -> Stand<'_> {
        let past = || self.turns.iter().filter(move |(at, _)| *at <= now).map(|(_, turn)| turn);
        if past().any(|turn| *turn == Turn::Ends) {
            return Stand::Over;
        }
        if !self.access || past().any(|turn| *turn == Turn::Suspends) {
            return Stand::Off;
        }
        let moved_to = past().filter_map(Turn::plan).next_back();
        Stand::Runs { moved_to }
    }

    /// When something happens to it next, after an instant.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.turns.iter().map(|(at, _)| *at).find(|at| *at > now)
    }
}

/// Whether a subscription in this state gives access; none when it is over or has not begun.
pub const fn access(state: State) -> Option<bool> {
    match state {
        State::Trialing | State::Active | State::PastDue => Some(true),
        State::Suspended | State::Paused => Some(false),
        State::Scheduled | State::Incomplete | State::Canceled | State::Expired => None,
    }
}

fn turns(subscription: &Subscription, book: &Book) -> Vec<(Timestamp, Turn)> {
    let mut turns = Vec::new();
    let trial = subscription.trial_end.filter(|_| subscription.state == State::Trialing);
    if let Some(end) = trial.filter(|_| !subscription.has_method) {
        match book.trial.as_ref().map(|trial| &trial.without) {
            Some(WithoutMethod::Suspend) => turns.push((end.at, Turn::Suspends)),
            Some(WithoutMethod::Cancel) => turns.push((end.at, Turn::Ends)),
            Some(WithoutMethod::Downgrade { plan }) => turns.push((end.at, Turn::MovesTo(plan.clone()))),
            None => {}
        }
    }
    if let Some(ends) = subscription.ends {
        turns.push((ends, Turn::Ends));
    }
    turns.sort_by_key(|(at, _)| *at);
    turns
}
