//! The only SQL of alerts.

use store::statements;

statements! {
    environment INSERT = "INSERT INTO limit_alert (env_id, id, customer_id, subscription_id, meter, who, since, until,
            level, amount, used, decimals, upgrade, reached)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (env_id, customer_id, meter, who, since, level) DO NOTHING";
    environment LIST = "SELECT id, customer_id, meter, who, since, level, until, subscription_id, amount, used, decimals,
            upgrade, reached
        FROM limit_alert WHERE env_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    environment OF_CUSTOMER = "SELECT id, customer_id, meter, who, since, level, until, subscription_id, amount, used,
            decimals, upgrade, reached
        FROM limit_alert WHERE env_id = $1 AND customer_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
    /// What several customers were told of that they reached at an instant or later.
    environment SINCE = "SELECT id, customer_id, meter, who, since, level, until, subscription_id, amount, used, decimals,
            upgrade, reached
        FROM limit_alert WHERE env_id = $1 AND customer_id IN_IDS($2) AND reached >= $3";
}
