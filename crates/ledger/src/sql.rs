//! The ledger's only SQL.

use store::{bulks, statements};

statements! {
    /// Accounts of one kind in the books of one legal entity. One list only: with more of them both engines
    /// would rather read every account there is.
    environment FIND_ACCOUNTS = "SELECT id, entity_id, kind, owner FROM ledger_account
        WHERE env_id = $1 AND entity_id = $2 AND kind = $3 AND owner IN_TEXTS($4)";
    environment FIND_ACCOUNT = "SELECT id FROM ledger_account
        WHERE env_id = $1 AND entity_id = $2 AND kind = $3 AND owner = $4";
    environment GET_ACCOUNT = "SELECT id, entity_id, kind, owner FROM ledger_account WHERE env_id = $1 AND id = $2";
    environment ACCOUNTS = "SELECT id, entity_id, kind, owner FROM ledger_account WHERE env_id = $1";
    environment TRIAL_BALANCE = "SELECT a.id, a.entity_id, a.kind, a.owner, p.currency,
            CAST(sum(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END) AS bigint),
            CAST(-sum(CASE WHEN p.amount < 0 THEN p.amount ELSE 0 END) AS bigint)
        FROM posting p
        JOIN ledger_transaction t ON t.env_id = p.env_id AND t.id = p.transaction_id
        JOIN ledger_account a ON a.env_id = p.env_id AND a.id = p.account_id
        WHERE p.env_id = $1 AND t.effective <= $2
        GROUP BY a.id, a.entity_id, a.kind, a.owner, p.currency";
    /// What accounts of one kind hold, for several owners at once.
    environment HELD_BY = "SELECT a.entity_id, a.owner, p.currency, CAST(sum(p.amount) AS bigint)
        FROM ledger_account a
        JOIN posting p ON p.env_id = a.env_id AND p.account_id = a.id
        WHERE a.env_id = $1 AND a.kind = $2 AND a.owner IN_TEXTS($3)
        GROUP BY a.entity_id, a.owner, p.currency";
    /// What an account held after a posting, per currency.
    environment HELD = "SELECT currency, CAST(sum(amount) AS bigint) FROM posting
        WHERE env_id = $1 AND account_id = $2 AND (transaction_id, ordinal) <= ($3, $4)
        GROUP BY currency";
    environment STATEMENT = "SELECT p.transaction_id, p.ordinal, p.currency, p.amount,
            t.kind, t.document_kind, t.document_id, t.effective, t.recorded
        FROM posting p
        JOIN ledger_transaction t ON t.env_id = p.env_id AND t.id = p.transaction_id
        WHERE p.env_id = $1 AND p.account_id = $2 AND (p.transaction_id, p.ordinal) > ($3, $4)
        ORDER BY p.transaction_id, p.ordinal LIMIT $5";
    environment OF_DOCUMENT = "SELECT t.id, t.kind, t.document_kind, t.document_id, t.effective, t.recorded,
            a.entity_id, a.kind, a.owner, p.currency, p.amount
        FROM ledger_transaction t
        JOIN posting p ON p.env_id = t.env_id AND p.transaction_id = t.id
        JOIN ledger_account a ON a.env_id = p.env_id AND a.id = p.account_id
        WHERE t.env_id = $1 AND t.document_id = $2 AND t.document_kind = $3
        ORDER BY t.id, p.ordinal";
    environment COUNT = "SELECT (SELECT count(*) FROM ledger_transaction WHERE env_id = $1),
        (SELECT count(*) FROM posting WHERE env_id = $1), (SELECT count(*) FROM ledger_account WHERE env_id = $1)";
    environment TOTALS = "SELECT currency, CAST(sum(amount) AS bigint) FROM posting WHERE env_id = $1
        GROUP BY currency ORDER BY currency";
    /// Sums that are not zero, or hold postings to no account.
    environment UNBALANCED = "SELECT DISTINCT sums.transaction_id FROM (
            SELECT p.transaction_id FROM posting p
            LEFT JOIN ledger_account a ON a.env_id = p.env_id AND a.id = p.account_id
            WHERE p.env_id = $1
            GROUP BY p.transaction_id, a.entity_id, p.currency
            HAVING sum(p.amount) <> 0 OR count(a.id) <> count(*)
        ) sums ORDER BY sums.transaction_id";
    /// Headers with fewer than two postings.
    environment BARE = "SELECT t.id FROM ledger_transaction t
        LEFT JOIN posting p ON p.env_id = t.env_id AND p.transaction_id = t.id
        WHERE t.env_id = $1 GROUP BY t.id HAVING count(p.ordinal) < 2";
    /// Postings without a header.
    environment HEADLESS = "SELECT DISTINCT p.transaction_id FROM posting p
        LEFT JOIN ledger_transaction t ON t.env_id = p.env_id AND t.id = p.transaction_id
        WHERE p.env_id = $1 AND t.id IS NULL";
}

bulks! {
    /// Waits for a concurrent transaction that makes the same account.
    INSERT_ACCOUNTS = insert "ledger_account" { id: uuid, entity_id: uuid, kind: text, owner: text }
        "ON CONFLICT DO NOTHING";
    INSERT_TRANSACTIONS = insert "ledger_transaction" {
        id: uuid, kind: text, document_kind: text, document_id: uuid, effective: instant, recorded: instant,
    };
    INSERT_POSTINGS = insert "posting" {
        transaction_id: uuid, ordinal: int, account_id: uuid, currency: text, amount: int,
    };
}
