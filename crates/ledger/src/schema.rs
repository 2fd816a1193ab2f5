//! The tables, and the triggers that keep them append-only.

use store::{Context, Extra, File, Migration, Step};

use crate::{chart, days, journal, pages, sql};

/// What the ledger stores.
pub static CONTEXT: Context = Context {
    name: "ledger",
    file: File::Core,
    migrations: &[FIRST, BY_OWNER, days::MIGRATION, chart::MIGRATION, COUNTED],
    installation_tables: &[],
    system_tables: &[],
    statements: &[sql::ALL, days::ALL, pages::ALL, chart::ALL, journal::ALL],
    bulks: &[sql::BULKS, days::BULKS, chart::BULKS],
    upcasters: &[],
};

const FIRST: Migration = Migration {
    number: 1,
    name: "accounts, transactions, postings",
    step: Step::Expand,
    sql: "
            CREATE TABLE ledger_account (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                entity_id UUID NOT NULL,
                kind TEXT NOT NULL,
                owner TEXT NOT NULL DEFAULT '',
                PRIMARY KEY (env_id, id),
                UNIQUE (env_id, entity_id, kind, owner)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE ledger_transaction (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                kind TEXT NOT NULL,
                document_kind TEXT NOT NULL,
                document_id UUID NOT NULL,
                effective INSTANT NOT NULL,
                recorded INSTANT NOT NULL,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX ledger_transaction_document ON ledger_transaction (env_id, document_id, id);
            CREATE TABLE posting (
                env_id UUID NOT NULL,
                transaction_id UUID NOT NULL,
                ordinal INTEGER NOT NULL,
                account_id UUID NOT NULL,
                currency TEXT NOT NULL,
                amount INTEGER NOT NULL CHECK (amount <> 0),
                PRIMARY KEY (env_id, transaction_id, ordinal)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX posting_account ON posting (env_id, account_id, transaction_id, ordinal);
        ",
    // Every UPDATE and DELETE is refused by the database itself.
    extra: Extra {
        sqlite: "
                CREATE TRIGGER ledger_account_no_update BEFORE UPDATE ON ledger_account
                    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
                CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account
                    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
                CREATE TRIGGER ledger_transaction_no_update BEFORE UPDATE ON ledger_transaction
                    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
                CREATE TRIGGER ledger_transaction_no_delete BEFORE DELETE ON ledger_transaction
                    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
                CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting
                    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
                CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting
                    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
            ",
        postgres: "
                CREATE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
                CREATE TRIGGER ledger_keeps BEFORE UPDATE OR DELETE ON ledger_account
                    FOR EACH ROW EXECUTE FUNCTION ledger_refuses();
                CREATE TRIGGER ledger_keeps BEFORE UPDATE OR DELETE ON ledger_transaction
                    FOR EACH ROW EXECUTE FUNCTION ledger_refuses();
                CREATE TRIGGER ledger_keeps BEFORE UPDATE OR DELETE ON posting
                    FOR EACH ROW EXECUTE FUNCTION ledger_refuses();
            ",
    },
};

/// What owners hold is asked for without knowing in whose books.
const BY_OWNER: Migration = Migration {
    number: 2,
    name: "accounts by owner",
    step: Step::Expand,
    sql: "CREATE INDEX ledger_account_owner ON ledger_account (env_id, kind, owner)",
    extra: Extra::NONE,
};

/// Accounts that are there are counted once; then each new one counts.
const COUNTED: Migration = Migration {
    number: 5,
    name: "accounts are counted",
    step: Step::Expand,
    sql: "",
    extra: Extra {
        sqlite: "
            INSERT INTO row_count (env_id, kind, part, slot, number)
                SELECT env_id, 'ledger_account', lower(hex(entity_id)) || ' ' || kind, 0, count(*)
                FROM ledger_account GROUP BY env_id, entity_id, kind;
        ",
        // Who owns the tables sees no row of theirs while that is forced; it is again once this migration is done.
        postgres: "
            ALTER TABLE ledger_account NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE row_count NO FORCE ROW LEVEL SECURITY;
            INSERT INTO row_count (env_id, kind, part, slot, number)
                SELECT env_id, 'ledger_account', replace(entity_id::text, '-', '') || ' ' || kind, 0, count(*)
                FROM ledger_account GROUP BY env_id, entity_id, kind;
        ",
    },
};
