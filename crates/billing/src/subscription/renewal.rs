//! Periods that end: the next one opens and is billed in advance, many subscriptions at a time.

use std::collections::{BTreeMap, BTreeSet};

use catalog::version;
use identity::customer;
use jiff::Timestamp;
use jobs::due::{self, Due, DueKind};
use kernel::{
    Error, Result,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use serde_json::json;
use store::{NewFact, ToValue, Tx};
use uuid::Uuid;

use super::{
    ops::{self, change::save},
    rules::{self, Renewal},
    sql,
};
use crate::invoice;

/// The end of a billed period.
pub(crate) const RENEWAL: DueKind = DueKind { rank: 50, name: "subscription.renewal", handler: renew };

/// Renew the subscriptions that fell due at `at`. What was renewed already is left alone, so a repeated
/// entry bills nothing twice.
fn renew(tx: &mut Tx<'_>, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    let ids: Vec<SubscriptionId> = subjects.iter().copied().map(SubscriptionId::from_uuid).collect();
    let customers: BTreeSet<CustomerId> =
        ops::load(tx, ids.clone())?.iter().map(|subscription| subscription.customer).collect();
    customer::lock_all(tx, &customers.into_iter().collect::<Vec<_>>())?;
    tx.lock_all(&ops::LOCK, &ids)?;
    let mut due_now = ops::load(tx, ids)?;
    due_now.retain(|subscription| rules::next_due(subscription).at == at);
    // The order of documents within an instant (domain rules §6): customer, then subscription.
    due_now.sort_by_key(|subscription| (subscription.customer, subscription.id));
    let books: BTreeSet<BookVersionId> = due_now.iter().map(|subscription| subscription.book).collect();
    let versions: BTreeMap<_, _> = version::many(tx, books.into_iter().collect())?
        .into_iter()
        .map(|version| (version.id, version))
        .collect();
    let in_force = version::in_force(tx)?;
    let (mut renewed, mut drafts) = (Vec::new(), Vec::new());
    for subscription in &due_now {
        let agreed = versions.get(&subscription.book).ok_or_else(|| {
            Error::internal(format!("the price book version of {} is gone", subscription.id))
        })?;
        let Renewal { subscription: next, draft, dropped } = rules::renew(subscription, agreed, &in_force)?;
        if let Some(error) = dropped {
            let payload = json!({ "code": error.code });
            let fact = NewFact::new("subscription.change_dropped", next.id.any(), payload)?;
            tx.fact(fact.of(next.customer).effective(at));
        }
        let Some(draft) = draft else {
            save(tx, &next)?;
            tx.fact(
                NewFact::new("subscription.canceled", next.id.any(), json!({}))?
                    .of(next.customer)
                    .effective(at),
            );
            continue;
        };
        if subscription.pending.is_some() {
            save(tx, &next)?;
        }
        let invoice = tx.new_id();
        let payload = json!({
            "invoice": invoice,
            "period_start": next.period.start.at,
            "period_end": next.period.end.at,
        });
        tx.fact(
            NewFact::new("subscription.renewed", next.id.any(), payload)?.of(next.customer).effective(at),
        );
        drafts.push((invoice, draft));
        renewed.push(next);
    }
    tx.bulk_all(
        &sql::OPEN_PERIOD,
        renewed.iter().map(|next| {
            [
                next.id.to_value(),
                next.period.start.date.to_value(),
                next.period.start.at.to_value(),
                next.period.end.date.to_value(),
                next.period.end.at.to_value(),
                next.billed_through.date.to_value(),
                next.billed_through.at.to_value(),
            ]
        }),
    )?;
    let next: Vec<Due> = renewed.iter().map(ops::waiting).collect();
    due::put(tx, &next)?;
    invoice::issue(tx, drafts, at).map(drop)
}
