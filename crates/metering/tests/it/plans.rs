//! No statement walks through a whole environment on SQLite but those that are meant to.

use testkit::TestDb;

use crate::parts::CONTEXTS;

/// They read what is small, or everything on purpose.
const WHOLE: &[&str] = &[
    "OWNER",
    "FOUND_OWNER",
    "TAKE_OVER",
    "KEEP",
    "STILL_OWNER",
    "NEXT_SEGMENT",
    "TAIL",
    "TAIL_BEGINS",
    "SEGMENTS",
    "FIRST_CHUNK",
    "DROP_SECONDS",
    "DROP_HOLDS",
    "UNTOLD",
    "TALLIES_AFTER",
    "DROP_CROSSINGS",
    "SEGMENT_NUMBERS",
    "CUT",
    "SOURCES",
    "ACCOUNTS",
    "USED",
];

#[test]
fn statements_find_what_they_want_by_a_key() {
    let test = TestDb::sqlite(CONTEXTS);
    let store::Location::Sqlite(folder) = &test.location else { panic!("a folder") };
    let file = rusqlite::Connection::open(folder.join("usage").join("live.db")).unwrap();
    let statements = metering::CONTEXT.statements.iter().copied().flatten();
    let mut walks = Vec::new();
    for statement in statements.filter(|statement| !WHOLE.contains(&statement.name)) {
        let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sqlite())).unwrap();
        let steps =
            plan.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap).collect::<Vec<_>>();
        let whole = |step: &&String| {
            let table =
                ["SEARCH", "SCAN"].iter().any(|word| step.starts_with(word)) && step.contains("meter_");
            // By the environment alone, or by it and a range of hours over all series.
            table
                && (step.ends_with("(env_id=?)")
                    || step.contains("(env_id=? AND hour>")
                    || step.contains("SCAN"))
        };
        walks.extend(steps.iter().find(whole).map(|step| format!("{}: {step}", statement.name)));
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}
