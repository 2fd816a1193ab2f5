//! The price book of a merchant: its file format, a reader that names every mistake with its place,
//! the model the rest of the house works with, and the difference between two books.
//!
//! The format is described in [`book`], which is pure: [`read`] takes the text of a file. [`version`]
//! keeps the books a merchant has applied, each an immutable version. [`migration`] says what subscriptions
//! would become if they were moved from one to another.

pub mod book;
pub mod migration;
pub mod version;

pub use book::{
    Addon, AddonPrice, Advice, Aggregation, Anchor, Billing, Book, Cancellation, CancellationCredit,
    CancellationDay, CancellationReason, CarryOver, Change, ChangeDay, Coupon, CustomerChanges, CycleChange,
    Discount, Feature, FeatureKind, Having, Included, Invoices, Jump, Lacking, Lasts, LateWindow, Limit,
    LimitPolicy, LimitScope, Meter, Minimums, Mistake, OncePer, PayIn, PercentTier, Percentage, Plan,
    PlanChange, Prepaid, Price, PriceKind, Prompts, RateLimit, RateSpan, ReasonIs, Sameness, Started,
    TaxCategory, TaxRounding, Team, Thresholds, Tier, Tiers, Trial, TrialUsage, Trigger, UsagePrice, When,
    WinBack, Window, WindowUnit, WithMethod, WithoutMethod, ZeroInvoices, diff, read,
};

/// What the catalogue stores.
pub static CONTEXT: store::Context = store::Context {
    name: "catalog",
    file: store::File::Core,
    migrations: &[store::Migration {
        number: 1,
        name: "price book versions",
        step: store::Step::Expand,
        sql: "
            CREATE TABLE book_version (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                number INTEGER NOT NULL,
                name TEXT NOT NULL,
                digest TEXT NOT NULL,
                source TEXT NOT NULL,
                book JSON NOT NULL,
                created INSTANT NOT NULL,
                PRIMARY KEY (env_id, id),
                UNIQUE (env_id, number)
            ) STRICT, WITHOUT ROWID;
        ",
        extra: store::Extra::NONE,
    }],
    installation_tables: &[],
    system_tables: &[],
    statements: &[version::ALL],
    bulks: &[],
    upcasters: &[],
};
