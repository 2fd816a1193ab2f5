//! SQL as named constants: written once, run on both engines, prepared on both by a test.
//!
//! The portable text is PostgreSQL's with `$n` parameters. Three things differ and are rewritten:
//! SQLite numbers its parameters `?n` (it would take `$3` for a *name*, numbered by first
//! appearance), it has no row locks, and lists arrive as JSON.

use std::sync::OnceLock;

/// Who may run a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Inside one environment: `$1` is always that environment, bound by the transaction itself.
    Environment,
    /// Across the installation, by named system work only. Parameters start at `$1`.
    Installation,
}

/// One SQL statement. Made by [`statements!`](crate::statements), so that every statement is in a list.
#[derive(Debug)]
pub struct Statement {
    /// Its name in the source, for errors and logs.
    pub name: &'static str,
    /// The portable text.
    pub text: &'static str,
    /// Who may run it.
    pub reach: Reach,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
    postgres_or_zero: OnceLock<String>,
}

impl Statement {
    /// Used by the macro.
    pub const fn new(name: &'static str, text: &'static str, reach: Reach) -> Self {
        Self {
            name,
            text,
            reach,
            sqlite: OnceLock::new(),
            postgres: OnceLock::new(),
            postgres_or_zero: OnceLock::new(),
        }
    }

    /// The text as SQLite takes it.
    pub fn sqlite(&self) -> &str {
        self.sqlite.get_or_init(|| to_sqlite(self.text))
    }

    /// The text as PostgreSQL takes it.
    pub fn postgres(&self) -> &str {
        self.postgres.get_or_init(|| {
            expand(self.text, "IN_IDS", |list| format!("= ANY({list})"))
                .pipe(|text| expand(&text, "IN_TEXTS", |list| format!("= ANY({list})")))
                .pipe(|text| expand(&text, "IN_INTS", |list| format!("= ANY({list})")))
        })
    }

    /// The same of a change that divides by zero when it changes no row: what is sent behind it is then not done either.
    pub(crate) fn postgres_or_zero(&self) -> &str {
        self.postgres_or_zero.get_or_init(|| {
            format!(
                "WITH changed AS ({} RETURNING 1) SELECT 1 / count(*) FROM changed",
                self.postgres().trim()
            )
        })
    }
}

trait Pipe: Sized {
    fn pipe<T>(self, f: impl FnOnce(Self) -> T) -> T {
        f(self)
    }
}
impl<T> Pipe for T {}

/// Rewrite portable text for SQLite.
pub(crate) fn to_sqlite(text: &str) -> String {
    let text = expand(text, "IN_IDS", |list| format!("IN (SELECT unhex(value) FROM json_each({list}))"));
    let text = expand(&text, "IN_TEXTS", |list| format!("IN (SELECT value FROM json_each({list}))"));
    let text = expand(&text, "IN_INTS", |list| format!("IN (SELECT value FROM json_each({list}))"));
    let text = ["FOR UPDATE SKIP LOCKED", "FOR UPDATE", "FOR SHARE"]
        .iter()
        .fold(text, |text, lock| text.replace(lock, ""));
    question_marks(&text)
}

/// `$3` → `?3`, outside of quotes.
fn question_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        quoted ^= letter == '\'';
        let parameter = letter == '$' && !quoted && letters.peek().is_some_and(char::is_ascii_digit);
        out.push(if parameter { '?' } else { letter });
    }
    out
}

/// Replace each `WORD($n)` by what `with` makes of `$n`.
fn expand(text: &str, word: &str, with: impl Fn(&str) -> String) -> String {
    let opening = format!("{word}(");
    let mut parts = text.split(&opening);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (list, rest) = part.split_once(')').unwrap_or((part, ""));
        out += &with(list);
        out += rest;
    }
    out
}

/// Declare the statements of a file, and `ALL`, the list a test prepares on both engines.
///
/// ```ignore
/// statements! {
///     /// One customer.
///     environment FIND = "SELECT … FROM customer WHERE env_id = $1 AND id = $2";
///     installation CLAIM = "UPDATE job SET … WHERE id = $1";
/// }
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$doc:meta])* $reach:ident $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) static $name: $crate::Statement =
            $crate::Statement::new(stringify!($name), $text, $crate::statements!(@ $reach));)*
        /// Every statement of this file.
        pub const ALL: &[&$crate::Statement] = &[$(&$name),*];
    };
    (@ environment) => { $crate::Reach::Environment };
    (@ installation) => { $crate::Reach::Installation };
}

/// The type of a column in a bulk write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "they are written like the column types they stand for")]
pub enum ColumnType {
    /// `uuid`
    uuid,
    /// `bigint`
    int,
    /// `text`
    text,
    /// `boolean`
    bool,
    /// `bytea`
    bytes,
    /// `timestamptz`
    instant,
    /// `date`
    date,
    /// `jsonb`
    json,
}

impl ColumnType {
    const fn postgres(self) -> &'static str {
        match self {
            Self::uuid => "uuid",
            Self::int => "bigint",
            Self::text => "text",
            Self::bool => "boolean",
            Self::bytes => "bytea",
            Self::instant => "timestamptz",
            Self::date => "date",
            Self::json => "jsonb",
        }
    }
}

/// What a bulk write does with its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkAction {
    /// Insert each row; `then` is appended, such as `ON CONFLICT DO NOTHING`.
    Insert {
        /// Text behind the values.
        then: &'static str,
    },
    /// Insert new rows behind all others of their table: in the order of its key, and there is no other index.
    Append,
    /// Update the row whose first `keys` columns match with the rest.
    Update {
        /// How many leading columns are the key.
        keys: usize,
    },
}

/// How many rows SQLite appends with one statement.
///
/// A statement of its own for each row looks for its place from the root of the table each time; within one statement
/// rows that follow one another are put behind one another. Fewer are not worth the statement's own savepoint, which keeps
/// a copy of each page it changes; nor are rows that go all over a table or its indexes.
pub(crate) const ROWS_TOGETHER: usize = 32;

/// Many rows in one statement: `unnest` of arrays on PostgreSQL (COPY is refused under row-level
/// security); on SQLite one prepared statement run per row, or for [`ROWS_TOGETHER`] rows that are appended. The environment comes from the transaction.
#[derive(Debug)]
pub struct Bulk {
    /// Its name in the source.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// Column names and types, without `env_id`.
    pub columns: &'static [(&'static str, ColumnType)],
    /// Insert or update.
    pub action: BulkAction,
    sqlite: OnceLock<String>,
    sqlite_together: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl Bulk {
    /// Used by the macro.
    pub const fn new(
        name: &'static str,
        table: &'static str,
        columns: &'static [(&'static str, ColumnType)],
        action: BulkAction,
    ) -> Self {
        Self {
            name,
            table,
            columns,
            action,
            sqlite: OnceLock::new(),
            sqlite_together: OnceLock::new(),
            postgres: OnceLock::new(),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).collect()
    }

    /// The text SQLite runs once per row; `?1` is the environment.
    pub fn sqlite(&self) -> &str {
        self.sqlite.get_or_init(|| {
            let (table, names) = (self.table, self.names());
            let place = |index: usize| format!("?{}", index + 2);
            let equals = |index: usize| format!("{} = {}", names[index], place(index));
            match self.action {
                BulkAction::Insert { then } => self.insert(1, then),
                BulkAction::Append => self.insert(1, ""),
                BulkAction::Update { keys } => {
                    let set: Vec<_> = (keys..names.len()).map(equals).collect();
                    let key: Vec<_> = (0..keys).map(equals).collect();
                    let (set, key) = (set.join(", "), key.join(" AND "));
                    format!("UPDATE {table} SET {set} WHERE env_id = ?1 AND {key}")
                }
            }
        })
    }

    /// The text SQLite runs once for [`ROWS_TOGETHER`] rows, whose values follow one another; only for rows that are
    /// appended.
    pub(crate) fn sqlite_together(&self) -> Option<&str> {
        let append = self.action == BulkAction::Append;
        append.then(|| self.sqlite_together.get_or_init(|| self.insert(ROWS_TOGETHER, "")).as_str())
    }

    /// Whether it makes new rows.
    pub(crate) const fn inserts(&self) -> bool {
        !matches!(self.action, BulkAction::Update { .. })
    }

    fn insert(&self, rows: usize, then: &str) -> String {
        let names = self.names();
        let row = |row: usize| {
            let places: Vec<_> =
                (0..names.len()).map(|at| format!("?{}", row * names.len() + at + 2)).collect();
            format!("(?1, {})", places.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        format!("INSERT INTO {} (env_id, {}) VALUES {} {then}", self.table, names.join(", "), rows.join(", "))
    }

    /// The text PostgreSQL runs once for all rows.
    pub fn postgres(&self) -> &str {
        self.postgres.get_or_init(|| {
            let (table, names) = (self.table, self.names());
            let arrays: Vec<_> = self
                .columns
                .iter()
                .enumerate()
                .map(|(index, (_, kind))| format!("${}::{}[]", index + 2, kind.postgres()))
                .collect();
            let (list, arrays) = (names.join(", "), arrays.join(", "));
            match self.action {
                BulkAction::Insert { .. } | BulkAction::Append => {
                    let then = if let BulkAction::Insert { then } = self.action { then } else { "" };
                    format!(
                        "INSERT INTO {table} (env_id, {list}) SELECT $1::uuid, u.* FROM unnest({arrays}) AS u {then}"
                    )
                }
                BulkAction::Update { keys } => {
                    let set: Vec<_> = names[keys..].iter().map(|name| format!("{name} = u.{name}")).collect();
                    let key: Vec<_> =
                        names[..keys].iter().map(|name| format!("{table}.{name} = u.{name}")).collect();
                    let (set, key) = (set.join(", "), key.join(" AND "));
                    format!(
                        "UPDATE {table} SET {set} FROM unnest({arrays}) AS u ({list}) WHERE {table}.env_id = $1::uuid AND {key}"
                    )
                }
            }
        })
    }
}

/// Declare bulk writes and `BULKS`, their list.
///
/// ```ignore
/// bulks! {
///     INSERT_LINES = insert "invoice_line" { invoice_id: uuid, ordinal: int, amount: int };
///     INSERT_NEW = insert "account" { id: uuid, name: text } "ON CONFLICT DO NOTHING";
///     INSERT_CHUNKS = append "meter_chunk" { n: int, entries: bytes }; // by ascending key, behind all others
///     SET_STATE = update "job" { id: uuid, state: text } 1; // the first column is the key
/// }
/// ```
#[macro_export]
macro_rules! bulks {
    ($($(#[$doc:meta])* $name:ident = $action:ident $table:literal { $($column:ident : $kind:ident),* $(,)? } $($tail:literal)?;)*) => {
        $($(#[$doc])* pub(crate) static $name: $crate::Bulk = $crate::Bulk::new(
            stringify!($name),
            $table,
            &[$((stringify!($column), $crate::ColumnType::$kind)),*],
            $crate::bulks!(@ $action $($tail)?),
        );)*
        /// Every bulk write of this file.
        pub const BULKS: &[&$crate::Bulk] = &[$(&$name),*];
    };
    (@ insert) => { $crate::BulkAction::Insert { then: "" } };
    (@ insert $then:literal) => { $crate::BulkAction::Insert { then: $then } };
    (@ append) => { $crate::BulkAction::Append };
    (@ update $keys:literal) => { $crate::BulkAction::Update { keys: $keys } };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_keep_their_number_out_of_order_and_repeated() {
        assert_eq!(
            to_sqlite("SELECT $3, $1 WHERE a = $1 AND b = $12"),
            "SELECT ?3, ?1 WHERE a = ?1 AND b = ?12"
        );
    }

    #[test]
    fn quoted_dollars_stay() {
        assert_eq!(to_sqlite("SELECT '$1', '$.a', $2"), "SELECT '$1', '$.a', ?2");
    }

    #[test]
    fn locks_go_and_lists_open() {
        let statement =
            Statement::new("X", "SELECT id FROM t WHERE id IN_IDS($2) FOR UPDATE", Reach::Environment);
        assert_eq!(
            statement.sqlite(),
            "SELECT id FROM t WHERE id IN (SELECT unhex(value) FROM json_each(?2)) "
        );
        assert_eq!(statement.postgres(), "SELECT id FROM t WHERE id = ANY($2) FOR UPDATE");
        let numbers = Statement::new("N", "SELECT n FROM t WHERE n IN_INTS($2)", Reach::Environment);
        assert_eq!(numbers.sqlite(), "SELECT n FROM t WHERE n IN (SELECT value FROM json_each(?2))");
        assert_eq!(numbers.postgres(), "SELECT n FROM t WHERE n = ANY($2)");
    }

    #[test]
    fn bulk_writes_read_like_their_declaration() {
        let insert = Bulk::new(
            "I",
            "line",
            &[("id", ColumnType::uuid), ("n", ColumnType::int)],
            BulkAction::Insert { then: "ON CONFLICT DO NOTHING" },
        );
        assert_eq!(
            insert.sqlite(),
            "INSERT INTO line (env_id, id, n) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
        );
        assert_eq!(insert.sqlite_together(), None);
        assert_eq!(
            insert.postgres(),
            "INSERT INTO line (env_id, id, n) SELECT $1::uuid, u.* FROM unnest($2::uuid[], $3::bigint[]) AS u ON CONFLICT DO NOTHING"
        );
        let new = Bulk::new("N", "line", &[("n", ColumnType::int)], BulkAction::Append);
        let together = new.sqlite_together().unwrap();
        assert!(
            together.starts_with("INSERT INTO line (env_id, n) VALUES (?1, ?2), (?1, ?3), "),
            "{together}"
        );
        assert!(together.trim_end().ends_with(", (?1, ?33)"), "{together}");
        let update = Bulk::new(
            "U",
            "line",
            &[("id", ColumnType::uuid), ("n", ColumnType::int)],
            BulkAction::Update { keys: 1 },
        );
        assert_eq!(update.sqlite(), "UPDATE line SET n = ?3 WHERE env_id = ?1 AND id = ?2");
        assert_eq!(update.sqlite_together(), None);
        assert_eq!(
            update.postgres(),
            "UPDATE line SET n = u.n FROM unnest($2::uuid[], $3::bigint[]) AS u (id, n) WHERE line.env_id = $1::uuid AND line.id = u.id"
        );
    }
}
