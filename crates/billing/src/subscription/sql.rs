//! The only SQL about subscriptions.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT id, entity_id, customer_id, external_id, book_id, state, currency, anchor, cycle, zone, wall_time,
            started, period_start_date, period_start, period_end_date, period_end, billed_date, billed, metadata
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
    environment LOCK = "SELECT id FROM subscription WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE";
}

bulks! {
    INSERT = insert "subscription" {
        id: uuid, entity_id: uuid, customer_id: uuid, external_id: text, book_id: uuid, state: text, currency: text,
        anchor: date, cycle: text, zone: text, wall_time: text, started: instant, period_start_date: date,
        period_start: instant, period_end_date: date, period_end: instant, billed_date: date, billed: instant,
        metadata: json,
    } "ON CONFLICT DO NOTHING";
    INSERT_ITEMS = insert "subscription_item" { subscription_id: uuid, ordinal: int, kind: text, key: text, quantity: int };
    OPEN_PERIOD = update "subscription" {
        id: uuid, period_start_date: date, period_start: instant, period_end_date: date, period_end: instant,
        billed_date: date, billed: instant,
    } 1;
}
