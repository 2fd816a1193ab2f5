//! The only SQL about one-off charges.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT c.subscription_id, c.ordinal, c.added, c.key, c.description, c.quantity, c.amount, c.tax_category, c.explanation,
            c.invoice_id, s.currency, c.added_date
         FROM one_off_charge c JOIN subscription s ON s.env_id = c.env_id AND s.id = c.subscription_id
         WHERE c.env_id = $1 AND c.subscription_id IN_IDS($2) AND NOT c.removed"
    };
}

statements! {
    environment OF_SUBSCRIPTION = concat!(columns!(), " ORDER BY c.ordinal DESC LIMIT $3");
    environment PENDING = concat!(columns!(), " AND c.waits ORDER BY c.subscription_id, c.ordinal");
    environment LAST = "SELECT max(ordinal) FROM one_off_charge WHERE env_id = $1 AND subscription_id = $2";
    environment REMOVE = "UPDATE one_off_charge SET removed = TRUE, waits = FALSE
        WHERE env_id = $1 AND subscription_id = $2 AND ordinal = $3 AND waits";
}

bulks! {
    INSERT = insert "one_off_charge" {
        subscription_id: uuid, ordinal: int, added_date: date, added: instant, key: text, description: text, quantity: int,
        amount: int, tax_category: text, explanation: json, invoice_id: uuid, waits: bool, removed: bool,
    };
    BILLED = update "one_off_charge" { subscription_id: uuid, ordinal: int, invoice_id: uuid, waits: bool } 2;
}
