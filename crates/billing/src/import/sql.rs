//! What an import asks about subscriptions that are there.

use store::statements;

statements! {
    environment SUBSCRIPTIONS_THERE = "SELECT external_id FROM subscription
        WHERE env_id = $1 AND external_id IN_TEXTS($2)";
}
