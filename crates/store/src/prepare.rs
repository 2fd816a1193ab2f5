//! Every statement, read by the engine before anybody runs it.

use crate::{Context, Db, File, Reach, Scope, Statement};

/// Prepare every statement and bulk write of `contexts`; what each fault is. `scope` is any environment.
///
/// Also names statements of an environment that do not use `$1`, their environment, and statements of
/// the installation on tables that system work may not reach.
pub fn prepare_everything(db: &Db, scope: &Scope, contexts: &'static [&'static Context]) -> Vec<String> {
    let mut faults = Vec::new();
    for context in contexts {
        let db = if context.file == File::Core { db.clone() } else { db.usage() };
        for (reach, scope) in
            [(Reach::Environment, scope.clone()), (Reach::Installation, Scope::installation("prepare"))]
        {
            for (name, sqlite, postgres) in texts(context, reach) {
                // Each in a transaction of its own: PostgreSQL gives up a whole one at the first fault.
                match db.read(&scope, move |view| Ok(view.prepare(sqlite, postgres))).wait() {
                    Ok(Ok(())) => {}
                    Ok(Err(fault)) => faults.push(format!("{name}: {fault}")),
                    Err(error) => faults.push(format!("{name}: {error}")),
                }
            }
        }
    }
    let environment = statements(contexts).filter(|statement| statement.reach == Reach::Environment);
    let unbound = environment.filter(|statement| !statement.text.contains("$1"));
    faults.extend(unbound.map(|statement| format!("{} does not bind its environment, $1", statement.name)));
    let across = statements(contexts).filter(|statement| statement.reach == Reach::Installation);
    faults.extend(across.flat_map(|statement| out_of_reach(statement, contexts)));
    faults
}

/// Tables a statement of the installation names although system work may not touch them.
fn out_of_reach(statement: &Statement, contexts: &[&'static Context]) -> Vec<String> {
    let allowed = |table: &str| {
        contexts.iter().any(|context| {
            context.system_tables.contains(&table) || context.installation_tables.contains(&table)
        })
    };
    let words: Vec<&str> = statement.text.split_whitespace().collect();
    let names = words
        .windows(2)
        .filter(|pair| ["FROM", "JOIN", "INTO", "UPDATE"].contains(&pair[0]))
        .map(|pair| pair[1]);
    let tables = names.map(|name| name.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let plain = tables.filter(|table| !["", "SELECT", "SET", "SKIP"].contains(table));
    plain
        .filter(|table| !allowed(table) && !statement.text.contains(&format!("WITH {table} AS")))
        .map(|table| format!("{} names {table}, which system work may not touch", statement.name))
        .collect()
}

fn statements(contexts: &'static [&'static Context]) -> impl Iterator<Item = &'static Statement> {
    contexts.iter().flat_map(|context| context.statements).flat_map(|list| list.iter().copied())
}

fn texts(
    context: &'static Context,
    reach: Reach,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let statements = context.statements.iter().flat_map(|list| list.iter().copied());
    let bulks = context.bulks.iter().flat_map(|list| list.iter().copied());
    let bulks = bulks.filter(move |_| reach == Reach::Environment);
    statements
        .filter(move |statement| statement.reach == reach)
        .map(|statement| (statement.name, statement.sqlite(), statement.postgres()))
        .chain(bulks.flat_map(|bulk| {
            let texts = std::iter::once(bulk.sqlite()).chain(bulk.sqlite_together());
            texts.map(|text| (bulk.name, text, bulk.postgres()))
        }))
}
