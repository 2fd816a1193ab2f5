//! The only SQL about redeemed coupons.

use store::{bulks, statements};

statements! {
    environment COUNTS = "SELECT coupon, CAST(max(ordinal) AS bigint) FROM redemption
        WHERE env_id = $1 AND coupon IN_TEXTS($2) GROUP BY coupon";
    environment OF_COUPON = "SELECT ordinal, customer_id, subscription_id, redeemed FROM redemption
        WHERE env_id = $1 AND coupon = $2 AND ordinal < $3 ORDER BY ordinal DESC LIMIT $4";
}

bulks! {
    TAKE = insert "redemption" {
        coupon: text, ordinal: int, customer_id: uuid, subscription_id: uuid, redeemed: instant,
    } "ON CONFLICT DO NOTHING";
}
