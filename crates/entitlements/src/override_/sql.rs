//! The only SQL about overrides.

use store::statements;

statements! {
    environment OF_CUSTOMERS = "SELECT customer_id, key, value, expires, reason, made FROM entitlement_override
        WHERE env_id = $1 AND customer_id IN_IDS($2) ORDER BY customer_id, key";
    environment COUNT = "SELECT count(*) FROM entitlement_override WHERE env_id = $1 AND customer_id = $2 AND key <> $3";
    environment SET = "INSERT INTO entitlement_override (env_id, customer_id, key, value, expires, reason, made)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (env_id, customer_id, key) DO UPDATE SET value = $4, expires = $5, reason = $6, made = $7";
    environment REMOVE = "DELETE FROM entitlement_override WHERE env_id = $1 AND customer_id = $2 AND key = $3";
    environment FORGET_REASONS = "UPDATE entitlement_override SET reason = NULL
        WHERE env_id = $1 AND customer_id = $2 AND reason IS NOT NULL";
}
