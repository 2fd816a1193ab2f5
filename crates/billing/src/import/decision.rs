//! What a history comes to and costs, before it is loaded. Pure.

use std::collections::HashMap;

use identity::Customer;
use kernel::{
    Currency, Money, Result,
    ids::{CustomerId, PersonId, SubscriptionId},
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::reading::{Known, Reading};
use crate::subscription::{
    self, BillFrom, Start,
    history::{Contents, History},
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

    /// What a whole period of contents costs in advance: what is billed when it begins at an edge.
    pub(super) fn price(
        &self,
        contents: &Contents,
        currency: Currency,
        recorded: &Recorded,
    ) -> Result<Money> {
        let Contents { plan, cycle, quantity, addons } = contents.clone();
        let schedule = &recorded.subscription.schedule;
        let zone = schedule.zone.clone();
        let begins = schedule.period_at(self.now)?.start.at;
        let customer = self.somebody(&Known { zone, currency });
        let entity = subscription::entity(self.entities, None)?;
        let terms = Terms { customer: &customer, entity, version: self.version };
        let start = Start {
            quantity,
            addons,
            start: Some(begins),
            bill_from: BillFrom::Start,
            ..Start::of(customer.id, plan, cycle)
        };
        let decision = rules::start(&terms, &start, SubscriptionId::from_uuid(Uuid::nil()), begins)?;
        decision.draft.map_or(Ok(Money::zero(currency)), |draft| Ok(draft.totals()?.subtotal))
    }
}
