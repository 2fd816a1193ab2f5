//! SQLite and PostgreSQL behind one transaction type.
//!
//! A query is written once ([`statements!`], [`bulks!`]) and runs on both engines. Work is a closure
//! over a [`View`] or a [`Tx`], run on a store thread that owns a connection: [`Db::read`] and
//! [`Db::write`] answer with a [`Pending`], awaited by async code and waited for by everything else.
//! A closure does no I/O of its own, reads no clock and may be run again.

mod canonical;
pub mod clock;
pub mod counts;
mod db;
pub mod facts;
mod fault;
pub mod idempotency;
mod numbers;
mod postgres_engine;
mod postgres_growth;
mod postgres_session;
mod prepare;
mod row;
mod schema;
mod scope;
mod sqlite_checkpoint;
mod sqlite_engine;
mod sqlite_statistics;
mod statement;
mod tx;
mod value;
mod view;
mod work;

pub use db::{Db, Engine, Location, Options};
pub use facts::{Fact, Headline, Heard, Listener, NewFact, Upcaster};
pub use numbers::{Series, Taken};
pub use prepare::prepare_everything;
pub use row::{FromColumn, Row};
pub use schema::{Context, Extra, File, Migration, Step};
pub use scope::{Actor, Mode, Reason, Scope};
pub use statement::{Bulk, BulkAction, ColumnType, Reach, Statement};
pub use tx::{Lock, Outcome, Tx};
pub use value::{ToValue, Value};
pub use view::View;
pub use work::{Pending, Promise};

/// What the store itself keeps: clocks of sandboxes, counts of rows, facts, number series, answers to repeat.
pub static CONTEXT: Context = Context {
    name: "store",
    file: File::Core,
    migrations: &[Migration {
        number: 1,
        name: "clocks, facts, numbers, answers",
        step: Step::Expand,
        sql: "
            CREATE TABLE sandbox_clock (
                env_id UUID NOT NULL PRIMARY KEY,
                at INSTANT NOT NULL,
                target INSTANT
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE fact_head (
                env_id UUID NOT NULL PRIMARY KEY,
                seq INTEGER NOT NULL,
                hash BYTES NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE fact (
                env_id UUID NOT NULL,
                seq INTEGER NOT NULL,
                type TEXT NOT NULL,
                v INTEGER NOT NULL,
                subject_kind TEXT NOT NULL,
                subject_id UUID NOT NULL,
                customer_id UUID,
                actor TEXT NOT NULL,
                reason TEXT,
                effective INSTANT NOT NULL,
                recorded INSTANT NOT NULL,
                payload JSON NOT NULL,
                hash BYTES NOT NULL,
                PRIMARY KEY (env_id, seq)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX fact_subject ON fact (env_id, subject_id, seq);
            CREATE INDEX fact_customer ON fact (env_id, customer_id, seq) WHERE customer_id IS NOT NULL;
            CREATE TABLE number_series (
                env_id UUID NOT NULL,
                owner_id UUID NOT NULL,
                name TEXT NOT NULL,
                next INTEGER NOT NULL,
                last_date DATE NOT NULL,
                PRIMARY KEY (env_id, owner_id, name)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE idempotency (
                env_id UUID NOT NULL,
                key TEXT NOT NULL,
                fingerprint BYTES NOT NULL,
                status INTEGER NOT NULL,
                body TEXT NOT NULL,
                customer_id UUID,
                recorded INSTANT NOT NULL,
                PRIMARY KEY (env_id, key)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX idempotency_customer ON idempotency (env_id, customer_id) WHERE customer_id IS NOT NULL;
            CREATE INDEX idempotency_recorded ON idempotency (env_id, recorded);
        ",
        extra: Extra::NONE,
    }, counts::MIGRATION],
    installation_tables: &["schema_migration"],
    system_tables: &[],
    statements: &[clock::ALL, counts::ALL, facts::ALL, idempotency::ALL, numbers::ALL],
    bulks: &[counts::BULKS, facts::BULKS],
    upcasters: &[],
};
