//! The only SQL about subscriptions.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT id, entity_id, customer_id, external_id, book_id, state, currency, anchor, cycle, zone, wall_time,
            started, period_start_date, period_start, period_end_date, period_end, billed_date, billed, metadata, ends, pending,
            trial_end_date, trial_end, has_method
         FROM subscription WHERE env_id = $1 AND "
    };
}

statements! {
    environment MANY = concat!(columns!(), "id IN_IDS($2) ORDER BY id");
    environment LIST = concat!(columns!(), "id < $2 ORDER BY id DESC LIMIT $3");
    environment OF_CUSTOMER = concat!(columns!(), "customer_id = $2 ORDER BY id DESC LIMIT $3");
    environment ITEMS = "SELECT subscription_id, ordinal, kind, key, quantity FROM subscription_item
        WHERE env_id = $1 AND subscription_id IN_IDS($2) ORDER BY subscription_id, ordinal";
    environment BY_EXTERNAL = "SELECT id FROM subscription WHERE env_id = $1 AND external_id = $2";
    environment SAVE = "UPDATE subscription SET book_id = $3, state = $4, anchor = $5, cycle = $6, wall_time = $7,
            period_start_date = $8, period_start = $9, period_end_date = $10, period_end = $11, billed_date = $12,
            billed = $13, ends = $14, pending = $15, trial_end_date = $16, trial_end = $17, has_method = $18
        WHERE env_id = $1 AND id = $2";
    environment DROP_ITEMS = "DELETE FROM subscription_item WHERE env_id = $1 AND subscription_id = $2";
    /// Customers who had a trial before.
    environment TRIED = "SELECT customer_id FROM subscription
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND trial_end IS NOT NULL LIMIT 1";
    environment LOCK = "SELECT id FROM subscription WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE";
}

bulks! {
    INSERT = insert "subscription" {
        id: uuid, entity_id: uuid, customer_id: uuid, external_id: text, book_id: uuid, state: text, currency: text,
        anchor: date, cycle: text, zone: text, wall_time: text, started: instant, period_start_date: date,
        period_start: instant, period_end_date: date, period_end: instant, billed_date: date, billed: instant,
        ends: instant, pending: json, trial_end_date: date, trial_end: instant, has_method: bool, metadata: json,
    } "ON CONFLICT DO NOTHING";
    INSERT_ITEMS = insert "subscription_item" { subscription_id: uuid, ordinal: int, kind: text, key: text, quantity: int };
    OPEN_PERIOD = update "subscription" {
        id: uuid, period_start_date: date, period_start: instant, period_end_date: date, period_end: instant,
        billed_date: date, billed: instant,
    } 1;
}
