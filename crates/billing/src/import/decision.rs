//! What a history comes to and costs, before it is loaded. Pure.

use std::collections::HashMap;

use identity::Customer;
use jiff::Timestamp;
use kernel::{
    Currency, Exact, Money, Result, Schedule, UnitPrice,
    ids::{CustomerId, PersonId, SubscriptionId},
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    finding::Fault,
    mapping::{Differs, Per},
    reading::{Known, Line, Reading},
    run::latest,
};
use crate::subscription::{
    self, AgreedPrice, BillFrom, Start,
    history::{Contents, History, Standing},
    rules::{self, Terms, history::Recorded},
};

/// What contents cost a period, computed once each.
pub(super) type Prices = HashMap<(Contents, Currency), Result<Money>>;

impl Reading<'_> {
    /// What a history comes to, by the decision loading makes.
    pub(super) fn decide(&self, history: &History, known: &Known) -> Result<Recorded> {
        let customer = self.somebody(known);
        let entity = subscription::entity(self.entities, history.entity)?;
        let terms = Terms { customer: &customer, entity, version: self.version };
        rules::history::decide(&terms, history, SubscriptionId::from_uuid(Uuid::nil()), self.now)
    }

    /// A customer as far as decisions go.
    fn somebody(&self, known: &Known) -> Customer {
        Customer {
            id: CustomerId::from_uuid(Uuid::nil()),
            person: PersonId::from_uuid(Uuid::nil()),
            external_id: None,
            country: String::new(),
            region: None,
            tax_exempt: false,
            currency: known.currency,
            zone: known.zone.clone(),
            metadata: Json::Null,
            created: self.now,
        }
    }

    /// Compare the amount of a row with what the price book makes it, when the mapping wants that. Only what was ever
    /// paid is compared. Something to say of a difference, unless it makes the row bad.
    pub(super) fn compare(
        &self,
        line: Line<'_>,
        history: &mut History,
        known: &Known,
        prices: &mut Prices,
    ) -> Result<Option<Fault>, Fault> {
        let Some(check) = &self.mapping.check else { return Ok(None) };
        let paid = ever_paid(history, self.now);
        let Some(cell) = line.cell(&check.amount).filter(|_| paid) else { return Ok(None) };
        let wrong = |reason: &str| Fault::new(cell.column, &cell.text, reason);
        let theirs =
            Exact::parse_decimal(&cell.text).map_err(|error| Fault::of(cell.column, &cell.text, &error))?;
        let currency = history.currency.unwrap_or(known.currency);
        let mut contents = latest(history).clone();
        if check.per == Per::Unit {
            contents.quantity = contents.quantity.map(|_| 1);
            contents.addons.clear();
        }
        let months = contents.cycle.months().map_or_else(Exact::one, |months| Exact::from(i64::from(months)));
        let theirs = if check.per == Per::Month { &theirs * &months } else { theirs };
        let price = prices
            .entry((contents.clone(), currency))
            .or_insert_with_key(|(contents, currency)| self.price(contents, *currency, known));
        // What has no price is bad for that reason.
        let Ok(ours) = price else { return Ok(None) };
        if theirs == ours.exact_major() {
            return Ok(None);
        }
        let reason = format!("the price book makes it {ours} every {}", contents.cycle);
        match check.differs {
            Differs::Bad => Err(wrong(&reason)),
            Differs::Notice => Ok(Some(wrong(&reason))),
            Differs::Agree => {
                let amount = agreed(&contents, &theirs).ok_or_else(|| {
                    wrong(&format!("{reason}, and this is no price of the plan that could be agreed instead"))
                })?;
                let price = AgreedPrice { amount: Some(amount), percent: None };
                history.agreement.prices.insert(contents.plan, price);
                Ok(Some(wrong(&format!("{reason}; it stays as it was, by agreement"))))
            }
        }
    }

    /// What a whole period of contents costs in advance: what is billed when one begins.
    fn price(&self, contents: &Contents, currency: Currency, known: &Known) -> Result<Money> {
        let Contents { plan, cycle, quantity, addons } = contents.clone();
        // At an edge of the calendar the first period is whole, however the book counts.
        let schedule = Schedule::calendar(self.now, cycle, known.zone.clone());
        let begins = schedule.period_at(self.now)?.start.at;
        let customer = self.somebody(known);
        let entity = subscription::entity(self.entities, None)?;
        let terms = Terms { customer: &customer, entity, version: self.version };
        let start = Start {
            quantity,
            addons,
            start: Some(begins),
            bill_from: BillFrom::Start,
            currency: Some(currency),
            ..Start::of(customer.id, plan, cycle)
        };
        let decision = rules::start(&terms, &start, SubscriptionId::from_uuid(Uuid::nil()), begins)?;
        decision.draft.map_or(Ok(Money::zero(currency)), |draft| Ok(draft.totals()?.subtotal))
    }
}

/// Whether a subscription ever was more than a trial.
fn ever_paid(history: &History, now: Timestamp) -> bool {
    let Some(trial_end) = history.trial_end else { return true };
    match history.standing {
        Standing::Running => trial_end <= now,
        Standing::Suspended(at) | Standing::Canceled(at) => trial_end < at,
    }
}

/// The price of the plan that makes a period cost so much: one unit's, when it is sold by the unit. None when it
/// cannot be written down exactly, or add-ons are in the amount.
fn agreed(contents: &Contents, period: &Exact) -> Option<UnitPrice> {
    let units = Exact::from(contents.quantity.unwrap_or(1));
    let amount = period.checked_div(&units).filter(|_| contents.addons.is_empty())?;
    let price = UnitPrice::parse(&amount.to_decimal_string(12)).ok()?;
    (price.exact() == amount).then_some(price)
}
