//! What cancellations store.

use store::{Extra, Migration, Step};

pub(crate) const MIGRATION: Migration = Migration {
    number: 8,
    name: "why customers cancel, and who came back",
    step: Step::Expand,
    sql: "
        CREATE TABLE cancellation (
            env_id UUID NOT NULL,
            subscription_id UUID NOT NULL,
            ordinal INTEGER NOT NULL,
            customer_id UUID NOT NULL,
            reason TEXT,
            comment TEXT,
            asked INSTANT NOT NULL,
            outcome TEXT NOT NULL,
            PRIMARY KEY (env_id, subscription_id, ordinal)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX cancellation_asked ON cancellation (env_id, asked, subscription_id);
        CREATE INDEX cancellation_comment ON cancellation (env_id, customer_id) WHERE comment IS NOT NULL;
        CREATE TABLE reactivation (
            env_id UUID NOT NULL,
            subscription_id UUID NOT NULL,
            successor_id UUID NOT NULL,
            coupon TEXT,
            at INSTANT NOT NULL,
            PRIMARY KEY (env_id, subscription_id)
        ) STRICT, WITHOUT ROWID;
    ",
    extra: Extra::NONE,
};
