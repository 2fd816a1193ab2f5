//! Starting and previewing subscriptions.

use std::sync::Arc;

use catalog::{
    ZeroInvoices,
    version::{self, Version},
};
use identity::{Customer, LegalEntity, customer, environment, text};
use jobs::due::{self, Due};
use kernel::{Edge, Error, Result, ids::SubscriptionId};
use serde_json::json;
use store::{NewFact, Tx, View};
use uuid::Uuid;

use super::{
    edge::EDGE,
    model::{Start, Started, State, Subscription},
    rules::{self, Decision, Ready, Terms, arrears::Usage},
};
use crate::{
    charge::{self, Charge},
    coupon,
    invoice::{self, Draft, Line, Totals},
    trial as tried,
};

pub(super) mod change;
mod find;
pub(super) mod history;
mod rows;
pub(super) mod trial;

pub(super) use change::items_said;
pub(super) use find::due_at;
pub(crate) use find::{due_until, follow_zone, load, of_customers};
pub use find::{find, list, named, of_customer, resolve, running_of, whose};
use rows::insert;
pub(crate) use rows::save_all;

/// What starting a subscription would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The subscription as it would be; its id means nothing.
    pub subscription: Subscription,
    /// What would be billed at once, or when it begins if that is later.
    pub invoice: Option<(Draft, Totals)>,
    /// When it would fall due next.
    pub next_due: Edge,
}

/// Everything a start needs that is the same for all starts of a transaction.
struct Ground {
    version: Arc<Version>,
    entities: Vec<LegalEntity>,
}

impl Ground {
    fn load(view: &mut View<'_>) -> Result<Self> {
        Ok(Self { version: version::in_force(view)?, entities: environment::entities(view)? })
    }

    /// Decide a start. Errors: those of [`rules::start`], `legal_entity_unknown`, `no_legal_entity`.
    fn decide(
        &self,
        customer: &Customer,
        command: &Start,
        id: SubscriptionId,
        view: &View<'_>,
    ) -> Result<Decision> {
        let entity = match command.entity {
            None => self.entities.first().ok_or_else(|| {
                Error::conflict(
                    "no_legal_entity",
                    "This environment has no legal entity to issue invoices yet.",
                )
            })?,
            Some(id) => self.entities.iter().find(|entity| entity.id == id).ok_or_else(|| {
                Error::invalid("legal_entity_unknown", "There is no such legal entity.").at("/legal_entity")
            })?,
        };
        if let Some(external) = &command.external_id {
            text::external_id(external, "/external_id")?;
        }
        rules::start(&Terms { customer, entity, version: &self.version }, command, id, view.now())
    }
}

impl Ground {
    /// What a subscription that begins later is billed then, by the decision that is made then.
    fn at_begin(&self, Decision { subscription, charges, .. }: &Decision) -> Result<Option<Draft>> {
        let none = Usage::none(subscription.currency);
        let charges: Vec<Charge> = charges.iter().map(|line| Charge::waiting(line.clone())).collect();
        let ready = Ready {
            subscription,
            agreed: &self.version,
            in_force: &self.version,
            usage: &none,
            late: &[],
            charges: &charges,
            closing: None,
        };
        let renewal = rules::renew(&ready)?;
        let nothing = renewal.owed.lines.iter().all(Line::is_nothing);
        let skips = self.version.book.billing.zero_invoices == ZeroInvoices::Skip;
        Ok(renewal.draft().filter(|_| !(nothing && skips)))
    }
}

/// What [`start`] would do, by the same decision; writes nothing. Errors as for [`start`], except `external_id_taken`.
pub fn preview(view: &mut View<'_>, command: &Start) -> Result<Preview> {
    let customer = customer::find(view, command.customer)?;
    let nowhere = SubscriptionId::from_uuid(Uuid::nil());
    let ground = Ground::load(view)?;
    tried::check(view, &ground.version, std::iter::once((command.customer, command)))?;
    let decision = ground.decide(&customer, command, nowhere, view)?;
    let draft = match decision.subscription.state {
        State::Scheduled => ground.at_begin(&decision)?,
        _ => decision.draft,
    };
    let invoice = draft.map(|draft| invoice::assessed(view, draft)).transpose()?;
    Ok(Preview { next_due: decision.subscription.next_due(), subscription: decision.subscription, invoice })
}

/// Start a subscription and bill what falls due with it.
///
/// Errors: `not_found` for the customer; those of [`rules::start`]; `external_id_taken`, `no_price_book`,
/// `no_legal_entity`, `legal_entity_unknown`, `metadata_invalid`.
pub fn start(tx: &mut Tx<'_>, command: &Start) -> Result<Started> {
    customer::lock(tx, command.customer)?;
    let customer = customer::find(tx, command.customer)?;
    start_all(tx, vec![(customer, command.clone())])?
        .pop()
        .ok_or_else(|| Error::internal("nothing was started"))
}

/// Start many subscriptions, all or none, of customers this transaction has locked or made.
pub fn start_all(tx: &mut Tx<'_>, starts: Vec<(Customer, Start)>) -> Result<Vec<Started>> {
    let ground = Ground::load(tx)?;
    tried::check(tx, &ground.version, starts.iter().map(|(customer, start)| (customer.id, start)))?;
    let mut decided = Vec::with_capacity(starts.len());
    for (customer, command) in &starts {
        let metadata = customer::metadata(command.metadata.clone())?;
        let command = &Start { metadata, ..command.clone() };
        let id = tx.new_id();
        decided.push((ground.decide(customer, command, id, tx)?, command.finalize));
    }
    insert(tx, decided.iter().map(|(decision, _)| &decision.subscription))?;
    let all = starts.iter().zip(&decided);
    let all = all.map(|((customer, start), (decision, _))| (customer, start, &decision.subscription));
    tried::keep(tx, &ground.version, &all.collect::<Vec<_>>())?;
    coupon::take_all(tx, &ground.version.book, decided.iter().map(|(decision, _)| &decision.subscription))?;
    let (mut drafts, mut finals) = (Vec::new(), Vec::new());
    let mut started = Vec::with_capacity(decided.len());
    let (mut charges, mut uses) = (Vec::new(), Vec::new());
    for (Decision { subscription, draft, charges: once }, finalize) in decided {
        let invoice = draft.map(|draft| {
            let id = tx.new_id();
            charges.extend(once.iter().cloned().map(|line| {
                let on_it = charge::places(&draft.lines).contains(&line.adjustment);
                (line, on_it.then_some(id))
            }));
            if finalize { &mut finals } else { &mut drafts }.push((id, draft));
            id
        });
        if let Some(id) = invoice {
            uses.extend(coupon::first_uses(&ground.version.book, &subscription, id)?);
        } else {
            charges.extend(once.into_iter().map(|line| (line, None)));
        }
        tx.fact(started_fact(&subscription, &ground.version)?);
        started.push(Started { subscription, invoice });
    }
    let due: Vec<Due> = started.iter().filter_map(|started| waiting(&started.subscription)).collect();
    due::put(tx, &due)?;
    let trying = started.iter().map(|started| &started.subscription);
    due::put(tx, &trial::reminders(&ground.version, trying)?)?;
    let now = tx.now();
    charge::store(tx, &charges.iter().map(|(line, invoice)| (line, *invoice)).collect::<Vec<_>>())?;
    coupon::used(tx, &uses)?;
    invoice::save_drafts(tx, drafts)?;
    invoice::issue(tx, finals, now)?;
    Ok(started)
}

/// The entry of the due queue a subscription waits with, when it waits for anything. It is its customer's, so that
/// all that falls due for a customer at an instant is billed together.
pub(super) fn waiting(subscription: &Subscription) -> Option<Due> {
    let at = subscription.falls_due()?.at;
    Some(Due { at, rank: EDGE.rank, subject: subscription.customer.uuid() })
}

fn started_fact(subscription: &Subscription, version: &Version) -> Result<NewFact> {
    let items: Vec<_> = subscription
        .items
        .iter()
        .map(|item| json!({"kind": item.kind.word(), "key": item.key, "quantity": item.quantity}))
        .collect();
    let payload = json!({
        "legal_entity": subscription.entity,
        "book": version.id,
        "book_number": version.number,
        "cycle": subscription.schedule.cycle,
        "currency": subscription.currency,
        "items": items,
        "state": subscription.state.word(),
        "started": subscription.started,
        "trial_end": subscription.trial_end.map(|end| end.at),
        "period_start": subscription.period.start.at,
        "period_end": subscription.period.end.at,
        "usage_from": subscription.arrears_from.at,
    });
    let fact = NewFact::new("subscription.started", subscription.id.any(), payload)?;
    Ok(fact.of(subscription.customer).effective(subscription.started))
}
