//! The only SQL of jumps.

use store::statements;

statements! {
    environment INSERT = "INSERT INTO usage_jump (env_id, id, customer_id, meter, day, used, usual, times, noticed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (env_id, customer_id, meter, day) DO NOTHING";
    environment LIST = "SELECT id, customer_id, meter, day, used, usual, times, noticed FROM usage_jump
        WHERE env_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    environment OF_CUSTOMER = "SELECT id, customer_id, meter, day, used, usual, times, noticed FROM usage_jump
        WHERE env_id = $1 AND customer_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
    environment ON_DAYS = "SELECT customer_id, meter, day FROM usage_jump WHERE env_id = $1 AND day IN ($2, $3)";
}
