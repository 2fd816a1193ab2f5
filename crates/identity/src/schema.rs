//! What identity stores.

use crate::{customer, environment, key, link, merchant, user};

/// Merchants, users and sessions are the installation's; the rest is keyed by environment.
pub static CONTEXT: store::Context = store::Context {
    name: "identity",
    file: store::File::Core,
    migrations: &[store::Migration {
        number: 1,
        name: "merchants, environments, customers, keys, users",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE merchant (
                id UUID NOT NULL PRIMARY KEY,
                slug TEXT NOT NULL UNIQUE,
                name TEXT NOT NULL,
                created INSTANT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE app_user (
                id UUID NOT NULL PRIMARY KEY,
                email TEXT NOT NULL UNIQUE,
                created INSTANT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE membership (
                user_id UUID NOT NULL,
                merchant_id UUID NOT NULL,
                role TEXT NOT NULL,
                PRIMARY KEY (user_id, merchant_id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE sign_in_link (
                hash BYTES NOT NULL PRIMARY KEY,
                user_id UUID NOT NULL,
                expires INSTANT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE user_session (
                hash BYTES NOT NULL PRIMARY KEY,
                user_id UUID NOT NULL,
                expires INSTANT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE environment (
                env_id UUID NOT NULL PRIMARY KEY,
                merchant_id UUID NOT NULL,
                slug TEXT NOT NULL,
                mode TEXT NOT NULL,
                created INSTANT NOT NULL,
                UNIQUE (merchant_id, slug)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE legal_entity (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                name TEXT NOT NULL,
                country TEXT NOT NULL,
                currency TEXT NOT NULL,
                zone TEXT NOT NULL,
                series TEXT NOT NULL,
                created INSTANT NOT NULL,
                PRIMARY KEY (env_id, id),
                UNIQUE (env_id, series)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE api_key (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                name TEXT NOT NULL,
                hash BYTES NOT NULL UNIQUE,
                permissions TEXT NOT NULL,
                created INSTANT NOT NULL,
                revoked INSTANT,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE person (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                name TEXT,
                email TEXT,
                address TEXT,
                erased INSTANT,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE customer (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                person_id UUID NOT NULL,
                external_id TEXT,
                country TEXT NOT NULL,
                currency TEXT NOT NULL,
                zone TEXT NOT NULL,
                metadata JSON NOT NULL,
                created INSTANT NOT NULL,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX customer_external ON customer (env_id, external_id) WHERE external_id IS NOT NULL;
        ",
        extra: store::Extra::NONE,
    }, store::Migration {
        number: 2,
        name: "regions, tax ids, registrations",
        step: store::Step::Expand,
        sql: "
            ALTER TABLE customer ADD COLUMN region TEXT;
            ALTER TABLE customer ADD COLUMN tax_exempt BOOLEAN NOT NULL DEFAULT FALSE;
            ALTER TABLE person ADD COLUMN tax_id TEXT;
            ALTER TABLE legal_entity ADD COLUMN region TEXT;
            ALTER TABLE legal_entity ADD COLUMN tax_id TEXT;
            ALTER TABLE legal_entity ADD COLUMN registrations JSON NOT NULL DEFAULT '[]';
        ",
        extra: store::Extra::NONE,
    },
    store::Migration {
        number: 3,
        name: "customers are found by words, country and currency, and sorted by name",
        step: store::Step::Expand,
        sql: "
            ALTER TABLE person ADD COLUMN name_key BYTES;
            ALTER TABLE person ADD COLUMN words TEXT;
            CREATE INDEX person_name ON person (env_id, name_key, id);
            CREATE INDEX person_unindexed ON person (env_id, id) WHERE words IS NULL;
            CREATE UNIQUE INDEX customer_person ON customer (env_id, person_id);
            CREATE INDEX customer_country ON customer (env_id, country, id);
            CREATE INDEX customer_currency ON customer (env_id, currency, id);
            CREATE TABLE customer_word (
                env_id UUID NOT NULL,
                word BYTES NOT NULL,
                customer_id UUID NOT NULL,
                PRIMARY KEY (env_id, word, customer_id)
            ) STRICT, WITHOUT ROWID;
        ",
        extra: store::Extra::NONE,
    },
    store::Migration {
        number: 4,
        name: "links that open a customer's own page",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE customer_link (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                customer_id UUID NOT NULL,
                hash BYTES NOT NULL UNIQUE,
                created INSTANT NOT NULL,
                expires INSTANT NOT NULL,
                revoked INSTANT,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX customer_link_customer ON customer_link (env_id, customer_id, id);
        ",
        extra: store::Extra::NONE,
    },
    store::Migration {
        number: 5,
        name: "customers by the domain of their mail",
        step: store::Step::Expand,
        sql: "",
        // Made of the address by the database itself: it changes, and is erased, with it.
        extra: store::Extra {
            sqlite: "
                ALTER TABLE person ADD COLUMN domain TEXT
                    GENERATED ALWAYS AS (lower(substr(email, instr(email, '@') + 1))) VIRTUAL;
                CREATE INDEX person_domain ON person (env_id, domain, id) WHERE domain IS NOT NULL;
            ",
            postgres: "
                ALTER TABLE person ADD COLUMN domain TEXT COLLATE \"C\"
                    GENERATED ALWAYS AS (lower(split_part(email, '@', 2))) STORED;
                CREATE INDEX person_domain ON person (env_id, domain, id) WHERE domain IS NOT NULL;
            ",
        },
    },
    store::Migration {
        number: 6,
        name: "the domain of a person's mail is a column like others",
        step: store::Step::Expand,
        sql: "",
        // SQLite looks up the row of a generated column for every entry of an index that has all there is to know.
        extra: store::Extra {
            sqlite: "
                DROP INDEX person_domain;
                ALTER TABLE person DROP COLUMN domain;
                ALTER TABLE person ADD COLUMN domain TEXT;
                UPDATE person SET domain = lower(substr(email, instr(email, '@') + 1)) WHERE email IS NOT NULL;
                CREATE INDEX person_domain ON person (env_id, domain, id) WHERE domain IS NOT NULL;
            ",
            postgres: "ALTER TABLE person ALTER COLUMN domain DROP EXPRESSION",
        },
    },
    store::Migration {
        number: 7,
        name: "customers are counted",
        step: store::Step::Expand,
        sql: "",
        extra: store::Extra {
            sqlite: "
                INSERT INTO row_count (env_id, kind, part, slot, number)
                    SELECT env_id, 'customer', '', 0, count(*) FROM customer GROUP BY env_id;
            ",
            // Who owns the tables sees no row of theirs while that is forced; it is again once this migration is done.
            postgres: "
                ALTER TABLE customer NO FORCE ROW LEVEL SECURITY;
                ALTER TABLE row_count NO FORCE ROW LEVEL SECURITY;
                INSERT INTO row_count (env_id, kind, part, slot, number)
                    SELECT env_id, 'customer', '', 0, count(*) FROM customer GROUP BY env_id;
            ",
        },
    }],
    installation_tables: &["merchant", "app_user", "membership", "sign_in_link", "user_session"],
    system_tables: &["environment", "api_key", "customer_link"],
    statements: &[
        customer::sql::ALL,
        customer::domain::ALL,
        environment::sql::ALL,
        key::ALL,
        link::ALL,
        merchant::sql::ALL,
        user::sql::ALL,
    ],
    bulks: &[customer::sql::BULKS],
    upcasters: &[],
};
