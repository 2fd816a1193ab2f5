//! The only SQL about redeemed coupons.

use store::{bulks, statements};

statements! {
    environment COUNTS = "SELECT coupon, CAST(max(ordinal) AS bigint) FROM redemption
        WHERE env_id = $1 AND coupon IN_TEXTS($2) GROUP BY coupon";
    /// How often customers redeemed coupons before.
    environment BEFORE = "SELECT customer_id, coupon FROM redemption
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND coupon IN_TEXTS($3)";
    /// Customers who had a subscription before, apart from some, and had it for money.
    environment PAID_BEFORE = "SELECT DISTINCT customer_id FROM subscription
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND state <> 'trialing' AND NOT id IN_IDS($3)
            AND (trial_end IS NULL OR billed > trial_end) AND state <> 'scheduled' AND (ends IS NULL OR ends > started)";
    environment USES = "SELECT subscription_id, coupon, uses FROM coupon_use
        WHERE env_id = $1 AND invoice_id = $2 ORDER BY subscription_id, coupon";
    environment OF_COUPON = "SELECT ordinal, customer_id, subscription_id, redeemed FROM redemption
        WHERE env_id = $1 AND coupon = $2 AND ordinal < $3 ORDER BY ordinal DESC LIMIT $4";
}

bulks! {
    TAKE = insert "redemption" {
        coupon: text, ordinal: int, customer_id: uuid, subscription_id: uuid, redeemed: instant,
    } "ON CONFLICT DO NOTHING";
    /// An invoice that waited for the next one takes the uses of both.
    USE = insert "coupon_use" { invoice_id: uuid, subscription_id: uuid, coupon: text, uses: int }
        "ON CONFLICT (env_id, invoice_id, subscription_id, coupon) DO UPDATE SET uses = coupon_use.uses + excluded.uses";
}
