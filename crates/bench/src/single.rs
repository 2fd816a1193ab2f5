//! Operations of one row each, many clients at once: what group commit is for.

use std::thread;

use identity::customer;
use kernel::Result;
use rusqlite::Connection;
use store::{Location, Mode, Scope};

use crate::{
    Figure,
    ground::{Ground, best_rate, on_both, raw},
    subscribers::{FEES, new_customer},
};

/// PostgreSQL commits each operation on its own, and those of one environment one after the other.
fn operations(ground: &Ground) -> usize {
    match ground.location {
        Location::Sqlite(_) => 20_000,
        Location::Postgres(_) => 2_000,
    }
}

const CLIENTS: usize = 64;

pub fn run() -> Result<Vec<Figure>> {
    on_both(|ground| {
        let scope = ground.environment(Mode::Live, jiff::Timestamp::UNIX_EPOCH, FEES.book)?;
        let value = best_rate(|| product(ground, &scope))?;
        let floor = best_rate(|| floor(ground))?;
        Ok(vec![Figure::new("customer created (64 clients)", ground.engine, value, "op/s").over(floor)])
    })
}

/// Each client waits for its answer before it asks again.
fn product(ground: &Ground, scope: &Scope) -> Result<u64> {
    let each = operations(ground) / CLIENTS;
    thread::scope(|threads| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                threads.spawn(|| -> Result<()> {
                    for _ in 0..each {
                        let new = new_customer()?;
                        ground.db.write(scope, move |tx| customer::create(tx, new.clone())).wait()?;
                    }
                    Ok(())
                })
            })
            .collect();
        for client in clients {
            client.join().map_err(|_| raw("a client panicked"))??;
        }
        Ok((each * CLIENTS) as u64)
    })
}

/// The rows of one such operation: a person, a customer, a fact, and the head of the chain twice.
const STATEMENTS: [&str; 5] = [
    "INSERT INTO floor_person (env_id, id, name) VALUES ($1, $2, $3)",
    "INSERT INTO floor_customer (env_id, id, person_id, country, currency, zone, metadata, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    "UPDATE floor_head SET seq = seq + 1 WHERE env_id = $1 RETURNING seq, hash",
    "INSERT INTO floor_fact (env_id, seq, type, subject_id, customer_id, actor, effective, payload, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    "UPDATE floor_head SET hash = $2 WHERE env_id = $1",
];

const PAYLOAD: &str = r#"{"country":"US","currency":"USD","zone":"UTC"}"#;

fn floor(ground: &Ground) -> Result<u64> {
    match &ground.location {
        Location::Sqlite(folder) => sqlite_floor(&folder.join("floor.db"), operations(ground)),
        Location::Postgres(url) => postgres_floor(url, operations(ground)),
    }
}

fn tables(uuid: &str, instant: &str, json: &str, bytes: &str) -> String {
    format!(
        "DROP TABLE IF EXISTS floor_person; DROP TABLE IF EXISTS floor_customer; DROP TABLE IF EXISTS floor_fact; DROP TABLE IF EXISTS floor_head;
         CREATE TABLE floor_person (env_id {uuid}, id {uuid}, name text, PRIMARY KEY (env_id, id));
         CREATE TABLE floor_customer (env_id {uuid}, id {uuid}, person_id {uuid}, country text, currency text, zone text, metadata {json}, created {instant}, PRIMARY KEY (env_id, id));
         CREATE TABLE floor_fact (env_id {uuid}, seq bigint, type text, subject_id {uuid}, customer_id {uuid}, actor text, effective {instant}, payload {json}, hash {bytes}, PRIMARY KEY (env_id, seq));
         CREATE INDEX floor_subject ON floor_fact (env_id, subject_id, seq);
         CREATE INDEX floor_of_customer ON floor_fact (env_id, customer_id, seq);
         CREATE TABLE floor_head (env_id {uuid} PRIMARY KEY, seq bigint, hash {bytes});"
    )
}

/// One connection, a commit for as many operations as the product groups at most.
fn sqlite_floor(path: &std::path::Path, operations: usize) -> Result<u64> {
    let mut connection = Connection::open(path).map_err(raw)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(raw)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(raw)?;
    connection.execute_batch(&tables("BLOB", "INTEGER", "TEXT", "BLOB")).map_err(raw)?;
    let env = uuid::Uuid::now_v7().into_bytes();
    connection.execute("INSERT INTO floor_head VALUES (?1, 0, ?2)", (env, [0_u8; 32])).map_err(raw)?;
    for _ in 0..operations / CLIENTS {
        let transaction = connection.transaction().map_err(raw)?;
        for _ in 0..CLIENTS {
            sqlite_operation(&transaction, env).map_err(raw)?;
        }
        transaction.commit().map_err(raw)?;
    }
    Ok((operations / CLIENTS * CLIENTS) as u64)
}

fn sqlite_operation(connection: &Connection, env: [u8; 16]) -> rusqlite::Result<()> {
    let [person, customer, reserve, fact, head] = STATEMENTS.map(|text| text.replace('$', "?"));
    let (person_id, id) = (uuid::Uuid::now_v7().into_bytes(), uuid::Uuid::now_v7().into_bytes());
    connection.prepare_cached(&person)?.execute((env, person_id, "Acme"))?;
    connection.prepare_cached(&customer)?.execute((env, id, person_id, "US", "USD", "UTC", "{}", 1_i64))?;
    let (seq, hash): (i64, Vec<u8>) =
        connection.prepare_cached(&reserve)?.query_row((env,), |row| Ok((row.get(0)?, row.get(1)?)))?;
    connection.prepare_cached(&fact)?.execute((
        env,
        seq,
        "customer.created",
        id,
        id,
        "command_line",
        1_i64,
        PAYLOAD,
        &hash,
    ))?;
    connection.prepare_cached(&head)?.execute((env, &hash))?;
    Ok(())
}

/// As many connections as the product has, a transaction for each operation.
fn postgres_floor(url: &str, operations: usize) -> Result<u64> {
    let connect = || ::postgres::Client::connect(url, ::postgres::NoTls).map_err(raw);
    let env = uuid::Uuid::now_v7();
    let mut first = connect()?;
    first.batch_execute(&tables("uuid", "timestamptz", "jsonb", "bytea")).map_err(raw)?;
    first.execute("INSERT INTO floor_head VALUES ($1, 0, $2)", &[&env, &vec![0_u8; 32]]).map_err(raw)?;
    const CONNECTIONS: usize = 8;
    thread::scope(|threads| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                threads.spawn(|| -> Result<()> {
                    let mut client = connect()?;
                    let mut prepared = Vec::new();
                    for text in STATEMENTS {
                        prepared.push(client.prepare(text).map_err(raw)?);
                    }
                    for _ in 0..operations / CONNECTIONS {
                        postgres_operation(&mut client, &prepared, env).map_err(raw)?;
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| raw("a connection panicked"))??;
        }
        Ok(operations as u64)
    })
}

fn postgres_operation(
    client: &mut ::postgres::Client,
    prepared: &[::postgres::Statement],
    env: uuid::Uuid,
) -> std::result::Result<(), ::postgres::Error> {
    let (person, id, now) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7(), jiff::Timestamp::now());
    let mut transaction = client.transaction()?;
    transaction.execute(&prepared[0], &[&env, &person, &"Acme"])?;
    let empty = serde_json::json!({});
    transaction.execute(&prepared[1], &[&env, &id, &person, &"US", &"USD", &"UTC", &empty, &now])?;
    let head = transaction.query_one(&prepared[2], &[&env])?;
    let (seq, hash): (i64, Vec<u8>) = (head.get(0), head.get(1));
    let payload: serde_json::Value = serde_json::from_str(PAYLOAD).unwrap_or_default();
    transaction.execute(
        &prepared[3],
        &[&env, &seq, &"customer.created", &id, &id, &"command_line", &now, &payload, &hash],
    )?;
    transaction.execute(&prepared[4], &[&env, &hash])?;
    transaction.commit()
}
