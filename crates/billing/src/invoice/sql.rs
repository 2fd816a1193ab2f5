//! The only SQL about invoices.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT id, entity_id, customer_id, state, currency, number, issued, due, subtotal, tax, total, party, credit,
            seller, tax_rounding, ended, end_reason, paid, carried
         FROM invoice WHERE env_id = $1 AND "
    };
}

/// The columns of a line, as `invoice::read_line` takes them.
macro_rules! line_columns {
    () => {
        "l.ordinal, l.subscription_id, l.item, l.kind, l.key, l.dimensions, l.adjustment, l.description, l.start_date,
            l.start_at, l.end_date, l.end_at, l.quantity, l.measured, l.discount, l.amount, l.tax, l.tax_category,
            l.explanation, i.currency"
    };
}
pub(crate) use line_columns;

statements! {
    environment FIND = concat!(columns!(), "id = $2");
    environment MANY = concat!(columns!(), "id IN_IDS($2) ORDER BY id");
    environment BY_NUMBER = "SELECT id FROM invoice WHERE env_id = $1 AND entity_id = $2 AND sequence = $3";
    environment ISSUERS = "SELECT id, entity_id, customer_id FROM invoice WHERE env_id = $1 AND id IN_IDS($2)";
    environment LIST = concat!(columns!(), "id < $2 ORDER BY id DESC LIMIT $3");
    environment OF_CUSTOMER = concat!(columns!(), "customer_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4");
    /// The open invoices of a customer, the oldest first.
    environment OPEN_OF = concat!(columns!(), "customer_id = $2 AND state = 'finalized' ORDER BY issued, id");
    environment OF_SUBSCRIPTION = concat!(columns!(), "id IN (
            SELECT invoice_id FROM invoice_line WHERE env_id = $1 AND subscription_id = $2)
        AND id < $3 ORDER BY id DESC LIMIT $4");
    environment LINES = concat!("SELECT ", line_columns!(), "
        FROM invoice_line l JOIN invoice i ON i.env_id = l.env_id AND i.id = l.invoice_id
        WHERE l.env_id = $1 AND l.invoice_id = $2 ORDER BY l.ordinal");
    /// What waits for the next invoices of customers.
    environment CARRIED = "SELECT id, entity_id, customer_id, currency, due, tax_rounding, carried FROM invoice
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND carried IS NOT NULL AND state = 'draft' ORDER BY id";
    environment CARRIED_OF = "SELECT i.id FROM invoice i WHERE i.env_id = $1 AND i.carried IS NOT NULL AND i.state = 'draft'
            AND i.customer_id = (SELECT customer_id FROM subscription WHERE env_id = $1 AND id = $2)
            AND EXISTS (SELECT 1 FROM invoice_line l WHERE l.env_id = $1 AND l.invoice_id = i.id AND l.subscription_id = $2)
        ORDER BY i.id";
    environment LINES_OF = concat!("SELECT l.invoice_id, ", line_columns!(), "
        FROM invoice_line l JOIN invoice i ON i.env_id = l.env_id AND i.id = l.invoice_id
        WHERE l.env_id = $1 AND l.invoice_id IN_IDS($2) ORDER BY l.invoice_id, l.ordinal");
    environment FORGET_TAXES = "DELETE FROM invoice_tax WHERE env_id = $1 AND invoice_id IN_IDS($2)";
    environment FORGET_LINES = "DELETE FROM invoice_line WHERE env_id = $1 AND invoice_id IN_IDS($2)";
    environment FORGET = "DELETE FROM invoice WHERE env_id = $1 AND id IN_IDS($2) AND state = 'draft'";
    /// The last adjustment of the lines of each item that begin at an instant or later.
    environment ADJUSTMENTS = "SELECT item, start_at, max(adjustment) FROM invoice_line
        WHERE env_id = $1 AND subscription_id = $2 AND start_at >= $3 GROUP BY item, start_at";
    environment LOCK = "SELECT id FROM invoice WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE";
    environment ISSUE = "UPDATE invoice SET state = $3, sequence = $4, number = $5, issued = $6, party = $7, credit = $8,
            seller = $9, carried = NULL
        WHERE env_id = $1 AND id = $2 AND state = 'draft'";
    environment TAXES = "SELECT t.jurisdiction, t.kind, t.name, t.rate, t.base, t.amount, t.reason, t.note, i.currency
        FROM invoice_tax t JOIN invoice i ON i.env_id = t.env_id AND i.id = t.invoice_id
        WHERE t.env_id = $1 AND t.invoice_id = $2 ORDER BY t.ordinal";
    environment DROP_TAXES = "DELETE FROM invoice_tax WHERE env_id = $1 AND invoice_id = $2";
    environment TAX_LINE = "UPDATE invoice_line SET tax = $4, tax_ordinal = $5
        WHERE env_id = $1 AND invoice_id = $2 AND ordinal = $3";
    environment TAX = "UPDATE invoice SET tax = $3, total = $4 WHERE env_id = $1 AND id = $2 AND state = 'draft'";
    environment END = "UPDATE invoice SET state = $3, ended = $4, end_reason = $5 WHERE env_id = $1 AND id = $2";
}

bulks! {
    INSERT = insert "invoice" {
        id: uuid, entity_id: uuid, customer_id: uuid, state: text, currency: text, sequence: int, number: text,
        issued: date, due: instant, subtotal: int, tax: int, total: int, credit: int, party: json,
        seller: json, tax_rounding: text, bill_run_id: uuid,
    };
    /// What credit pays of issued invoices.
    USE_CREDIT = update "invoice" { id: uuid, credit: int, state: text } 1;
    CARRY = update "invoice" { id: uuid, carried: int } 1;
    INSERT_LINES = insert "invoice_line" {
        invoice_id: uuid, ordinal: int, subscription_id: uuid, item: int, kind: text, key: text, dimensions: text,
        adjustment: int, description: text, start_date: date, start_at: instant, end_date: date, end_at: instant,
        quantity: int, measured: text, discount: int, amount: int, tax: int, tax_category: text, explanation: json,
        tax_ordinal: int,
    };
    INSERT_TAXES = insert "invoice_tax" {
        invoice_id: uuid, ordinal: int, jurisdiction: text, kind: text, name: text, rate: text, base: int, amount: int,
        reason: text, note: text,
    };
}
