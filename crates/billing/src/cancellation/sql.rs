//! The only SQL about cancellations.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT subscription_id, ordinal, customer_id, reason, comment, asked, outcome FROM cancellation WHERE env_id = $1 AND "
    };
}

statements! {
    environment OF_SUBSCRIPTION = concat!(columns!(), "subscription_id = $2 ORDER BY ordinal DESC");
    /// Those before a place, last first.
    environment LIST = concat!(columns!(), "(asked, subscription_id, ordinal) < ($2, $3, $4)
        ORDER BY asked DESC, subscription_id DESC, ordinal DESC LIMIT $5");
    environment COUNTS = "SELECT reason, outcome, count(*) FROM cancellation
        WHERE env_id = $1 AND asked >= $2 AND asked < $3 GROUP BY reason, outcome";
    environment KEEP = "UPDATE cancellation SET outcome = 'kept'
        WHERE env_id = $1 AND subscription_id = $2 AND ordinal = $3 AND outcome = 'canceled'";
    environment BLANK = "UPDATE cancellation SET comment = NULL WHERE env_id = $1 AND customer_id = $2 AND comment IS NOT NULL";
    environment SUCCESSOR = "SELECT successor_id FROM reactivation WHERE env_id = $1 AND subscription_id = $2";
}

bulks! {
    INSERT = insert "cancellation" {
        subscription_id: uuid, ordinal: int, customer_id: uuid, reason: text, comment: text, asked: instant, outcome: text,
    };
    REACTIVATE = insert "reactivation" { subscription_id: uuid, successor_id: uuid, coupon: text, at: instant };
}
