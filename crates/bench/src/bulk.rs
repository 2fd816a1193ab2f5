//! Many rows in one transaction, against the raw driver with the very same statement text.

use kernel::Result;
use rusqlite::Connection;
use store::{Context, File, Location, Migration, Mode, Step, ToValue, bulks};

use crate::{
    Figure,
    ground::{CONTEXTS, Ground, best_rate, on_both, raw},
    subscribers::FEES,
};

const ROWS: u64 = 200_000;

bulks! {
    INSERT = insert "bench_row" { id: uuid, ordinal: int, amount: int, note: text };
}

/// A table like a ledger's: a dense key and three small columns.
pub static CONTEXT: Context = Context {
    name: "bench",
    file: File::Core,
    migrations: &[Migration {
        number: 1,
        name: "bench",
        step: Step::Expand,
        sql: "CREATE TABLE bench_row (
            env_id UUID NOT NULL, id UUID NOT NULL, ordinal INTEGER NOT NULL, amount INTEGER NOT NULL, note TEXT NOT NULL,
            PRIMARY KEY (env_id, id, ordinal)
        ) STRICT, WITHOUT ROWID",
        extra: store::Extra::NONE,
    }],
    installation_tables: &[],
    system_tables: &[],
    statements: &[],
    bulks: &[BULKS],
    upcasters: &[],
};

pub fn run() -> Result<Vec<Figure>> {
    on_both(|ground| {
        let contexts: Vec<&'static Context> = CONTEXTS.iter().copied().chain([&CONTEXT]).collect();
        let db = store::Db::open(&ground.location, &contexts, &store::Options::default())?;
        let scope = ground.environment(Mode::Live, jiff::Timestamp::UNIX_EPOCH, FEES.book)?;
        let value = best_rate(|| {
            let insert = |tx: &mut store::Tx<'_>| {
                let ids: Vec<uuid::Uuid> = (0..ROWS / 4).map(|_| uuid::Uuid::now_v7()).collect();
                let rows = ids.iter().flat_map(|id| {
                    (0..4_i64).map(|ordinal| {
                        [
                            id.to_value(),
                            store::Value::Int(ordinal),
                            store::Value::Int(4_900),
                            "a short note".to_value(),
                        ]
                    })
                });
                tx.bulk(&INSERT, rows)
            };
            db.write(&scope, insert).wait()
        })?;
        let floor = best_rate(|| floor(ground))?;
        Ok(vec![Figure::new("bulk insert", ground.engine, value, "rows/s").over(floor)])
    })
}

fn floor(ground: &Ground) -> Result<u64> {
    let env = uuid::Uuid::now_v7();
    match &ground.location {
        Location::Sqlite(folder) => {
            let mut connection = Connection::open(folder.join("core.db")).map_err(raw)?;
            connection.pragma_update(None, "synchronous", "FULL").map_err(raw)?;
            connection.pragma_update(None, "cache_size", -32_768).map_err(raw)?;
            let transaction = connection.transaction().map_err(raw)?;
            {
                let mut statement = transaction.prepare(INSERT.sqlite()).map_err(raw)?;
                for _ in 0..ROWS / 4 {
                    let id = uuid::Uuid::now_v7();
                    for ordinal in 0..4_i64 {
                        let row = (env.as_bytes(), id.as_bytes(), ordinal, 4_900_i64, "a short note");
                        statement.execute(row).map_err(raw)?;
                    }
                }
            }
            transaction.commit().map_err(raw)?;
        }
        Location::Postgres(url) => {
            let mut client = ::postgres::Client::connect(url, ::postgres::NoTls).map_err(raw)?;
            let mut transaction = client.transaction().map_err(raw)?;
            // The same role and policy, so that only our own code is between.
            let setup =
                format!("SET LOCAL ROLE steelyard_app; SELECT set_config('steelyard.env', '{env}', true)");
            transaction.batch_execute(&setup).map_err(raw)?;
            let statement = transaction.prepare(INSERT.postgres()).map_err(raw)?;
            for _ in 0..ROWS / 5_000 {
                let (mut ids, mut ordinals) = (Vec::new(), Vec::new());
                for _ in 0..1_250 {
                    let id = uuid::Uuid::now_v7();
                    ids.extend([id; 4]);
                    ordinals.extend(0..4_i64);
                }
                let (amounts, notes) = (vec![4_900_i64; 5_000], vec!["a short note"; 5_000]);
                transaction.execute(&statement, &[&env, &ids, &ordinals, &amounts, &notes]).map_err(raw)?;
            }
            transaction.commit().map_err(raw)?;
        }
    }
    Ok(ROWS)
}
