//! What bill runs add to what is stored.

use store::{Extra, Migration, Step};

/// Drafts that wait for the next invoice.
pub(crate) const CARRIED: Migration = Migration {
    number: 10,
    name: "invoices over too little are carried over",
    step: Step::Expand,
    sql: "
        ALTER TABLE invoice ADD COLUMN carried INTEGER;
        CREATE INDEX invoice_carried ON invoice (env_id, customer_id, id) WHERE carried IS NOT NULL;
    ",
    extra: Extra::NONE,
};
