//! What is included before usage is charged. Pure.

use catalog::{Book, Plan, UsagePrice};
use kernel::Exact;
use rating::Allowance;

use crate::subscription::model::{Item, ItemKind};

/// What a plan includes of a usage price, for at most `peak` units of the plan, with what add-ons among the items it has
/// put on top.
pub(crate) fn allowance<'i>(
    book: &Book,
    plan: &Plan,
    usage: &UsagePrice,
    peak: i64,
    items: impl Iterator<Item = &'i Item>,
) -> Option<Allowance> {
    let peak = Exact::from(peak);
    let Some(limit) = plan.included(usage) else { return usage.free.clone().map(Allowance::of) };
    let raised = raised(book, &usage.meter, items);
    Some(match raised.is_zero() {
        true => Allowance::of_limit(limit, &peak),
        false => Allowance::of(limit.amount_for(&peak) + &raised),
    })
}

/// By how much add-ons raise the limit of a meter.
fn raised<'i>(book: &Book, meter: &str, items: impl Iterator<Item = &'i Item>) -> Exact {
    let raise = |item: &Item| {
        let each = book.addon(&item.key)?.raises.get(meter).copied()?;
        Some(Exact::from(i128::from(each) * i128::from(item.quantity)))
    };
    items.filter(|item| item.kind == ItemKind::Addon).filter_map(raise).sum()
}
