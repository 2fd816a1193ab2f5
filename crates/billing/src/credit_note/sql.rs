//! The only SQL about credit notes.

use store::{bulks, statements};

use crate::invoice::sql::line_columns;

macro_rules! columns {
    () => {
        "SELECT id, entity_id, customer_id, invoice_id, currency, number, issued, effective, cause, subtotal, tax, total, party, seller
         FROM credit_note WHERE env_id = $1 AND "
    };
}

/// Lines of invoices with what was credited of them.
macro_rules! with_credit {
    () => {
        with_credit!("i.state")
    };
    (issued) => {
        with_credit!("CASE WHEN i.carried IS NULL THEN i.state ELSE 'finalized' END")
    };
    ($state:literal) => {
        concat!(
            "SELECT l.invoice_id, ",
            $state,
            ", i.entity_id, i.customer_id,
            (SELECT CAST(coalesce(sum(c.amount), 0) AS bigint) FROM credit_note_line c
                WHERE c.env_id = l.env_id AND c.invoice_id = l.invoice_id AND c.invoice_line = l.ordinal),
            (SELECT CAST(coalesce(sum(c.tax), 0) AS bigint) FROM credit_note_line c
                WHERE c.env_id = l.env_id AND c.invoice_id = l.invoice_id AND c.invoice_line = l.ordinal),
            ",
            line_columns!(),
            "
        FROM invoice_line l JOIN invoice i ON i.env_id = l.env_id AND i.id = l.invoice_id
        WHERE l.env_id = $1 AND "
        )
    };
}

statements! {
    environment FIND = concat!(columns!(), "id = $2");
    environment BY_NUMBER = "SELECT id FROM credit_note WHERE env_id = $1 AND entity_id = $2 AND sequence = $3";
    environment OF_INVOICE = concat!(columns!(), "invoice_id = $2 ORDER BY id");
    environment MANY = concat!(columns!(), "id IN_IDS($2)");
    environment OF_CUSTOMER = concat!(columns!(), "customer_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4");
    environment OF_SUBSCRIPTION = concat!(columns!(), "id IN (
            SELECT c.credit_note_id FROM invoice_line l JOIN credit_note_line c
                ON c.env_id = l.env_id AND c.invoice_id = l.invoice_id AND c.invoice_line = l.ordinal
            WHERE l.env_id = $1 AND l.subscription_id = $2)
        AND id < $3 ORDER BY id DESC LIMIT $4");
    environment LINES = "SELECT l.ordinal, l.invoice_id, l.invoice_line, l.description, l.start_date, l.start_at,
            l.end_date, l.end_at, l.amount, l.explanation, n.currency, l.tax, l.key
        FROM credit_note_line l JOIN credit_note n ON n.env_id = l.env_id AND n.id = l.credit_note_id
        WHERE l.env_id = $1 AND l.credit_note_id = $2 ORDER BY l.ordinal";
    /// Lines in advance of a subscription that end after an instant and that no credit note has ended,
    /// with what was credited of them. For what was given up nobody has paid.
    /// A draft that only waits because it is over so little is issued before anything of it is credited.
    environment RUNNING = concat!(with_credit!(issued), "l.subscription_id = $2 AND l.kind = 'recurring' AND l.end_at > $3
            AND i.state NOT IN ('void', 'uncollectible')
            AND NOT EXISTS (SELECT 1 FROM credit_note_line c
                WHERE c.env_id = l.env_id AND c.invoice_id = l.invoice_id AND c.invoice_line = l.ordinal AND c.ends)
        ORDER BY l.item, l.start_at, l.adjustment");
    /// What was voided was billed too: it is not billed again by itself.
    environment BILLED_IN_ARREARS = concat!(with_credit!(), "l.subscription_id IN_IDS($2)
            AND l.kind IN ('usage', 'arrears', 'minimum') AND l.start_at >= $3
        ORDER BY l.subscription_id, l.start_at, l.item, l.key, l.adjustment");
    environment FEES = concat!(with_credit!(), "l.subscription_id IN_IDS($2) AND l.kind = 'recurring' AND l.start_at >= $3
            AND i.state <> 'void'");
    /// What decides where a credited line is posted back from.
    environment SOURCE = "SELECT l.kind, l.key, t.jurisdiction
        FROM invoice_line l LEFT JOIN invoice_tax t
            ON t.env_id = l.env_id AND t.invoice_id = l.invoice_id AND t.ordinal = l.tax_ordinal
        WHERE l.env_id = $1 AND l.invoice_id = $2 AND l.ordinal = $3";
    /// Each line of a credit note with the tax of the line it credits.
    environment TAXES = "SELECT t.ordinal, t.jurisdiction, t.kind, t.name, t.rate, t.reason, t.note, c.amount, c.tax, i.currency
        FROM credit_note_line c
        JOIN invoice i ON i.env_id = c.env_id AND i.id = c.invoice_id
        JOIN invoice_line l ON l.env_id = c.env_id AND l.invoice_id = c.invoice_id AND l.ordinal = c.invoice_line
        JOIN invoice_tax t ON t.env_id = l.env_id AND t.invoice_id = l.invoice_id AND t.ordinal = l.tax_ordinal
        WHERE c.env_id = $1 AND c.credit_note_id = $2 ORDER BY t.ordinal, c.ordinal";
    /// Lines of a subscription that credit notes ended before their own end, which lies after an instant;
    /// the last ended first.
    environment ENDED = "SELECT n.number, c.start_date, c.start_at, c.end_date, c.end_at, c.amount, n.currency, l.explanation
        FROM invoice_line l
        JOIN credit_note_line c ON c.env_id = l.env_id AND c.invoice_id = l.invoice_id AND c.invoice_line = l.ordinal
        JOIN credit_note n ON n.env_id = c.env_id AND n.id = c.credit_note_id
        WHERE l.env_id = $1 AND l.subscription_id = $2 AND l.end_at > $3 AND c.ends
        ORDER BY n.id DESC, c.ordinal";
}

bulks! {
    INSERT = insert "credit_note" {
        id: uuid, entity_id: uuid, customer_id: uuid, invoice_id: uuid, currency: text, sequence: int, number: text,
        issued: date, effective: instant, cause: text, subtotal: int, tax: int, total: int, party: json,
        seller: json,
    };
    INSERT_LINES = insert "credit_note_line" {
        credit_note_id: uuid, ordinal: int, invoice_id: uuid, invoice_line: int, ends: bool, description: text, start_date: date,
        start_at: instant, end_date: date, end_at: instant, amount: int, explanation: json, tax: int, key: text,
    };
}
