//! What may be posted. Pure.

use std::collections::BTreeMap;

use kernel::{Currency, Error, Kind, Result, ids::LegalEntityId};

use crate::{Account, Transaction};

/// Longest owner, in characters.
const MAX_OWNER: usize = 100;

/// Every account is well formed, there are at least two postings, none is zero, and they sum to zero in
/// each currency in the books of each legal entity.
///
/// Errors: `ledger_unbalanced`, `ledger_account_malformed`; both are faults of the caller's code (500).
pub fn check_balanced(transaction: &Transaction) -> Result<()> {
    if transaction.postings.len() < 2 {
        return Err(unbalanced(transaction, "has fewer than two postings"));
    }
    let mut sums: BTreeMap<(LegalEntityId, Currency), i128> = BTreeMap::new();
    for posting in &transaction.postings {
        check_account(&posting.account)?;
        if posting.amount.is_zero() {
            return Err(unbalanced(transaction, &format!("posts nothing to {}", posting.account)));
        }
        let sum = sums.entry((posting.account.entity, posting.amount.currency())).or_default();
        *sum += i128::from(posting.amount.minor());
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        None => Ok(()),
        Some(((entity, currency), sum)) => Err(unbalanced(
            transaction,
            &format!("sums to {sum} {currency} minor units in the books of {entity}"),
        )),
    }
}

fn unbalanced(transaction: &Transaction, why: &str) -> Error {
    let Transaction { kind, document, .. } = transaction;
    Error::new(Kind::Internal, "ledger_unbalanced", format!("The transaction {kind} of {document} {why}."))
}

/// An owner is there exactly when the kind has one, and is 1 to 100 characters without control characters.
///
/// Errors: `ledger_account_malformed`, a fault of the caller's code (500).
pub fn check_account(account: &Account) -> Result<()> {
    let wrong = |why: String| Err(Error::new(Kind::Internal, "ledger_account_malformed", why));
    match (&account.owner, account.kind.owner()) {
        (None, None) => Ok(()),
        (Some(owner), Some(_))
            if !owner.is_empty()
                && owner.chars().count() <= MAX_OWNER
                && !owner.chars().any(char::is_control) =>
        {
            Ok(())
        }
        (Some(_), None) => wrong(format!("A {} account has no owner.", account.kind)),
        (_, Some(what)) => {
            wrong(format!("A {} account names its {what} in 1 to {MAX_OWNER} characters.", account.kind))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kernel::{Money, SeededIds, new_id};
    use proptest::prelude::*;

    use super::*;
    use crate::{AccountKind, Posting};

    /// Postings to `revenue` accounts: (legal entity, currency, minor units).
    fn transaction(postings: &[(usize, &str, i64)]) -> Transaction {
        let ids = SeededIds::new(1);
        let entities: Vec<LegalEntityId> = (0..3).map(|_| new_id(&ids)).collect();
        let posting = |(entity, currency, minor): &(usize, &str, i64)| Posting {
            account: Account::owned(entities[*entity], AccountKind::Revenue, "plan"),
            amount: Money::new(*minor, Currency::parse(currency).unwrap()).unwrap(),
        };
        Transaction {
            effective: Timestamp::UNIX_EPOCH,
            document: new_id::<kernel::ids::Invoice>(&ids).any(),
            kind: "invoice.finalized",
            postings: postings.iter().map(posting).collect(),
        }
    }

    #[test]
    fn balanced_is_per_currency_and_legal_entity() {
        let max = kernel::MAX_MINOR;
        for (postings, fine) in [
            (&[(0, "USD", 5), (0, "USD", -5)][..], true),
            (&[(0, "USD", 5), (0, "USD", -3), (0, "USD", -2)], true),
            (&[(0, "USD", 5), (0, "USD", -5), (0, "EUR", 7), (0, "EUR", -7)], true),
            (&[(0, "USD", max), (0, "USD", max), (0, "USD", -max), (0, "USD", -max)], true),
            (&[], false),
            (&[(0, "USD", 5)], false),
            (&[(0, "USD", 5), (0, "USD", -4)], false),
            (&[(0, "USD", 5), (0, "EUR", -5)], false),
            (&[(0, "USD", 5), (1, "USD", -5)], false),
            (&[(0, "USD", 0), (0, "USD", 0)], false),
        ] {
            let code = check_balanced(&transaction(postings)).err().map(|error| error.code);
            assert_eq!(code, (!fine).then_some("ledger_unbalanced"), "{postings:?}");
        }
    }

    #[test]
    fn an_owner_is_there_exactly_when_the_kind_has_one() {
        let entity = new_id(&SeededIds::new(1));
        let code = |account: &Account| check_account(account).err().map(|error| error.code);
        let malformed = Some("ledger_account_malformed");
        for kind in AccountKind::ALL {
            let (single, owned) = (Account::single(entity, *kind), Account::owned(entity, *kind, "x"));
            assert_eq!(code(&single).is_none(), kind.owner().is_none(), "{kind}");
            assert_eq!(code(&owned).is_none(), kind.owner().is_some(), "{kind}");
        }
        let cash = |owner: String| Account::owned(entity, AccountKind::Cash, owner);
        assert_eq!(code(&cash("é".repeat(100))), None);
        assert_eq!(code(&cash("é".repeat(101))), malformed);
        assert_eq!(code(&cash(String::new())), malformed);
        assert_eq!(code(&cash("a\u{0}b".into())), malformed);
    }

    #[test]
    fn words_read_back_and_accounts_are_shown() {
        for kind in AccountKind::ALL {
            assert_eq!(AccountKind::parse(kind.word()), Some(*kind));
        }
        assert_eq!(AccountKind::parse("nothing"), None);
        let entity = new_id(&SeededIds::new(1));
        assert_eq!(Account::single(entity, AccountKind::BadDebt).to_string(), "bad_debt");
        assert_eq!(Account::owned(entity, AccountKind::Revenue, "pro").to_string(), "revenue:pro");
    }

    proptest! {
        /// Whatever is posted, one more posting of the missing amount balances it.
        #[test]
        fn the_missing_amount_balances(amounts in prop::collection::vec(1_i64..1_000_000, 1..20)) {
            let mut postings: Vec<_> = amounts.iter().map(|minor| (0, "USD", *minor)).collect();
            prop_assert!(check_balanced(&transaction(&postings)).is_err());
            postings.push((0, "USD", -amounts.iter().sum::<i64>()));
            prop_assert!(check_balanced(&transaction(&postings)).is_ok());
        }
    }
}
