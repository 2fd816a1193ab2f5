//! The tables, and the triggers that keep them append-only.

use store::{Context, File, Migration, Step};

use crate::sql;

/// Triggers that refuse every UPDATE and DELETE of a table, in the words of each engine.
///
/// PostgreSQL nests comments and SQLite does not. After `/* /* */` SQLite reads on while PostgreSQL is
/// still inside a comment, which `*/` ends; written as `-- */` SQLite does not see that end, nor what
/// follows it in the line. So the first line is PostgreSQL's, and the second SQLite's.
macro_rules! append_only {
    ($table:literal) => {
        concat!(
            "/* /* */ -- */ CREATE TRIGGER ledger_keeps BEFORE UPDATE OR DELETE ON ",
            $table,
            " FOR EACH ROW EXECUTE FUNCTION ledger_refuses();\n",
            "/* /* */ CREATE TRIGGER ",
            $table,
            "_no_update BEFORE UPDATE ON ",
            $table,
            " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END; CREATE TRIGGER ",
            $table,
            "_no_delete BEFORE DELETE ON ",
            $table,
            " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;\n-- */\n",
        )
    };
}

/// What the ledger stores.
pub static CONTEXT: Context = Context {
    name: "ledger",
    file: File::Core,
    migrations: &[Migration {
        number: 1,
        name: "accounts, transactions, postings",
        step: Step::Expand,
        sql: concat!(
            "
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
            "/* /* */ -- */ CREATE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;\n",
            append_only!("ledger_account"),
            append_only!("ledger_transaction"),
            append_only!("posting"),
        ),
    }],
    installation_tables: &[],
    system_tables: &[],
    statements: &[sql::ALL],
    bulks: &[sql::BULKS],
    upcasters: &[],
};
