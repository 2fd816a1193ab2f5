//! Finding credit notes.

use kernel::{
    Result,
    ids::{CreditNoteId, CustomerId, SubscriptionId},
};
use store::{View, params};
use uuid::Uuid;

use super::{model::CreditNote, ops::read, sql};

/// A customer's credit notes made before `before` (none: from the newest on), newest first.
pub fn of_customer(
    view: &mut View<'_>,
    customer: CustomerId,
    before: Option<CreditNoteId>,
    limit: i64,
) -> Result<Vec<CreditNote>> {
    let before = before.map_or(Uuid::max(), CreditNoteId::uuid);
    view.all(&sql::OF_CUSTOMER, params![customer, before, limit], read)
}

/// Several credit notes, in no order; those that are not here are left out.
pub fn load(view: &mut View<'_>, ids: Vec<CreditNoteId>) -> Result<Vec<CreditNote>> {
    view.all(&sql::MANY, params![ids], read)
}

/// Credit notes that take back what a subscription was billed, made before `before`, newest first.
pub fn of_subscription(
    view: &mut View<'_>,
    subscription: SubscriptionId,
    before: Option<CreditNoteId>,
    limit: i64,
) -> Result<Vec<CreditNote>> {
    let before = before.map_or(Uuid::max(), CreditNoteId::uuid);
    view.all(&sql::OF_SUBSCRIPTION, params![subscription, before, limit], read)
}
