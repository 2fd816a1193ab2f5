//! The only SQL about payments.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT p.id, p.entity_id, p.customer_id, p.method, p.currency, p.amount, p.credit, p.reference, p.received,
            p.reversed, p.day"
    };
}

/// What a payment did to an invoice, as `ops::read::settlement` takes it.
macro_rules! settlement {
    () => {
        "s.payment_id, s.ordinal, s.invoice_id, s.cause, s.amount, s.at, p.currency"
    };
}

/// An invoice as payments see it, as `ops::Target` is read.
macro_rules! target {
    () => {
        "SELECT i.id, i.entity_id, i.customer_id, i.currency, i.state, i.total, i.credit, i.paid FROM invoice i "
    };
}

statements! {
    environment FIND = concat!(columns!(), " FROM payment p WHERE p.env_id = $1 AND p.id = $2");
    environment LIST = concat!(columns!(), " FROM payment p WHERE p.env_id = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3");
    environment OF_CUSTOMER = concat!(columns!(), " FROM payment p
        WHERE p.env_id = $1 AND p.customer_id = $2 AND p.id < $3 ORDER BY p.id DESC LIMIT $4");
    environment SETTLEMENTS = concat!("SELECT ", settlement!(), " FROM settlement s
        JOIN payment p ON p.env_id = s.env_id AND p.id = s.payment_id
        WHERE s.env_id = $1 AND s.payment_id = $2 ORDER BY s.ordinal");
    environment OF_INVOICE = concat!(columns!(), ", ", settlement!(), " FROM settlement s
        JOIN payment p ON p.env_id = s.env_id AND p.id = s.payment_id
        WHERE s.env_id = $1 AND s.invoice_id = $2 ORDER BY s.at, s.payment_id, s.ordinal");
    /// The open invoices of customers, the oldest first.
    environment OPEN = concat!(target!(), "
        WHERE i.env_id = $1 AND i.customer_id IN_IDS($2) AND i.state = 'finalized' ORDER BY i.issued, i.id");
    environment NAMED = concat!(target!(), "WHERE i.env_id = $1 AND i.id IN_IDS($2)");
    /// What a payment settled and that still stands.
    environment STANDING = concat!(target!(), "
        JOIN (SELECT invoice_id FROM settlement WHERE env_id = $1 AND payment_id = $2
            GROUP BY invoice_id HAVING sum(amount) > 0) s ON s.invoice_id = i.id
        WHERE i.env_id = $1 ORDER BY i.id");
    environment STANDING_AMOUNTS = "SELECT invoice_id, CAST(sum(amount) AS bigint) FROM settlement
        WHERE env_id = $1 AND payment_id = $2 GROUP BY invoice_id HAVING sum(amount) > 0 ORDER BY invoice_id";
    /// The invoices a customer's credit has paid, the newest first, with what was taken back of that.
    environment PAID_BY_CREDIT = concat!(target!(), "
        WHERE i.env_id = $1 AND i.customer_id = $2 AND i.entity_id = $3 AND i.currency = $4 AND i.credit > 0
            AND i.state <> 'void' ORDER BY i.issued DESC, i.id DESC");
    environment RETURNED = "SELECT invoice_id, CAST(sum(amount) AS bigint) FROM settlement
        WHERE env_id = $1 AND invoice_id IN_IDS($2) AND cause = 'credit_returned' GROUP BY invoice_id";
    /// What stands of payments of an invoice, with how often each payment moved.
    environment STANDING_OF = "SELECT s.payment_id, p.credit, CAST(sum(s.amount) AS bigint),
            (SELECT count(*) FROM settlement o WHERE o.env_id = $1 AND o.payment_id = s.payment_id)
        FROM settlement s JOIN payment p ON p.env_id = s.env_id AND p.id = s.payment_id
        WHERE s.env_id = $1 AND s.invoice_id = $2 AND p.reversed IS NULL
        GROUP BY s.payment_id, p.credit HAVING sum(s.amount) > 0 ORDER BY s.payment_id";
    environment SET_LEFT = "UPDATE invoice SET paid = $3 WHERE env_id = $1 AND id = $2";
    environment COUNT = "SELECT count(*) FROM settlement WHERE env_id = $1 AND payment_id = $2";
    environment REVERSE = "UPDATE payment SET reversed = $3 WHERE env_id = $1 AND id = $2 AND reversed IS NULL";
}

bulks! {
    INSERT = insert "payment" {
        id: uuid, entity_id: uuid, customer_id: uuid, method: text, currency: text, amount: int, credit: int,
        reference: text, received: instant, day: date,
    } "ON CONFLICT DO NOTHING";
    SETTLE = insert "settlement" {
        payment_id: uuid, ordinal: int, invoice_id: uuid, cause: text, amount: int, at: instant,
    };
    SET_CREDIT = update "payment" { id: uuid, credit: int } 1;
    SET_PAID = update "invoice" { id: uuid, paid: int, state: text } 1;
}
