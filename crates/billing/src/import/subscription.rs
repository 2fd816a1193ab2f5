//! From a subscription's row to its history. Pure.

use std::collections::BTreeMap;

use jiff::{Span, Timestamp};
use kernel::{Error, Result, Zone};

use super::{
    finding::Fault,
    mapping::{StateWord, SubscriptionFields},
    reading::{Known, Line, Reading, currency},
    value::{truth, whole_number},
};
use crate::subscription::{
    Agreement,
    history::{Ends, History, Standing, What},
};

/// The instants of a row that decide how the subscription stands.
struct Times {
    start: Timestamp,
    end: Option<Timestamp>,
    since: Option<Timestamp>,
    /// Whether the row says it is, or ended as, a trial; none: it does not say.
    trial: Option<bool>,
    trial_end: Option<Timestamp>,
}

impl Reading<'_> {
    /// The history a row tells on its own: without changes and add-ons from elsewhere.
    pub(super) fn history(
        &self,
        fields: &SubscriptionFields,
        line: Line<'_>,
        known: &Known,
    ) -> Result<History, Fault> {
        let external_id = Some(line.id(&fields.id)?);
        let first = self.contents(line)?;
        let zone = &known.zone;
        let instant = |text: &str| self.mapping.dates.instant(text, zone);
        let times = Times {
            start: line.needed(&fields.start, instant)?,
            end: line.parsed(&fields.end, instant)?,
            since: line.parsed(&fields.since, instant)?,
            trial: line.parsed(&fields.trial, truth)?,
            trial_end: line.parsed(&fields.trial_end, instant)?,
        };
        let state = line.parsed(&fields.state, |word| self.state(word))?;
        let (standing, trial_end, paused) = self.stands(fields, line, &times, state, zone)?;
        let coming = times.end.filter(|end| *end > self.now).map(Ends::At);
        let stops = match line.parsed(&fields.renews, truth)? {
            Some(renews) => !renews,
            None => line.parsed(&fields.cancels_at_period_end, truth)?.unwrap_or(false),
        };
        let has_method = line.parsed(&fields.has_method, truth)?;
        Ok(History {
            external_id,
            started: times.start,
            first,
            events: paused.map(|at| (at, What::Paused)).into_iter().collect(),
            trial_end,
            standing,
            ends: coming.or(stops.then_some(Ends::WithPeriod)),
            next_period: line.parsed(&fields.next_period, instant)?,
            bill_from: self.mapping.defaults.bill_from,
            zone: None,
            currency: line.parsed(&fields.currency, currency)?,
            entity: line.parsed(&fields.legal_entity, |name| self.entity(name))?,
            agreement: Agreement::default(),
            has_method: has_method.unwrap_or(self.mapping.defaults.has_method),
            metadata: line.metadata(&fields.metadata),
        })
    }

    fn state(&self, word: &str) -> Result<StateWord> {
        let known = self.mapping.states.get(word).copied().or_else(|| StateWord::parse(word));
        known.ok_or_else(|| {
            let detail = "This is no state. Say in [states] whether it means trialing, active, paused, suspended or \
                          canceled.";
            Error::invalid("text_invalid", detail)
        })
    }

    fn entity(&self, name: &str) -> Result<kernel::ids::LegalEntityId> {
        let found = self.entities.iter().find(|entity| entity.name == name);
        found
            .map(|entity| entity.id)
            .ok_or_else(|| Error::invalid("legal_entity_unknown", "There is no legal entity of this name."))
    }

    /// How a subscription stands, the end of its trial, and since when it is paused.
    fn stands(
        &self,
        fields: &SubscriptionFields,
        line: Line<'_>,
        times: &Times,
        state: Option<StateWord>,
        zone: &Zone,
    ) -> Result<(Standing, Option<Timestamp>, Option<Timestamp>), Fault> {
        let Times { start, end, since, trial, .. } = *times;
        let now = self.now;
        if start > now {
            let reason = format!("the start lies in the future; it is {now:.0} here");
            return Err(line.fault(Some(&fields.start), &reason));
        }
        if end.is_some_and(|end| end <= start) {
            return Err(line.fault(fields.end.as_ref(), "the end is not after the start"));
        }
        let ended = end.filter(|end| *end <= now);
        let trial_end = self.trial_end(fields, line, times, state, zone)?;
        match (state, ended) {
            (Some(StateWord::Canceled) | None, Some(at)) => Ok((Standing::Canceled(at), trial_end, None)),
            (Some(StateWord::Canceled), None) => {
                let reason = "it is canceled, but when it ended is missing or lies in the future";
                Err(line.fault(fields.end.as_ref().or(fields.state.as_ref()), reason))
            }
            (Some(state), Some(at)) => {
                let reason = format!("it is {}, yet it ended on {at}", state.word());
                Err(line.fault(fields.state.as_ref(), &reason))
            }
            (Some(StateWord::Paused), None) => Ok((Standing::Running, trial_end, Some(since.unwrap_or(now)))),
            (Some(StateWord::Suspended), None) => {
                Ok((Standing::Suspended(since.unwrap_or(now)), trial_end, None))
            }
            (Some(StateWord::Active), None) => match trial_end.filter(|end| *end > now) {
                Some(end) => {
                    let reason = format!("it is active, yet its trial ends on {end}");
                    Err(line.fault(fields.trial_end.as_ref(), &reason))
                }
                None => Ok((Standing::Running, trial_end, None)),
            },
            (state @ (Some(StateWord::Trialing) | None), None) => {
                let tried = state.is_some() || trial == Some(true);
                let over = trial_end.filter(|end| tried && *end <= now);
                let standing = over.map_or(Ok(Standing::Running), |at| self.over(fields, line, at))?;
                Ok((standing, trial_end, None))
            }
        }
    }

    /// The end of the trial a row tells of. A trial whose end the file does not give lasts so many days as the
    /// mapping or the price book says; one that ended with the subscription lasted that long.
    fn trial_end(
        &self,
        fields: &SubscriptionFields,
        line: Line<'_>,
        times: &Times,
        state: Option<StateWord>,
        zone: &Zone,
    ) -> Result<Option<Timestamp>, Fault> {
        let Times { start, end, trial, .. } = *times;
        if let Some(trial_end) = times.trial_end {
            if trial_end < start {
                return Err(line.fault(fields.trial_end.as_ref(), "the trial ends before the start"));
            }
            return Ok((trial_end > start).then_some(trial_end));
        }
        let tried = trial == Some(true) || state == Some(StateWord::Trialing);
        if !tried {
            return Ok(None);
        }
        if let Some(ended) = end.filter(|end| *end <= self.now) {
            return Ok(Some(ended));
        }
        let of_book = self.book().trial.as_ref().map(|trial| trial.days);
        let Some(days) = self.mapping.trial.days.or(of_book) else {
            let reason =
                "when the trial ends is missing. Say in the mapping how long trials are ([trial] days)";
            return Err(line.fault(fields.trial_end.as_ref().or(fields.trial.as_ref()), reason));
        };
        let last = zone.date_of(start).checked_add(Span::new().days(i64::from(days)));
        Ok(last.ok().map(|date| zone.start_of_day(date)))
    }

    /// What became of a trial that is over while the file still has it in a trial.
    fn over(&self, fields: &SubscriptionFields, line: Line<'_>, at: Timestamp) -> Result<Standing, Fault> {
        match self.mapping.trial.over {
            Some(StateWord::Active) => Ok(Standing::Running),
            Some(StateWord::Suspended) => Ok(Standing::Suspended(at)),
            Some(StateWord::Canceled) => Ok(Standing::Canceled(at)),
            Some(StateWord::Trialing | StateWord::Paused) | None => {
                let reason = format!(
                    "its trial ended on {at}; say in the mapping what became of such ([trial] over = \"canceled\", \
                     \"suspended\" or \"active\")"
                );
                Err(line.fault(fields.trial.as_ref().or(fields.state.as_ref()), &reason))
            }
        }
    }

    /// The add-ons a row of the add-ons' file gives its subscription.
    pub(super) fn addon_row(&self, line: Line<'_>, into: &mut BTreeMap<String, i64>) -> Result<(), Fault> {
        let Some(fields) = &self.mapping.addon else { return Ok(()) };
        let key = line.needed(&fields.addon, |word| self.addon(word))?;
        let count = line.parsed(&fields.quantity, whole_number)?.unwrap_or(1);
        let sum = into.entry(key).or_insert(0);
        *sum = sum.saturating_add(count);
        Ok(())
    }
}
