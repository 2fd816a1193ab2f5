//! Subscriptions that ran somewhere else before: what they were and from when. Pure.
//!
//! A history is played like a film: each thing that happened makes a subscription as it was then, which is
//! stated as a fact effective then and recorded now. The last picture is what is stored. The past is not
//! billed; whether the running period is, says [`BillFrom`].

use catalog::{Anchor, Book, CycleChange, PlanChange};
use jiff::{SignedDuration, Timestamp, civil::Date};
use kernel::{Cycle, Edge, Error, Period, ProrationUnit, Result, Schedule, Zone, ids::SubscriptionId};
use serde_json::Value as Json;

use super::{Terms, Wanted, arrears, check_agreement, draft, items, lines};
use crate::{
    invoice::Draft,
    subscription::{
        agreement::Agreement,
        history::{Contents, Ends, History, Standing, What},
        model::{BillFrom, State, Subscription, Transition},
    },
};

/// A subscription as it was when something happened to it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The type of the fact.
    pub kind: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// The subscription from then on.
    pub subscription: Subscription,
}

/// What a history comes to.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The subscription as it is now.
    pub subscription: Subscription,
    /// What is billed at once, when the running period (or the past) is to be billed.
    pub draft: Option<Draft>,
    /// What happened, in order of time.
    pub told: Vec<Told>,
}

/// What a history comes to. Pure.
///
/// Errors: `history_invalid` when its instants contradict each other, `transition_illegal`, and those of
/// [`super::start`] for everything it ever was.
pub fn decide(terms: &Terms<'_>, history: &History, id: SubscriptionId, now: Timestamp) -> Result<Recorded> {
    let mut film = Film::open(terms, history, id, now)?;
    for (at, step) in history.steps(now) {
        film.play(at, step)?;
    }
    film.close()
}

fn wrong<T>(pointer: &str, detail: impl Into<String>) -> Result<T> {
    Err(Error::invalid("history_invalid", detail).at(pointer))
}

#[derive(Clone, Copy)]
enum Step<'h> {
    /// The trial's end and what it led to.
    TrialOver(State),
    Happened(&'h What),
    Suspended,
    Canceled,
}

impl History {
    /// The last instant it tells of.
    const fn until(&self, now: Timestamp) -> Timestamp {
        match self.standing {
            Standing::Running => now,
            Standing::Suspended(at) | Standing::Canceled(at) => at,
        }
    }

    fn check(&self, now: Timestamp) -> Result<()> {
        let until = self.until(now);
        if self.started > now {
            return wrong("/start", format!("The start lies in the future; it is {now:.0} here."));
        }
        if until > now {
            return wrong("/end", format!("The end lies in the future; it is {now:.0} here."));
        }
        if until <= self.started && self.standing != Standing::Running {
            return wrong("/end", "The end is not after the start.");
        }
        if self.trial_end.is_some_and(|end| end <= self.started) {
            return wrong("/trial_end", "The trial ends before it begins.");
        }
        match self.events.iter().find(|(at, _)| *at < self.started || *at > until) {
            Some((at, _)) => {
                wrong("/events", format!("What happened on {at} is before the start or after the end."))
            }
            None => Ok(()),
        }
    }

    fn steps(&self, now: Timestamp) -> Vec<(Timestamp, Step<'_>)> {
        let mut steps: Vec<(Timestamp, Step<'_>)> = Vec::with_capacity(self.events.len() + 2);
        let last = match self.standing {
            Standing::Running => None,
            Standing::Suspended(at) => Some((at, Step::Suspended, State::Suspended)),
            Standing::Canceled(at) => Some((at, Step::Canceled, State::Canceled)),
        };
        let over = self.trial_end.filter(|end| *end <= self.until(now));
        let unpaid = last.filter(|(at, ..)| Some(*at) == over);
        if let Some(end) = over {
            steps.push((end, Step::TrialOver(unpaid.map_or(State::Active, |(.., state)| state))));
        }
        steps.extend(self.events.iter().map(|(at, what)| (*at, Step::Happened(what))));
        // Stable: what happens at the same instant stays in this order.
        steps.sort_by_key(|(at, _)| *at);
        if unpaid.is_none() {
            steps.extend(last.map(|(at, step, _)| (at, step)));
        }
        steps
    }
}

/// A history on its way from its start to now.
struct Film<'a> {
    terms: &'a Terms<'a>,
    history: &'a History,
    now: Timestamp,
    /// What it consists of at this point.
    contents: &'a Contents,
    /// Where its periods are counted from at this point.
    anchor: Timestamp,
    subscription: Subscription,
    told: Vec<Told>,
}

impl<'a> Film<'a> {
    fn open(terms: &'a Terms<'a>, history: &'a History, id: SubscriptionId, now: Timestamp) -> Result<Self> {
        history.check(now)?;
        let (book, first, started) = (&terms.version.book, &history.first, history.started);
        let zone = history.zone.as_ref().unwrap_or(&terms.customer.zone);
        let currency = history.currency.unwrap_or(terms.customer.currency);
        let schedule = schedule(book, started, first.cycle, zone);
        let period = match history.trial_end {
            Some(end) => Period { start: Edge::at(started, zone), end: Edge::at(end, zone) },
            None => schedule.first_period(started)?,
        };
        let items = items(book, &first.wanted(), first.cycle, currency)?;
        let subscription = Subscription {
            id,
            entity: terms.entity.id,
            customer: terms.customer.id,
            external_id: history.external_id.clone(),
            book: terms.version.id,
            state: if history.trial_end.is_some() { State::Trialing } else { State::Active },
            currency,
            peak: items.first().map_or(0, |plan| plan.quantity),
            items,
            schedule,
            started,
            period,
            billed_through: period.end,
            // Usage in a trial is one stretch; what was used later was billed elsewhere.
            arrears_from: if history.trial_end.is_some() { period.start } else { period.end },
            rhythm: None,
            closing: None,
            next_zone: None,
            ends: None,
            scheduled: Vec::new(),
            term: None,
            agreement: Agreement::default(),
            discounts: Vec::new(),
            trial_end: history.trial_end.map(|end| Edge::at(end, zone)),
            has_method: history.has_method,
            metadata: Json::Null,
        };
        let mut film = Self {
            terms,
            history,
            now,
            contents: first,
            anchor: started,
            subscription,
            told: Vec::with_capacity(history.events.len() + 3),
        };
        film.tell("subscription.started", started);
        Ok(film)
    }

    fn tell(&mut self, kind: &'static str, at: Timestamp) {
        self.told.push(Told { kind, at, subscription: self.subscription.clone() });
    }

    fn play(&mut self, at: Timestamp, step: Step<'a>) -> Result<()> {
        let state = self.subscription.state;
        let (kind, state) = match step {
            Step::TrialOver(after) => {
                match after {
                    State::Active if !self.keeps_trial_anchor() => self.count_from(at),
                    State::Canceled => self.subscription.ends = Some(at),
                    _ => {}
                }
                ("subscription.trial_ended", after)
            }
            Step::Happened(What::Changed(contents)) => {
                let state = Transition::Change.require(state)?;
                self.change(at, contents)?;
                ("subscription.changed", state)
            }
            Step::Happened(What::Paused) => ("subscription.paused", Transition::Pause.require(state)?),
            Step::Happened(What::Resumed) => ("subscription.resumed", Transition::Resume.require(state)?),
            Step::Suspended => ("subscription.suspended", Transition::Suspend.require(state)?),
            Step::Canceled => {
                self.subscription.ends = Some(at);
                ("subscription.canceled", Transition::Cancel.require(state)?)
            }
        };
        self.subscription.state = state;
        // What ends at an instant was in the period before it.
        let stays = matches!(state, State::Active | State::Trialing);
        self.turn_to(if stays { at } else { at - SignedDuration::from_micros(1) })?;
        self.tell(kind, at);
        Ok(())
    }

    fn keeps_trial_anchor(&self) -> bool {
        self.terms.version.book.trial.as_ref().is_some_and(|trial| trial.keep_anchor)
    }

    fn count_from(&mut self, at: Timestamp) {
        let zone = self.subscription.schedule.zone.clone();
        self.anchor = at;
        self.subscription.schedule = schedule(&self.terms.version.book, at, self.contents.cycle, &zone);
    }

    /// What a change does to the periods is as in [`super::change::changed`].
    fn change(&mut self, at: Timestamp, contents: &'a Contents) -> Result<()> {
        let book = &self.terms.version.book;
        let Subscription { currency, schedule, .. } = &mut self.subscription;
        let items = items(book, &contents.wanted(), contents.cycle, *currency)?;
        let before = std::mem::replace(&mut self.contents, contents);
        let reset = book.billing.plan_change == PlanChange::Reset && contents.plan != before.plan;
        if contents.cycle != before.cycle || reset {
            if book.billing.cycle_change == CycleChange::Keep && !reset {
                schedule.cycle = contents.cycle;
            } else {
                *schedule = Schedule::anniversary(at, contents.cycle, schedule.zone.clone());
                self.anchor = at;
            }
        }
        self.subscription.items = items;
        self.subscription.peak = self.subscription.plan_quantity();
        Ok(())
    }

    /// Put it into the period of an instant; a trial is one period.
    fn turn_to(&mut self, at: Timestamp) -> Result<()> {
        if self.subscription.trial_end.is_some_and(|end| at < end.at) {
            return Ok(());
        }
        let first = self.subscription.schedule.first_period(self.anchor)?;
        let current = if at < first.end.at { first } else { self.subscription.schedule.period_at(at)? };
        self.put_into(current);
        Ok(())
    }

    /// Put it into a period, usage of which was billed elsewhere.
    const fn put_into(&mut self, period: Period) {
        let Subscription { billed_through, arrears_from, .. } = &mut self.subscription;
        (*billed_through, *arrears_from) = (period.end, period.end);
        self.subscription.period = period;
    }

    fn close(mut self) -> Result<Recorded> {
        let Subscription { items, schedule, currency, .. } = &self.subscription;
        check_agreement(&self.terms.version.book, items, schedule.cycle, *currency, &self.history.agreement)?;
        self.subscription.agreement.clone_from(&self.history.agreement);
        self.subscription.metadata.clone_from(&self.history.metadata);
        let draft = match self.subscription.state {
            State::Active => self.go_on()?,
            _ => None,
        };
        if matches!(self.subscription.state, State::Active | State::Trialing | State::Suspended)
            && let Some(ends) = self.history.ends
        {
            self.subscription.ends = Some(self.end_of_period(ends)?);
            self.tell("subscription.cancellation_scheduled", self.now);
        }
        Ok(Recorded { subscription: self.subscription, draft, told: self.told })
    }

    /// Bring a running subscription to the period it is in, and bill what is to be billed.
    fn go_on(&mut self) -> Result<Option<Draft>> {
        self.turn_to(self.now)?;
        let billed = match self.history.bill_from {
            BillFrom::Start if self.told.len() > 1 => {
                return wrong(
                    "/bill_from",
                    "Its terms changed since its start, so its past cannot be billed. Bill it from the current or \
                     the next period.",
                );
            }
            BillFrom::Start => {
                let first = self.subscription.schedule.first_period(self.anchor)?;
                self.put_into(first);
                true
            }
            BillFrom::CurrentPeriod | BillFrom::NextPeriod => {
                self.meet(self.history.next_period)?;
                self.history.bill_from == BillFrom::CurrentPeriod
            }
        };
        let period = self.subscription.period;
        if billed {
            self.subscription.arrears_from = period.start;
        }
        let (version, from) = (self.terms.version, self.subscription.arrears_from);
        self.subscription.rhythm = arrears::rhythm(&self.subscription, version, from)?;
        let lines = if billed { lines(&self.subscription, version, period)? } else { Vec::new() };
        Ok(draft(&self.subscription, version.book.billing.tax_rounding, self.now, lines))
    }

    fn local(&self, at: Timestamp) -> Date {
        self.subscription.schedule.zone.date_of(at)
    }

    /// Let the next period begin when the former system said it does: what lies before is paid. Where the book
    /// counts from the start, periods are then counted from there, unless they would meet it anyway.
    fn meet(&mut self, next: Option<Timestamp>) -> Result<()> {
        let Some(next) = next.filter(|next| self.local(*next) != self.subscription.period.end.date) else {
            return Ok(());
        };
        if next <= self.now {
            let detail =
                format!("The next period began on {next} already; it is {:.0} here. Export anew.", self.now);
            return wrong("/next_period", detail);
        }
        let schedule = &mut self.subscription.schedule;
        let edge = match schedule.wall_time {
            Some(_) => Edge::at(next, &schedule.zone),
            None => Edge::of_date(schedule.zone.date_of(next), &schedule.zone),
        };
        if self.terms.version.book.billing.anchor == Anchor::Anniversary {
            schedule.anchor = edge.date;
            schedule.wall_time = schedule.wall_time.map(|_| schedule.zone.time_of(next));
        }
        let current = schedule.period_at(self.now)?;
        let start = if current.start.at < self.history.started {
            Edge::at(self.history.started, &schedule.zone)
        } else {
            current.start
        };
        self.put_into(Period { start, end: edge });
        Ok(())
    }

    /// The end of the period an end falls in. Subscriptions end with a period.
    fn end_of_period(&self, ends: Ends) -> Result<Timestamp> {
        let Subscription { billed_through, schedule, .. } = &self.subscription;
        let Ends::At(at) = ends else { return Ok(billed_through.at) };
        if self.local(at) <= billed_through.date {
            return Ok(billed_through.at);
        }
        let period = schedule.period_at(at)?;
        let begins = self.local(at) == period.start.date;
        Ok(if begins { period.start.at } else { period.end.at })
    }
}

impl Contents {
    fn wanted(&self) -> Wanted<'_> {
        let addons = self.addons.iter().map(|(key, quantity)| (key.as_str(), *quantity)).collect();
        Wanted { plan: &self.plan, quantity: self.quantity, addons }
    }
}

/// When periods begin, by the knobs `anchor` and `proration` of the book.
fn schedule(book: &Book, start: Timestamp, cycle: Cycle, zone: &Zone) -> Schedule {
    match (book.billing.anchor, book.billing.proration) {
        (Anchor::Calendar, _) => Schedule::calendar(start, cycle, zone.clone()),
        (Anchor::Anniversary, ProrationUnit::Second) => {
            Schedule::anniversary(start, cycle, zone.clone()).at_wall_time(zone.time_of(start))
        }
        (Anchor::Anniversary, _) => Schedule::anniversary(start, cycle, zone.clone()),
    }
}
