//! The only SQL about subscriptions.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT id, entity_id, customer_id, external_id, book_id, state, currency, anchor, cycle, zone, wall_time,
            started, period_start_date, period_start, period_end_date, period_end, billed_date, billed, metadata, ends, pending,
            trial_end_date, trial_end, has_method, arrears_date, arrears_from, peak, term, agreement, discounts,
            usage_cycle, usage_date, usage_from, usage_end_date, usage_end, usage_peak, closing, next_zone
         FROM subscription WHERE env_id = $1 AND "
    };
}

statements! {
    environment MANY = concat!(columns!(), "id IN_IDS($2) ORDER BY id");
    environment LIST = concat!(columns!(), "id < $2 ORDER BY id DESC LIMIT $3");
    environment OF_CUSTOMER = concat!(columns!(), "customer_id = $2 ORDER BY id DESC LIMIT $3");
    environment OF_CUSTOMERS = concat!(columns!(), "customer_id IN_IDS($2) ORDER BY customer_id, id");
    environment ITEMS = "SELECT subscription_id, ordinal, kind, key, quantity FROM subscription_item
        WHERE env_id = $1 AND subscription_id IN_IDS($2) ORDER BY subscription_id, ordinal";
    environment DUE_UNTIL = concat!(columns!(), "customer_id IN_IDS($2) AND due <= $3
        ORDER BY customer_id, id");
    environment BY_EXTERNAL = "SELECT id FROM subscription WHERE env_id = $1 AND external_id = $2";
    environment WHOSE = "SELECT id, customer_id FROM subscription WHERE env_id = $1 AND id IN_IDS($2)";
    environment NAMED = "SELECT external_id, id, customer_id FROM subscription WHERE env_id = $1 AND external_id IN_TEXTS($2)";
    /// The newest of each customer that are not over.
    environment RUNNING_OF = concat!(columns!(), "id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY id DESC) AS place FROM subscription
                WHERE env_id = $1 AND customer_id IN_IDS($2) AND state NOT IN ('canceled', 'expired')) newest
            WHERE place <= $3)
        ORDER BY customer_id, id");
    /// Those that fall due at an instant, in the order of their documents.
    environment DUE = concat!(columns!(), "customer_id IN_IDS($2) AND due = $3
        ORDER BY customer_id, id");
    /// Those that follow their customer's zone do so from their next period on.
    environment FOLLOW_ZONE = "UPDATE subscription SET next_zone = $4
        WHERE env_id = $1 AND customer_id = $2 AND coalesce(next_zone, zone) = $3 AND state NOT IN ('canceled', 'expired')";
    environment DROP_ITEMS = "DELETE FROM subscription_item WHERE env_id = $1 AND subscription_id IN_IDS($2)";
}

bulks! {
    INSERT = insert "subscription" {
        id: uuid, entity_id: uuid, customer_id: uuid, external_id: text, book_id: uuid, state: text, currency: text,
        anchor: date, cycle: text, zone: text, wall_time: text, started: instant, period_start_date: date,
        period_start: instant, period_end_date: date, period_end: instant, billed_date: date, billed: instant,
        ends: instant, pending: json, trial_end_date: date, trial_end: instant, has_method: bool, metadata: json,
        arrears_date: date, arrears_from: instant, peak: int, term: json, agreement: json, discounts: json,
        usage_cycle: text, usage_date: date, usage_from: instant, usage_end_date: date, usage_end: instant, usage_peak: int,
        due: instant, closing: json, next_zone: text, plan: text,
    } "ON CONFLICT DO NOTHING";
    INSERT_ITEMS = insert "subscription_item" { subscription_id: uuid, ordinal: int, kind: text, key: text, quantity: int };
    SAVE = update "subscription" {
        id: uuid, book_id: uuid, state: text, anchor: date, cycle: text, wall_time: text, period_start_date: date,
        period_start: instant, period_end_date: date, period_end: instant, billed_date: date, billed: instant,
        ends: instant, pending: json, trial_end_date: date, trial_end: instant, has_method: bool, arrears_date: date,
        arrears_from: instant, peak: int, term: json, agreement: json, discounts: json,
        usage_cycle: text, usage_date: date, usage_from: instant, usage_end_date: date, usage_end: instant, usage_peak: int,
        due: instant, closing: json, next_zone: text, zone: text, plan: text,
    } 1;
    /// What every period changes.
    OPEN_PERIOD = update "subscription" {
        id: uuid, period_start_date: date, period_start: instant, period_end_date: date, period_end: instant,
        billed_date: date, billed: instant, arrears_date: date, arrears_from: instant, peak: int, due: instant,
    } 1;
}
