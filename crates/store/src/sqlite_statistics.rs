//! What SQLite's planner is told about the tables, the same in every database and from the first day.
//!
//! Left alone it takes an equal first column of an index to leave about ten rows. Ours is the environment,
//! which leaves nearly all of them, so it would read whole environments where an index leads to the row.
//! Measured statistics would differ from database to database and be missing while one is young; these say
//! what the schema means: an environment holds a great many rows, what is named within it few.

use kernel::Result;
use rusqlite::Connection;

use crate::fault;

/// Rows of a table, nearly all of one environment.
const MANY: u32 = 1_000_000;
/// Rows of an index on only some of them.
const PART: u32 = 10_000;
/// Rows of a table with one row for an environment.
const ENVIRONMENTS: u32 = 100;
/// Rows that one more column of a key leaves.
const SOME: u32 = 100;
/// Rows that all columns of an index leave that is not unique.
const FEW: u32 = 10;

/// A line of `sqlite_stat1`.
type Line = (String, String, String);

/// Make the statistics what they should be; does nothing when they are.
pub(crate) fn settle(connection: &Connection) -> Result<()> {
    let settle = || -> rusqlite::Result<()> {
        let wanted = wanted(connection)?;
        if stored(connection)? == wanted {
            return Ok(());
        }
        // Makes the table when there is none; the limit keeps it from reading much.
        connection.execute_batch("PRAGMA analysis_limit = 1; ANALYZE; DELETE FROM sqlite_stat1")?;
        let mut insert =
            connection.prepare("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)")?;
        for line in wanted {
            insert.execute(line)?;
        }
        connection.execute_batch("ANALYZE sqlite_schema")
    };
    settle().map_err(|error| fault::sqlite("statistics", &error))
}

fn stored(connection: &Connection) -> rusqlite::Result<Vec<Line>> {
    let there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1')";
    if !connection.query_row(there, [], |row| row.get(0))? {
        return Ok(Vec::new());
    }
    let mut lines = connection.prepare("SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx")?;
    lines.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

fn wanted(connection: &Connection) -> rusqlite::Result<Vec<Line>> {
    let mut indexes = connection.prepare(
        "SELECT t.name, CASE i.origin WHEN 'pk' THEN t.name ELSE i.name END, i.\"unique\", count(*),
            max(c.seqno = 0 AND c.name = 'env_id'), i.partial
         FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
            AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) k WHERE k.name = 'env_id' AND k.pk = 1)
         GROUP BY t.name, i.name ORDER BY 1, 2",
    )?;
    let lines = indexes.query_map([], |row| {
        let rows = if row.get(5)? { PART } else { MANY };
        Ok((row.get(0)?, row.get(1)?, left(rows, row.get(2)?, row.get(3)?, row.get(4)?)))
    })?;
    lines.collect()
}

/// How many `rows` there are, and how many the first column of an index leaves, the first two, and so on.
fn left(rows: u32, unique: bool, columns: u32, by_environment: bool) -> String {
    if by_environment && unique && columns == 1 {
        return format!("{ENVIRONMENTS} 1");
    }
    let mut left = vec![rows; 1 + usize::from(by_environment)];
    left.resize(columns as usize, SOME);
    left.push(if unique { 1 } else { FEW });
    left.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "
        CREATE TABLE head (env_id BLOB NOT NULL PRIMARY KEY, seq INTEGER) STRICT, WITHOUT ROWID;
        CREATE TABLE account (env_id BLOB NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL,
            PRIMARY KEY (env_id, id), UNIQUE (env_id, kind, owner)) STRICT, WITHOUT ROWID;
        CREATE INDEX account_kind ON account (env_id, kind);
        CREATE INDEX account_owner ON account (owner) WHERE owner <> '';
        CREATE TABLE installation (name TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
    ";

    fn plan(connection: &Connection, text: &str) -> String {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let mut rows = plan.query(["[]", "[]", "[]"]).unwrap();
        rows.next().unwrap().unwrap().get(3).unwrap()
    }

    #[test]
    fn an_environment_is_many_rows_and_what_is_named_in_it_few() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        settle(&connection).unwrap();
        let lines = stored(&connection).unwrap();
        let lines: Vec<_> = lines.iter().map(|(_, index, stat)| (index.as_str(), stat.as_str())).collect();
        assert_eq!(
            lines,
            [
                ("account", "1000000 1000000 1"),
                ("account_kind", "1000000 1000000 10"),
                ("account_owner", "10000 10"),
                ("sqlite_autoindex_account_2", "1000000 1000000 100 1"),
                ("head", "100 1"),
            ]
        );
    }

    #[test]
    fn a_list_of_names_is_looked_up_in_the_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let text = "SELECT id FROM account WHERE env_id = ?1 AND kind = ?2
            AND owner IN (SELECT value FROM json_each(?3))";
        settle(&connection).unwrap();
        assert!(plan(&connection, text).contains("(env_id=? AND kind=? AND owner=?)"));
        let changes = || connection.query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0));
        let before = changes().unwrap();
        settle(&connection).unwrap();
        assert_eq!(changes().unwrap(), before, "nothing is written when all is as it should be");
    }
}
