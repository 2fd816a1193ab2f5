//! Alerts: what is told when a use has reached a percentage of its limit.
//!
//! A crossing is noted in the usage database in the commit that counted it. [`follow`] takes it to the core database
//! as an alert and a fact; an alert is unique by customer, meter, whose use it is, window and percentage, so that a
//! crossing that is taken there twice, after a crash or by two processes, is told once.

mod model;
mod ops;
mod sql;

pub use model::{Alert, Place, Wanted};
pub use ops::{follow, list, since};

use store::{Context, Extra, File, Migration, Step};

/// What alerts and jumps store, in the core database.
pub static CONTEXT: Context = Context {
    name: "alert",
    file: File::Core,
    migrations: &[
        Migration {
            number: 1,
            name: "alerts of limits",
            step: Step::Expand,
            sql: "
            CREATE TABLE limit_alert (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                customer_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                meter TEXT NOT NULL,
                who TEXT NOT NULL,
                since INTEGER NOT NULL,
                until INTEGER NOT NULL,
                level INTEGER NOT NULL,
                amount INTEGER NOT NULL,
                used INTEGER NOT NULL,
                decimals INTEGER NOT NULL,
                upgrade TEXT,
                reached INTEGER NOT NULL,
                PRIMARY KEY (env_id, id),
                UNIQUE (env_id, customer_id, meter, who, since, level)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX limit_alert_customer ON limit_alert (env_id, customer_id, id);
        ",
            extra: Extra::NONE,
        },
        Migration {
            number: 2,
            name: "sudden jumps of usage",
            step: Step::Expand,
            sql: "
            CREATE TABLE usage_jump (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                customer_id UUID NOT NULL,
                meter TEXT NOT NULL,
                day DATE NOT NULL,
                used TEXT NOT NULL,
                usual TEXT NOT NULL,
                times INTEGER NOT NULL,
                noticed INSTANT NOT NULL,
                PRIMARY KEY (env_id, id),
                UNIQUE (env_id, customer_id, meter, day)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX usage_jump_customer ON usage_jump (env_id, customer_id, id);
            CREATE INDEX usage_jump_day ON usage_jump (env_id, day);
        ",
            extra: Extra::NONE,
        },
    ],
    installation_tables: &[],
    system_tables: &[],
    statements: &[sql::ALL, crate::jump::sql::ALL],
    bulks: &[],
    upcasters: &[],
};
