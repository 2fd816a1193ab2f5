//! The only SQL about bill runs.

use store::statements;

macro_rules! columns {
    () => {
        "SELECT id, state, begun_by, first_due, last_due, zone_data, subscriptions, invoices, totals, started, finished
         FROM bill_run WHERE env_id = $1 AND "
    };
}

statements! {
    environment FIND = concat!(columns!(), "id = $2");
    environment OPEN = concat!(columns!(), "state = 'running'");
    environment LIST = concat!(columns!(), "id < $2 ORDER BY id DESC LIMIT $3");
    environment INSERT = "INSERT INTO bill_run (env_id, id, state, begun_by, first_due, last_due, zone_data, subscriptions, invoices, totals, started)
        VALUES ($1, $2, 'running', $3, $4, $4, $5, 0, 0, $6, $7) ON CONFLICT DO NOTHING";
    environment COUNT = "UPDATE bill_run SET last_due = $3, subscriptions = $4, invoices = $5, totals = $6 WHERE env_id = $1 AND id = $2";
    environment CLOSE = "UPDATE bill_run SET state = 'done', finished = $2 WHERE env_id = $1 AND state = 'running'";
    /// Customers with something due up to an instant, in order.
    environment DUE_CUSTOMERS = "SELECT DISTINCT customer_id FROM subscription
        WHERE env_id = $1 AND due <= $2 AND customer_id > $3
        ORDER BY customer_id LIMIT $4";
    environment INVOICES = "SELECT id FROM invoice WHERE env_id = $1 AND bill_run_id = $2 AND id > $3 ORDER BY id LIMIT $4";
}
