//! Migrations: each context brings its own, written once for both engines, checked after each.
//!
//! A migration only *expands* (adds tables, columns, indexes) or, one release later, *contracts*, so
//! that processes of release n and n−1 run together.

use kernel::{Error, Result};
use sha2::{Digest, Sha256};

use crate::{Bulk, Statement, facts::Upcaster};

/// Which file a context's tables live in on SQLite. One PostgreSQL database holds both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `core.db`: money, configuration, facts.
    Core,
    /// `usage/live.db`: counters, limits, recent de-duplication.
    Usage,
}

/// Whether the previous release can still run beside this migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Adds only: the previous release keeps running.
    Expand,
    /// Takes away what the previous release no longer uses: older releases refuse to start.
    Contract,
}

/// One step of a context's schema. `number` counts from 1 without gaps; the text never changes once released.
#[derive(Debug)]
pub struct Migration {
    /// Its place in the context's order.
    pub number: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// Expand or contract.
    pub step: Step,
    /// Portable DDL: column types in capitals (`UUID INSTANT JSON INTEGER TEXT BOOLEAN BYTES DATE`),
    /// names in lower case, `STRICT` and `WITHOUT ROWID` for SQLite.
    pub sql: &'static str,
    /// What only one engine has words for, such as triggers; run after `sql`.
    pub extra: Extra,
}

/// Texts that differ between the engines, side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// For SQLite, as it stands.
    pub sqlite: &'static str,
    /// For PostgreSQL, as it stands.
    pub postgres: &'static str,
}

impl Extra {
    /// Nothing.
    pub const NONE: Self = Self { sqlite: "", postgres: "" };
}

/// What a context stores and how it asks for it.
#[derive(Debug)]
pub struct Context {
    /// The crate's name.
    pub name: &'static str,
    /// Where its tables live.
    pub file: File,
    /// Its schema, in order.
    pub migrations: &'static [Migration],
    /// Tables without `env_id`: the installation's own, reached by system work only.
    pub installation_tables: &'static [&'static str],
    /// Tables with `env_id` that named system work may also reach across environments.
    pub system_tables: &'static [&'static str],
    /// Every statement it has.
    pub statements: &'static [&'static [&'static Statement]],
    /// Every bulk write it has.
    pub bulks: &'static [&'static [&'static Bulk]],
    /// How old versions of its facts read today.
    pub upcasters: &'static [Upcaster],
}

impl Migration {
    /// Fingerprint of the text, to notice one that was edited after release.
    pub fn checksum(&self) -> Vec<u8> {
        let Extra { sqlite, postgres } = self.extra;
        Sha256::digest([self.sql, sqlite, postgres].concat()).to_vec()
    }

    /// The text for SQLite.
    pub(crate) fn sqlite(&self) -> String {
        words(self.sql, |word| match word {
            "UUID" | "BYTES" => "BLOB",
            "INSTANT" | "BOOLEAN" => "INTEGER",
            "JSON" | "DATE" => "TEXT",
            other => other,
        }) + self.extra.sqlite
    }

    /// The text for PostgreSQL.
    pub(crate) fn postgres(&self) -> String {
        let plain = self.sql.replace("STRICT, WITHOUT ROWID", "").replace("STRICT", "");
        words(&plain, |word| match word {
            "INSTANT" => "timestamptz",
            "INTEGER" => "bigint",
            "JSON" => "jsonb",
            "BYTES" => "bytea",
            other => other,
        }) + self.extra.postgres
    }
}

/// Replace whole words.
fn words(text: &str, with: impl Fn(&str) -> &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let (before, tail) = rest.split_at(at);
        let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(tail.len());
        out += before;
        out += with(&tail[..end]);
        rest = &tail[end..];
    }
    out + rest
}

/// A migration as the database remembers it.
#[derive(Debug)]
pub(crate) struct Applied {
    pub context: String,
    pub number: i64,
    pub checksum: Vec<u8>,
    pub contract: bool,
}

/// Which migrations are still to run, in order; refuses a database this program must not touch.
///
/// Errors: `schema_changed` when a released migration was edited, `schema_newer` when the database
/// holds a contract step of a newer release.
pub(crate) fn pending<'m>(
    contexts: &[&'m Context],
    file: Option<File>,
    applied: &[Applied],
) -> Result<Vec<(&'m Context, &'m Migration)>> {
    let mut todo = Vec::new();
    for context in contexts.iter().filter(|context| file.is_none_or(|file| context.file == file)) {
        for migration in context.migrations {
            let done = applied.iter().find(|a| a.context == context.name && a.number == migration.number);
            match done {
                None => todo.push((*context, migration)),
                Some(done) if done.checksum == migration.checksum() => {}
                Some(_) => {
                    let (context, number) = (context.name, migration.number);
                    return Err(Error::internal(format!(
                        "migration {context} {number} was changed after it was applied to this database"
                    )));
                }
            }
        }
    }
    let known = |a: &Applied| {
        contexts.iter().any(|c| c.name == a.context && c.migrations.iter().any(|m| m.number == a.number))
    };
    match applied.iter().find(|a| a.contract && !known(a)) {
        None => Ok(todo),
        Some(newer) => Err(Error::conflict(
            "schema_newer",
            format!(
                "This database was changed by a newer release ({} {}) in a way this one cannot work with. \
                 Start the newer program.",
                newer.context, newer.number
            ),
        )),
    }
}

/// The refusal of a program that may not migrate.
pub(crate) fn behind(steps: usize) -> Error {
    Error::conflict(
        "schema_behind",
        format!("The database is {steps} migrations behind this program. Run `steelyard migrate` first."),
    )
}

/// Every table is keyed by environment first, or is listed as the installation's own.
pub(crate) fn check_tables(tables: &[(String, bool)], contexts: &[&'static Context]) -> Result<()> {
    let listed = |name: &str| contexts.iter().any(|context| context.installation_tables.contains(&name));
    match tables.iter().find(|(name, keyed)| !keyed && !listed(name)) {
        None => Ok(()),
        Some((name, _)) => Err(Error::internal(format!(
            "table {name} is neither keyed by env_id first nor listed among the installation's tables"
        ))),
    }
}

/// The table the migrations themselves are remembered in.
pub(crate) const BOOTSTRAP: Migration = Migration {
    number: 0,
    name: "remember migrations",
    step: Step::Expand,
    sql: "CREATE TABLE IF NOT EXISTS schema_migration (
        context TEXT NOT NULL,
        number INTEGER NOT NULL,
        name TEXT NOT NULL,
        checksum BYTES NOT NULL,
        contract BOOLEAN NOT NULL,
        applied_at INSTANT NOT NULL,
        PRIMARY KEY (context, number)
    ) STRICT",
    extra: Extra::NONE,
};

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: Migration = Migration {
        number: 1,
        name: "sample",
        step: Step::Expand,
        sql: "CREATE TABLE t (id UUID, at INSTANT, note TEXT, uuid_text TEXT, PRIMARY KEY (id)) STRICT, WITHOUT ROWID",
        extra: Extra::NONE,
    };

    #[test]
    fn one_text_makes_both_schemas() {
        assert_eq!(
            SAMPLE.sqlite(),
            "CREATE TABLE t (id BLOB, at INTEGER, note TEXT, uuid_text TEXT, PRIMARY KEY (id)) STRICT, WITHOUT ROWID"
        );
        assert_eq!(
            SAMPLE.postgres().trim(),
            "CREATE TABLE t (id UUID, at timestamptz, note TEXT, uuid_text TEXT, PRIMARY KEY (id))"
        );
    }

    static CONTEXT: Context = Context {
        name: "sample",
        file: File::Core,
        migrations: &[SAMPLE],
        installation_tables: &[],
        system_tables: &[],
        statements: &[],
        bulks: &[],
        upcasters: &[],
    };

    fn applied(number: i64, checksum: Vec<u8>, contract: bool) -> Applied {
        Applied { context: "sample".into(), number, checksum, contract }
    }

    #[test]
    fn only_what_is_missing_runs() {
        assert_eq!(pending(&[&CONTEXT], None, &[]).unwrap().len(), 1);
        assert!(pending(&[&CONTEXT], None, &[applied(1, SAMPLE.checksum(), false)]).unwrap().is_empty());
        assert!(pending(&[&CONTEXT], Some(File::Usage), &[]).unwrap().is_empty());
    }

    #[test]
    fn an_edited_migration_is_noticed() {
        assert!(pending(&[&CONTEXT], None, &[applied(1, vec![0], false)]).is_err());
    }

    #[test]
    fn a_newer_release_beside_us_is_fine_until_it_contracts() {
        let ours = || applied(1, SAMPLE.checksum(), false);
        assert!(pending(&[&CONTEXT], None, &[ours(), applied(2, vec![1], false)]).is_ok());
        let refused = pending(&[&CONTEXT], None, &[ours(), applied(2, vec![1], true)]).unwrap_err();
        assert_eq!(refused.code, "schema_newer");
    }
}
