//! Putting down subscriptions that ran somewhere else before.

use identity::{Customer, LegalEntity, customer};
use kernel::{Error, Result, ids::LegalEntityId};
use serde_json::json;
use store::{NewFact, Tx};

use super::{Ground, insert, started_fact, trial, waiting};
use crate::{
    invoice,
    subscription::{
        history::History,
        model::{Item, Started, State},
        rules::{
            Terms,
            history::{Recorded, Told, decide},
        },
    },
};

/// The legal entity of an id; none: the first. Errors: `no_legal_entity`, `legal_entity_unknown`.
pub(crate) fn entity(entities: &[LegalEntity], id: Option<LegalEntityId>) -> Result<&LegalEntity> {
    match id {
        None => entities.first().ok_or_else(|| {
            let detail = "This environment has no legal entity to issue invoices yet.";
            Error::conflict("no_legal_entity", detail)
        }),
        Some(id) => entities.iter().find(|entity| entity.id == id).ok_or_else(|| {
            Error::invalid("legal_entity_unknown", "There is no such legal entity.").at("/legal_entity")
        }),
    }
}

/// Put down subscriptions with their histories, all or none, of customers this transaction has locked or made.
///
/// Errors: those of [`decide`]; `legal_entity_unknown`, `no_legal_entity`, `no_price_book`, `external_id_taken`,
/// `metadata_invalid`.
pub fn record_all(tx: &mut Tx<'_>, histories: Vec<(Customer, History)>) -> Result<Vec<Started>> {
    let (ground, now) = (Ground::load(tx)?, tx.now());
    let mut recorded = Vec::with_capacity(histories.len());
    for (customer, mut history) in histories {
        history.metadata = customer::metadata(history.metadata)?;
        let terms = Terms {
            customer: &customer,
            entity: entity(&ground.entities, history.entity)?,
            version: &ground.version,
        };
        recorded.push(decide(&terms, &history, tx.new_id(), now)?);
    }
    insert(tx, recorded.iter().map(|one| &one.subscription))?;
    let mut due: Vec<_> = recorded.iter().filter_map(|one| waiting(&one.subscription)).collect();
    let reminders = trial::reminders(&ground.version, recorded.iter().map(|one| &one.subscription))?;
    due.extend(reminders.into_iter().filter(|reminder| reminder.at > now));
    jobs::due::put(tx, &due)?;
    let (mut started, mut finals) = (Vec::with_capacity(recorded.len()), Vec::new());
    for Recorded { subscription, draft, told } in recorded {
        for one in &told {
            let fact = fact(one, &ground)?;
            tx.fact(fact);
        }
        let invoice = draft.map(|draft| {
            let id = tx.new_id();
            finals.push((id, draft));
            id
        });
        started.push(Started { subscription, invoice });
    }
    invoice::issue(tx, finals, now)?;
    Ok(started)
}

/// Facts have the shapes they have when the same happens here.
fn fact(told: &Told, ground: &Ground) -> Result<NewFact> {
    let subscription = &told.subscription;
    let payload = match told.kind {
        "subscription.started" => return started_fact(subscription, &ground.version),
        "subscription.trial_ended" => json!({
            "state": subscription.state.word(),
            "plan": subscription.plan(),
            "converted": subscription.state == State::Active,
            "invoice": null,
        }),
        _ => {
            let item =
                |item: &Item| json!({"kind": item.kind.word(), "key": item.key, "quantity": item.quantity});
            json!({
                "state": subscription.state.word(),
                "book": subscription.book,
                "cycle": subscription.schedule.cycle,
                "items": subscription.active_items().map(item).collect::<Vec<_>>(),
                "period_start": subscription.period.start.at,
                "period_end": subscription.period.end.at,
                "ends": subscription.ends,
                "pending": null,
                "credit_notes": [],
                "invoice": null,
            })
        }
    };
    let fact = NewFact::new(told.kind, subscription.id.any(), payload)?;
    Ok(fact.of(subscription.customer).effective(told.at))
}
