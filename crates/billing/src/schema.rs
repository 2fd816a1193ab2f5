//! What billing stores.

use crate::{
    advice, bill_run, cancellation, charge, coupon, credit_note, figures, import, invoice, payment, renewal,
    simulate, subscription, trial, usage,
};

/// Subscriptions with their items, invoices and credit notes with their lines.
pub static CONTEXT: store::Context = store::Context {
    name: "billing",
    file: store::File::Core,
    migrations: &[store::Migration {
        number: 1,
        name: "subscriptions, invoices, credit notes",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE subscription (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                entity_id UUID NOT NULL,
                customer_id UUID NOT NULL,
                external_id TEXT,
                book_id UUID NOT NULL,
                state TEXT NOT NULL,
                currency TEXT NOT NULL,
                anchor DATE NOT NULL,
                cycle TEXT NOT NULL,
                zone TEXT NOT NULL,
                wall_time TEXT,
                started INSTANT NOT NULL,
                period_start_date DATE NOT NULL,
                period_start INSTANT NOT NULL,
                period_end_date DATE NOT NULL,
                period_end INSTANT NOT NULL,
                billed_date DATE NOT NULL,
                billed INSTANT NOT NULL,
                ends INSTANT,
                pending JSON,
                trial_end_date DATE,
                trial_end INSTANT,
                has_method BOOLEAN NOT NULL,
                metadata JSON NOT NULL,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX subscription_external ON subscription (env_id, external_id) WHERE external_id IS NOT NULL;
            CREATE INDEX subscription_customer ON subscription (env_id, customer_id, id);
            CREATE TABLE subscription_item (
                env_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                ordinal INTEGER NOT NULL,
                kind TEXT NOT NULL,
                key TEXT NOT NULL,
                quantity INTEGER NOT NULL,
                PRIMARY KEY (env_id, subscription_id, ordinal)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE invoice (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                entity_id UUID NOT NULL,
                customer_id UUID NOT NULL,
                state TEXT NOT NULL,
                currency TEXT NOT NULL,
                sequence INTEGER,
                number TEXT,
                issued DATE,
                due INSTANT NOT NULL,
                subtotal INTEGER NOT NULL,
                tax INTEGER NOT NULL,
                total INTEGER NOT NULL,
                credit INTEGER NOT NULL,
                party JSON,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX invoice_number ON invoice (env_id, entity_id, sequence) WHERE sequence IS NOT NULL;
            CREATE INDEX invoice_customer ON invoice (env_id, customer_id, id);
            CREATE TABLE invoice_line (
                env_id UUID NOT NULL,
                invoice_id UUID NOT NULL,
                ordinal INTEGER NOT NULL,
                subscription_id UUID NOT NULL,
                item INTEGER NOT NULL,
                kind TEXT NOT NULL,
                adjustment INTEGER NOT NULL,
                description TEXT NOT NULL,
                start_date DATE NOT NULL,
                start_at INSTANT NOT NULL,
                end_date DATE NOT NULL,
                end_at INSTANT NOT NULL,
                quantity INTEGER NOT NULL,
                amount INTEGER NOT NULL,
                explanation JSON NOT NULL,
                PRIMARY KEY (env_id, invoice_id, ordinal)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX invoice_line_once ON invoice_line (env_id, subscription_id, item, start_at, kind, adjustment);
            CREATE TABLE credit_note (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                entity_id UUID NOT NULL,
                customer_id UUID NOT NULL,
                invoice_id UUID NOT NULL,
                currency TEXT NOT NULL,
                sequence INTEGER NOT NULL,
                number TEXT NOT NULL,
                issued DATE NOT NULL,
                effective INSTANT NOT NULL,
                cause TEXT NOT NULL,
                subtotal INTEGER NOT NULL,
                tax INTEGER NOT NULL,
                total INTEGER NOT NULL,
                party JSON,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX credit_note_number ON credit_note (env_id, entity_id, sequence);
            CREATE INDEX credit_note_invoice ON credit_note (env_id, invoice_id, id);
            CREATE INDEX credit_note_customer ON credit_note (env_id, customer_id, id);
            CREATE TABLE credit_note_line (
                env_id UUID NOT NULL,
                credit_note_id UUID NOT NULL,
                ordinal INTEGER NOT NULL,
                invoice_id UUID NOT NULL,
                invoice_line INTEGER NOT NULL,
                ends BOOLEAN NOT NULL,
                description TEXT NOT NULL,
                start_date DATE NOT NULL,
                start_at INSTANT NOT NULL,
                end_date DATE NOT NULL,
                end_at INSTANT NOT NULL,
                amount INTEGER NOT NULL,
                explanation JSON NOT NULL,
                PRIMARY KEY (env_id, credit_note_id, ordinal)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX credit_note_line_of ON credit_note_line (env_id, invoice_id, invoice_line);
        ",
        extra: store::Extra::NONE,
    }, store::Migration {
        number: 2,
        name: "arrears, usage, coupons, terms, bill runs",
        step: store::Step::Expand,
        sql: "
            ALTER TABLE invoice_line ADD COLUMN key TEXT NOT NULL DEFAULT '';
            ALTER TABLE invoice_line ADD COLUMN dimensions TEXT NOT NULL DEFAULT '';
            ALTER TABLE invoice_line ADD COLUMN measured TEXT;
            ALTER TABLE invoice_line ADD COLUMN discount INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE invoice_line ADD COLUMN tax INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE invoice_line ADD COLUMN tax_category TEXT NOT NULL DEFAULT 'standard';
            DROP INDEX invoice_line_once;
            CREATE UNIQUE INDEX invoice_line_once
                ON invoice_line (env_id, subscription_id, item, start_at, kind, key, dimensions, adjustment);
            ALTER TABLE credit_note_line ADD COLUMN key TEXT NOT NULL DEFAULT '';
            ALTER TABLE invoice ADD COLUMN bill_run_id UUID;
            CREATE INDEX invoice_bill_run ON invoice (env_id, bill_run_id, id) WHERE bill_run_id IS NOT NULL;
            ALTER TABLE subscription ADD COLUMN arrears_date DATE;
            ALTER TABLE subscription ADD COLUMN arrears_from INSTANT;
            ALTER TABLE subscription ADD COLUMN peak INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE subscription ADD COLUMN usage_cycle TEXT;
            ALTER TABLE subscription ADD COLUMN usage_date DATE;
            ALTER TABLE subscription ADD COLUMN usage_from INSTANT;
            ALTER TABLE subscription ADD COLUMN usage_end_date DATE;
            ALTER TABLE subscription ADD COLUMN usage_end INSTANT;
            ALTER TABLE subscription ADD COLUMN usage_peak INTEGER;
            ALTER TABLE subscription ADD COLUMN due INSTANT;
            ALTER TABLE subscription ADD COLUMN term JSON;
            ALTER TABLE subscription ADD COLUMN agreement JSON;
            ALTER TABLE subscription ADD COLUMN discounts JSON;
            CREATE INDEX subscription_due ON subscription (env_id, due, customer_id, id)
                WHERE state IN ('active', 'trialing');
            CREATE TABLE usage_figure (
                env_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                start_at INSTANT NOT NULL,
                key TEXT NOT NULL,
                figures JSON NOT NULL,
                watermark TEXT,
                posted INSTANT NOT NULL,
                late BOOLEAN NOT NULL,
                PRIMARY KEY (env_id, subscription_id, start_at, key)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX usage_figure_late ON usage_figure (env_id, subscription_id) WHERE late;
            CREATE TABLE bill_run (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                state TEXT NOT NULL,
                begun_by TEXT NOT NULL,
                first_due INSTANT NOT NULL,
                last_due INSTANT NOT NULL,
                zone_data TEXT NOT NULL,
                subscriptions INTEGER NOT NULL,
                invoices INTEGER NOT NULL,
                totals JSON NOT NULL,
                started INSTANT NOT NULL,
                finished INSTANT,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX bill_run_open ON bill_run (env_id) WHERE state = 'running';
            CREATE TABLE redemption (
                env_id UUID NOT NULL,
                coupon TEXT NOT NULL,
                ordinal INTEGER NOT NULL,
                customer_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                redeemed INSTANT NOT NULL,
                PRIMARY KEY (env_id, coupon, ordinal)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX redemption_customer ON redemption (env_id, customer_id, coupon);
        ",
        extra: store::Extra::NONE,
    }, store::Migration {
        number: 3,
        name: "taxes of invoices, ends of invoices",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE invoice_tax (
                env_id UUID NOT NULL,
                invoice_id UUID NOT NULL,
                ordinal INTEGER NOT NULL,
                jurisdiction TEXT NOT NULL,
                kind TEXT NOT NULL,
                name TEXT NOT NULL,
                rate TEXT NOT NULL,
                base INTEGER NOT NULL,
                amount INTEGER NOT NULL,
                reason TEXT NOT NULL,
                note TEXT,
                PRIMARY KEY (env_id, invoice_id, ordinal)
            ) STRICT, WITHOUT ROWID;
            ALTER TABLE invoice ADD COLUMN seller JSON;
            ALTER TABLE invoice ADD COLUMN tax_rounding TEXT NOT NULL DEFAULT 'category';
            ALTER TABLE invoice ADD COLUMN ended INSTANT;
            ALTER TABLE invoice ADD COLUMN end_reason TEXT;
            ALTER TABLE invoice_line ADD COLUMN tax_ordinal INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE credit_note ADD COLUMN seller JSON;
            ALTER TABLE credit_note_line ADD COLUMN tax INTEGER NOT NULL DEFAULT 0;
        ",
        extra: store::Extra::NONE,
    }, figures::MIGRATION, payment::MIGRATION, store::Migration {
        number: 6,
        name: "one-off charges, uses of coupons, stretches that wait, zones to come",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE one_off_charge (
                env_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                ordinal INTEGER NOT NULL,
                added_date DATE NOT NULL,
                added INSTANT NOT NULL,
                key TEXT NOT NULL,
                description TEXT NOT NULL,
                quantity INTEGER NOT NULL,
                amount INTEGER NOT NULL,
                tax_category TEXT NOT NULL,
                explanation JSON NOT NULL,
                invoice_id UUID,
                waits BOOLEAN NOT NULL,
                removed BOOLEAN NOT NULL,
                PRIMARY KEY (env_id, subscription_id, ordinal)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX one_off_charge_waits ON one_off_charge (env_id, subscription_id, ordinal) WHERE waits;
            CREATE TABLE coupon_use (
                env_id UUID NOT NULL,
                invoice_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                coupon TEXT NOT NULL,
                uses INTEGER NOT NULL,
                PRIMARY KEY (env_id, invoice_id, subscription_id, coupon)
            ) STRICT, WITHOUT ROWID;
            ALTER TABLE subscription ADD COLUMN closing JSON;
            ALTER TABLE subscription ADD COLUMN next_zone TEXT;
            DROP INDEX subscription_due;
            CREATE INDEX subscription_due ON subscription (env_id, due, customer_id, id) WHERE due IS NOT NULL;
        ",
        extra: store::Extra::NONE,
    }, store::Migration {
        number: 7,
        name: "who had a trial",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE trial_sign (
                env_id UUID NOT NULL,
                mark TEXT NOT NULL,
                sameness TEXT NOT NULL,
                customer_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                began INSTANT NOT NULL,
                PRIMARY KEY (env_id, mark)
            ) STRICT, WITHOUT ROWID;
        ",
        extra: store::Extra::NONE,
    }, cancellation::MIGRATION, renewal::MIGRATION, bill_run::CARRIED, subscription::groups::PLAN,
    subscription::groups::INDEXES, subscription::groups::COUNTS, usage::rated::MIGRATION],
    installation_tables: &[],
    system_tables: &[],
    statements: &[
        subscription::sql::ALL,
        subscription::search::ALL,
        subscription::groups::ALL,
        invoice::sql::ALL,
        invoice::search::ALL,
        credit_note::sql::ALL,
        usage::sql::ALL,
        usage::reconcile::ALL,
        simulate::ALL,
        advice::sql::ALL,
        bill_run::sql::ALL,
        cancellation::sql::ALL,
        charge::sql::ALL,
        coupon::sql::ALL,
        figures::ALL,
        import::sql::ALL,
        payment::sql::ALL,
        renewal::sql::ALL,
        trial::sql::ALL,
    ],
    bulks: &[
        cancellation::sql::BULKS,
        subscription::sql::BULKS,
        invoice::sql::BULKS,
        credit_note::sql::BULKS,
        usage::sql::BULKS,
        charge::sql::BULKS,
        coupon::sql::BULKS,
        figures::BULKS,
        payment::sql::BULKS,
        renewal::sql::BULKS,
        trial::sql::BULKS,
    ],
    upcasters: &[],
};
