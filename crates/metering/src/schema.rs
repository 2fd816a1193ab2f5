//! What metering stores, in the usage database. See the crate's own page for how it hangs together.

use store::{Context, Extra, File, Migration, Step};

/// What was posted for lines, as it is posted for their stretches.
macro_rules! posted_by_line {
    () => {
        "INSERT INTO meter_settled
            (env_id, subscription_id, usage_key, start_at, meter, kind, customer_id, hi, lo)
        SELECT env_id, subscription_id, usage_key, start_at, min(meter), min(kind), customer_id,
            CAST(sum(hi) AS bigint), CAST(sum(lo) AS bigint)
        FROM meter_billed GROUP BY env_id, subscription_id, usage_key, start_at, customer_id;"
    };
}

/// What metering stores.
pub static CONTEXT: Context = Context {
    name: "metering",
    file: File::Usage,
    migrations: &[
        Migration {
            number: 1,
            name: "owner, series, log, tallies, names, limits",
            step: Step::Expand,
            sql: "
            CREATE TABLE meter_owner (
                env_id UUID NOT NULL PRIMARY KEY,
                epoch INTEGER NOT NULL,
                holder TEXT NOT NULL,
                until INSTANT NOT NULL,
                next_chunk INTEGER NOT NULL,
                next_series INTEGER NOT NULL,
                next_segment INTEGER NOT NULL,
                accepted INTEGER NOT NULL,
                secret BYTES NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meter_series (
                env_id UUID NOT NULL,
                customer_id UUID NOT NULL,
                meter TEXT NOT NULL,
                kind TEXT NOT NULL,
                subscription_id UUID NOT NULL,
                dimensions TEXT NOT NULL,
                id INTEGER NOT NULL,
                shift INTEGER NOT NULL,
                PRIMARY KEY (env_id, customer_id, meter, kind, subscription_id, dimensions)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX meter_series_id ON meter_series (env_id, id);
            CREATE TABLE meter_chunk (
                env_id UUID NOT NULL,
                n INTEGER NOT NULL,
                series INTEGER NOT NULL,
                hour INTEGER NOT NULL,
                prev INTEGER NOT NULL,
                accepted INTEGER NOT NULL,
                entries BYTES NOT NULL,
                PRIMARY KEY (env_id, n)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meter_tally (
                env_id UUID NOT NULL,
                hour INTEGER NOT NULL,
                series INTEGER NOT NULL,
                head INTEGER NOT NULL,
                tally BYTES NOT NULL,
                PRIMARY KEY (env_id, hour, series)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX meter_tally_series ON meter_tally (env_id, series, hour);
            CREATE TABLE meter_value (
                env_id UUID NOT NULL,
                hour INTEGER NOT NULL,
                series INTEGER NOT NULL,
                value BYTES NOT NULL,
                events INTEGER NOT NULL,
                PRIMARY KEY (env_id, hour, series, value)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meter_tail (
                env_id UUID NOT NULL,
                n INTEGER NOT NULL,
                names BYTES NOT NULL,
                PRIMARY KEY (env_id, n)
            ) STRICT;
            CREATE TABLE meter_segment (
                env_id UUID NOT NULL,
                number INTEGER NOT NULL,
                names INTEGER NOT NULL,
                last_chunk INTEGER NOT NULL,
                filter BYTES NOT NULL,
                PRIMARY KEY (env_id, number)
            ) STRICT;
            CREATE TABLE meter_page (
                env_id UUID NOT NULL,
                segment INTEGER NOT NULL,
                page INTEGER NOT NULL,
                names BYTES NOT NULL,
                PRIMARY KEY (env_id, segment, page)
            ) STRICT;
            CREATE TABLE meter_change (
                env_id UUID NOT NULL,
                original INTEGER NOT NULL,
                number INTEGER NOT NULL,
                replacement INTEGER,
                actor TEXT NOT NULL,
                reason TEXT,
                recorded INSTANT NOT NULL,
                PRIMARY KEY (env_id, original, number)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meter_second (
                env_id UUID NOT NULL,
                customer_id UUID NOT NULL,
                meter TEXT NOT NULL,
                who TEXT NOT NULL,
                second INTEGER NOT NULL,
                amount INTEGER NOT NULL,
                PRIMARY KEY (env_id, customer_id, meter, who, second)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meter_hold (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                identity BYTES NOT NULL,
                state TEXT NOT NULL,
                customer_id UUID NOT NULL,
                meter TEXT NOT NULL,
                who TEXT NOT NULL,
                amount INTEGER NOT NULL,
                reserved INTEGER NOT NULL,
                expires INTEGER NOT NULL,
                event JSON NOT NULL,
                answer BYTES NOT NULL,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX meter_hold_open ON meter_hold (env_id, customer_id, meter) WHERE state = 'open';
            CREATE INDEX meter_hold_identity ON meter_hold (env_id, identity);
        ",
            extra: Extra {
                // Without figures SQLite takes any index that begins with the environment for a good one, and would walk
                // through all of it for one series. These say what is many.
                sqlite: "
                ANALYZE;
                INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
                    ('meter_tally', 'meter_tally', '1000000000 1000000000 10000 1'),
                    ('meter_tally', 'meter_tally_series', '1000000000 1000000000 1000 1'),
                    ('meter_hold', 'meter_hold', '1000000 1000000 1'),
                    ('meter_hold', 'meter_hold_open', '10000 10000 10 2'),
                    ('meter_hold', 'meter_hold_identity', '1000000 1000000 1');
                ANALYZE sqlite_schema;",
                // Entries are many small texts that were just written: compressing each row again costs more than it saves.
                postgres: "
                ALTER TABLE meter_chunk ALTER COLUMN entries SET STORAGE EXTERNAL;
                ALTER TABLE meter_page ALTER COLUMN names SET STORAGE EXTERNAL;
                ALTER TABLE meter_tail ALTER COLUMN names SET STORAGE EXTERNAL;
                ALTER TABLE meter_segment ALTER COLUMN filter SET STORAGE EXTERNAL;
                ALTER TABLE meter_tally SET (fillfactor = 70);",
            },
        },
        Migration {
            number: 2,
            name: "how far others have read the log",
            step: Step::Expand,
            sql: "
            CREATE TABLE meter_reader (
                env_id UUID NOT NULL,
                name TEXT NOT NULL,
                chunk INTEGER NOT NULL,
                PRIMARY KEY (env_id, name)
            ) STRICT, WITHOUT ROWID;
        ",
            extra: Extra::NONE,
        },
        Migration {
            number: 3,
            name: "percentages of limits that were reached",
            step: Step::Expand,
            sql: "
            CREATE TABLE meter_crossing (
                env_id UUID NOT NULL,
                customer_id UUID NOT NULL,
                meter TEXT NOT NULL,
                who TEXT NOT NULL,
                since INTEGER NOT NULL,
                level INTEGER NOT NULL,
                until INTEGER NOT NULL,
                subscription_id UUID NOT NULL,
                amount INTEGER NOT NULL,
                used INTEGER NOT NULL,
                decimals INTEGER NOT NULL,
                upgrade TEXT,
                at INTEGER NOT NULL,
                told INTEGER,
                PRIMARY KEY (env_id, customer_id, meter, who, since, level)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX meter_crossing_untold ON meter_crossing (env_id, at) WHERE told IS NULL;
        ",
            extra: Extra::NONE,
        },
        Migration {
            number: 4,
            name: "where the owner is reached",
            step: Step::Expand,
            sql: "ALTER TABLE meter_owner ADD COLUMN address TEXT;",
            extra: Extra::NONE,
        },
        Migration {
            number: 5,
            name: "rejected events",
            step: Step::Expand,
            sql: "
            CREATE TABLE meter_reject (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                code TEXT NOT NULL,
                pointer TEXT NOT NULL,
                meter TEXT NOT NULL,
                source TEXT NOT NULL,
                subject TEXT NOT NULL,
                detail TEXT NOT NULL,
                event TEXT NOT NULL,
                happened INTEGER,
                content TEXT NOT NULL,
                cut BOOLEAN NOT NULL,
                events INTEGER NOT NULL,
                first_seen INTEGER NOT NULL,
                last_seen INTEGER NOT NULL,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX meter_reject_last ON meter_reject (env_id, last_seen, id);
        ",
            extra: Extra::NONE,
        },
        Migration {
            number: 6,
            name: "double entry of critical meters",
            step: Step::Expand,
            sql: "
            CREATE TABLE meter_source (
                env_id UUID NOT NULL,
                meter TEXT NOT NULL,
                kind TEXT NOT NULL,
                since INTEGER NOT NULL,
                began INTEGER NOT NULL,
                hi INTEGER NOT NULL,
                lo INTEGER NOT NULL,
                events INTEGER NOT NULL,
                PRIMARY KEY (env_id, meter, kind)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meter_posted (
                env_id UUID NOT NULL,
                hour INTEGER NOT NULL,
                series INTEGER NOT NULL,
                hi INTEGER NOT NULL,
                lo INTEGER NOT NULL,
                events INTEGER NOT NULL,
                PRIMARY KEY (env_id, hour, series)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meter_billed (
                env_id UUID NOT NULL,
                invoice_id UUID NOT NULL,
                ordinal INTEGER NOT NULL,
                undone BOOLEAN NOT NULL,
                meter TEXT NOT NULL,
                kind TEXT NOT NULL,
                customer_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                usage_key TEXT NOT NULL,
                part TEXT NOT NULL,
                start_at INTEGER NOT NULL,
                measured TEXT NOT NULL,
                hi INTEGER NOT NULL,
                lo INTEGER NOT NULL,
                PRIMARY KEY (env_id, invoice_id, ordinal, undone)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX meter_billed_stretch ON meter_billed (env_id, subscription_id, usage_key, start_at, part);
        ",
            extra: Extra::NONE,
        },
        // What is billed is posted by stretch and not by line; `meter_billed` goes with the next release.
        Migration {
            number: 7,
            name: "what is settled of critical meters",
            step: Step::Expand,
            sql: "
            CREATE TABLE meter_settled (
                env_id UUID NOT NULL,
                subscription_id UUID NOT NULL,
                usage_key TEXT NOT NULL,
                start_at INTEGER NOT NULL,
                meter TEXT NOT NULL,
                kind TEXT NOT NULL,
                customer_id UUID NOT NULL,
                hi INTEGER NOT NULL,
                lo INTEGER NOT NULL,
                PRIMARY KEY (env_id, subscription_id, usage_key, start_at)
            ) STRICT, WITHOUT ROWID;
        ",
            extra: Extra {
                sqlite: posted_by_line!(),
                postgres: concat!("ALTER TABLE meter_billed NO FORCE ROW LEVEL SECURITY;", posted_by_line!()),
            },
        },
    ],
    installation_tables: &[],
    system_tables: &[],
    statements: &[crate::sql::ALL, crate::reject::sql::ALL, crate::double::sql::ALL],
    bulks: &[crate::sql::BULKS, crate::reject::sql::BULKS, crate::double::sql::BULKS],
    upcasters: &[],
};
