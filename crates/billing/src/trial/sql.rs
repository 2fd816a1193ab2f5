//! The only SQL about who had a trial.

use store::{bulks, statements};

statements! {
    environment OF_MARKS = "SELECT mark, sameness, customer_id, subscription_id, began FROM trial_sign
        WHERE env_id = $1 AND mark IN_TEXTS($2) ORDER BY mark";
    /// The trials of customers, the first of each first.
    environment OF_CUSTOMERS = "SELECT customer_id, id, started FROM subscription
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND trial_end IS NOT NULL ORDER BY customer_id, id";
}

bulks! {
    /// The first one with a sign keeps it.
    INSERT = insert "trial_sign" {
        mark: text, sameness: text, customer_id: uuid, subscription_id: uuid, began: instant,
    } "ON CONFLICT DO NOTHING";
}
