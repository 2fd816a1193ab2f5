//! Every statement, read by the engine before anybody runs it.

use crate::{Context, Db, Reach, Scope, Statement};

/// Prepare every statement and bulk write of `contexts`; what each fault is. `scope` is any environment.
///
/// Also names statements of an environment that do not use `$1`, their environment, and statements of
/// the installation on tables that system work may not reach.
pub fn prepare_everything(db: &Db, scope: &Scope, contexts: &'static [&'static Context]) -> Vec<String> {
    let mut faults = Vec::new();
    for reach in [Reach::Environment, Reach::Installation] {
        let scope = if reach == Reach::Environment { scope.clone() } else { Scope::installation("prepare") };
        for (name, sqlite, postgres) in texts(contexts, reach) {
            // Each in a transaction of its own: PostgreSQL gives up a whole transaction at the first fault.
            let answer = db.read(&scope, move |view| Ok(view.prepare(sqlite, postgres))).wait();
            match answer {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => faults.push(format!("{name}: {fault}")),
                Err(error) => faults.push(format!("{name}: {error}")),
            }
        }
    }
    let environment = statements(contexts).filter(|statement| statement.reach == Reach::Environment);
    let unbound = environment.filter(|statement| !statement.text.contains("$1"));
    faults.extend(unbound.map(|statement| format!("{} does not bind its environment, $1", statement.name)));
    faults
}

fn statements(contexts: &'static [&'static Context]) -> impl Iterator<Item = &'static Statement> {
    contexts.iter().flat_map(|context| context.statements).flat_map(|list| list.iter().copied())
}

fn texts(
    contexts: &'static [&'static Context],
    reach: Reach,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let of_reach = statements(contexts).filter(move |statement| statement.reach == reach);
    let bulks = contexts.iter().flat_map(|context| context.bulks).flat_map(|list| list.iter().copied());
    let bulks = bulks.filter(move |_| reach == Reach::Environment);
    of_reach
        .map(|statement| (statement.name, statement.sqlite(), statement.postgres()))
        .chain(bulks.map(|bulk| (bulk.name, bulk.sqlite(), bulk.postgres())))
}
