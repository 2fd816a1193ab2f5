//! What is stored: flags with every version they had, and overrides.

use crate::{flag, override_};

/// Tables and statements of this crate.
pub static CONTEXT: store::Context = store::Context {
    name: "entitlements",
    file: store::File::Core,
    migrations: &[store::Migration {
        number: 1,
        name: "flags and overrides",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE flag (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                key TEXT NOT NULL,
                version INTEGER NOT NULL,
                enabled BOOLEAN NOT NULL,
                definition JSON NOT NULL,
                created INSTANT NOT NULL,
                changed INSTANT NOT NULL,
                PRIMARY KEY (env_id, id),
                UNIQUE (env_id, key)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE flag_version (
                env_id UUID NOT NULL,
                flag_id UUID NOT NULL,
                version INTEGER NOT NULL,
                enabled BOOLEAN NOT NULL,
                definition JSON NOT NULL,
                changed INSTANT NOT NULL,
                actor TEXT NOT NULL,
                PRIMARY KEY (env_id, flag_id, version)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE entitlement_override (
                env_id UUID NOT NULL,
                customer_id UUID NOT NULL,
                key TEXT NOT NULL,
                value JSON NOT NULL,
                expires INSTANT,
                reason TEXT,
                made INSTANT NOT NULL,
                PRIMARY KEY (env_id, customer_id, key)
            ) STRICT, WITHOUT ROWID;
        ",
        extra: store::Extra::NONE,
    }],
    installation_tables: &[],
    system_tables: &[],
    statements: &[flag::sql::ALL, override_::sql::ALL],
    bulks: &[],
    upcasters: &[],
};
