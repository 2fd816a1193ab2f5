//! What a customer's credit pays of an invoice that is only looked at.

use kernel::{Money, Result};
use ledger::AccountKind;
use store::View;

use super::model::Draft;

/// How much of `total` the customer's credit with the issuer would pay, as issuing a draft uses it; `credited` is what
/// would be credited just before.
///
/// Errors: `amount_out_of_range`, `currency_mismatch`.
pub fn credit_for(view: &mut View<'_>, draft: &Draft, total: Money, credited: Money) -> Result<Money> {
    let held = ledger::held_by(view, AccountKind::CustomerCredit, vec![draft.customer.to_string()])?;
    let with_issuer = held
        .iter()
        .find(|(account, currency, _)| account.entity == draft.entity && *currency == draft.currency);
    // A credit balance is negative: it is what the issuer owes.
    let held = with_issuer.map_or(0, |(_, _, balance)| -balance);
    let held = Money::new(held, draft.currency)?.checked_add(credited)?;
    Money::new(total.minor().min(held.minor()).max(0), draft.currency)
}
