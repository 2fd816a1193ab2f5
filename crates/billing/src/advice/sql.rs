//! The only SQL of advice.

use store::statements;

statements! {
    /// Customers that ever subscribed, by id.
    environment CUSTOMERS = "SELECT DISTINCT customer_id FROM subscription
        WHERE env_id = $1 AND customer_id > $2 ORDER BY customer_id LIMIT $3";
}
