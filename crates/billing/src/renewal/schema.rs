//! What renewal offers store.

use store::{Extra, Migration, Step};

pub(crate) const MIGRATION: Migration = Migration {
    number: 9,
    name: "renewal offers",
    step: Step::Expand,
    sql: "
        CREATE TABLE renewal_offer (
            env_id UUID NOT NULL,
            subscription_id UUID NOT NULL,
            ordinal INTEGER NOT NULL,
            customer_id UUID NOT NULL,
            terms JSON NOT NULL,
            valid_until DATE,
            made INSTANT NOT NULL,
            answer TEXT,
            answered INSTANT,
            PRIMARY KEY (env_id, subscription_id, ordinal)
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX renewal_offer_open ON renewal_offer (env_id, subscription_id) WHERE answer IS NULL;
    ",
    extra: Extra::NONE,
};
