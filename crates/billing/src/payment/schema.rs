//! What payments store.

use store::{Migration, Step};

/// Payments, what they did to invoices, and what invoices were paid.
pub(crate) const MIGRATION: Migration = Migration {
    number: 5,
    name: "payments, what they settle",
    step: Step::Expand,
    sql: "
        CREATE TABLE payment (
            env_id UUID NOT NULL,
            id UUID NOT NULL,
            entity_id UUID NOT NULL,
            customer_id UUID NOT NULL,
            method TEXT NOT NULL,
            currency TEXT NOT NULL,
            amount INTEGER NOT NULL,
            credit INTEGER NOT NULL,
            reference TEXT,
            received INSTANT NOT NULL,
            day DATE NOT NULL,
            reversed INSTANT,
            PRIMARY KEY (env_id, id)
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX payment_reference ON payment (env_id, reference)
            WHERE reference IS NOT NULL AND reversed IS NULL;
        CREATE INDEX payment_customer ON payment (env_id, customer_id, id);
        CREATE TABLE settlement (
            env_id UUID NOT NULL,
            payment_id UUID NOT NULL,
            ordinal INTEGER NOT NULL,
            invoice_id UUID NOT NULL,
            cause TEXT NOT NULL,
            amount INTEGER NOT NULL,
            at INSTANT NOT NULL,
            PRIMARY KEY (env_id, payment_id, ordinal)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX settlement_invoice ON settlement (env_id, invoice_id, payment_id, ordinal);
        ALTER TABLE invoice ADD COLUMN paid INTEGER NOT NULL DEFAULT 0;
    ",
    extra: store::Extra::NONE,
};
