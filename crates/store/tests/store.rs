//! The promises of the store, kept on both engines.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use kernel::{Error, Id, IdKind, ids};
use store::{
    Actor, Context, File, Lock, Migration, Mode, NewFact, Scope, Series, Step, Tx, bulks, clock, facts,
    idempotency, params, statements,
};
use testkit::{START, TestDb, every_statement_prepares, on_both};

/// A small aggregate to try things on.
enum Purse {}
impl IdKind for Purse {
    const PREFIX: &'static str = "prs";
    const NOUN: &'static str = "purse";
}

static PURSE: Lock<Purse> = Lock::new(10, &LOCK);

statements! {
    environment LOCK = "SELECT id FROM purse WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE";
    environment INSERT = "INSERT INTO purse (env_id, id, coins, label) VALUES ($1, $2, $3, $4)";
    environment COINS = "SELECT coins FROM purse WHERE env_id = $1 AND id = $2";
    environment LOCKED_COINS = "SELECT coins FROM purse WHERE env_id = $1 AND id = $2 FOR UPDATE";
    environment SET = "UPDATE purse SET coins = $3 WHERE env_id = $1 AND id = $2";
    environment COUNT = "SELECT count(*) FROM purse WHERE env_id = $1";
    environment WITH_LABELS = "SELECT label FROM purse WHERE env_id = $1 AND label IN_TEXTS($2) ORDER BY label";
    environment REPEATED = "SELECT coins + CAST($3 AS bigint), CAST($3 AS bigint), CAST($2 AS bigint) FROM purse
        WHERE env_id = $1 AND coins < $3 AND coins < $2";
    environment EVERYTHING = "SELECT count(*) FROM purse WHERE CAST($1 AS uuid) IS NOT NULL";
    environment PROCESS = "SELECT CAST(pg_backend_pid() AS bigint) FROM purse WHERE env_id = $1 LIMIT 1";
    installation CROSS = "SELECT count(*) FROM purse";
}

bulks! {
    INSERT_MANY = insert "purse" { id: uuid, coins: int, label: text };
    APPEND_MANY = append "purse" { id: uuid, coins: int, label: text };
    SAVE_MANY = insert "purse" { id: uuid, coins: int }
        "ON CONFLICT (env_id, id) DO UPDATE SET coins = excluded.coins";
    NEW_ONES = insert "purse" { id: uuid, coins: int } "ON CONFLICT DO NOTHING";
    SET_MANY = update "purse" { id: uuid, coins: int } 1;
}

static PURSES: Context = Context {
    name: "purses",
    file: File::Core,
    migrations: &[Migration {
        number: 1,
        name: "purses",
        step: Step::Expand,
        sql: "CREATE TABLE purse (
            env_id UUID NOT NULL, id UUID NOT NULL, coins INTEGER NOT NULL, label TEXT, PRIMARY KEY (env_id, id)
        ) STRICT, WITHOUT ROWID",
        extra: store::Extra::NONE,
    }],
    installation_tables: &[],
    system_tables: &[],
    statements: &[ALL],
    bulks: &[BULKS],
    upcasters: &[],
};

static CONTEXTS: &[&Context] = &[&store::CONTEXT, &PURSES];

fn new_purse(test: &TestDb, scope: &Scope, coins: i64) -> Id<Purse> {
    test.db
        .write(scope, move |tx| {
            let id = tx.new_id::<Purse>();
            tx.exec_one(&INSERT, params![id, coins, "a"])?;
            Ok(id)
        })
        .wait()
        .unwrap()
}

fn coins(test: &TestDb, scope: &Scope, id: Id<Purse>) -> Option<i64> {
    test.db.read(scope, move |view| view.opt(&COINS, params![id], |row| row.get(0))).wait().unwrap()
}

fn count(test: &TestDb, scope: &Scope) -> i64 {
    test.db.read(scope, |view| view.one(&COUNT, params![], |row| row.get(0))).wait().unwrap()
}

fn happened(tx: &mut Tx<'_>, n: i64) -> kernel::Result<()> {
    let subject = tx.new_id::<ids::Customer>();
    tx.fact(NewFact::new("test.happened", subject.any(), serde_json::json!({"n": n}))?.of(subject));
    Ok(())
}

#[test]
fn statements_prepare_on_both_engines() {
    static STORE_ONLY: &[&Context] = &[&store::CONTEXT];
    every_statement_prepares(STORE_ONLY);
}

#[test]
fn parameters_keep_their_numbers_and_lists_arrive_whole() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        new_purse(test, &scope, 5);
        let (sum, third, second): (i64, i64, i64) = test
            .db
            .read(&scope, |view| {
                view.one(&REPEATED, params![70_i64, 30_i64], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
            })
            .wait()
            .unwrap();
        assert_eq!((sum, third, second), (35, 30, 70));
        let labels = vec!["a".to_owned(), "it's \"quoted\" é".to_owned()];
        let found: Vec<String> = test
            .db
            .read(&scope, move |view| view.all(&WITH_LABELS, params![labels], |row| row.get(0)))
            .wait()
            .unwrap();
        assert_eq!(found, ["a"]);
    });
}

#[test]
fn a_failed_closure_leaves_nothing_and_its_neighbours_stand() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let work: Vec<_> = (0..40)
            .map(|n| {
                test.db.write(&scope, move |tx| {
                    let id = tx.new_id::<Purse>();
                    tx.exec_one(&INSERT, params![id, n, "x"])?;
                    happened(tx, n)?;
                    match n % 4 {
                        1 => Err(Error::conflict("no", "no")),
                        2 => panic!("a closure may panic"),
                        _ => Ok(()),
                    }
                })
            })
            .collect();
        let well = work.into_iter().map(store::Pending::wait).filter(Result::is_ok).count();
        assert_eq!(well, 20);
        assert_eq!(count(test, &scope), 20);
        assert_eq!(test.db.read(&scope, facts::verify).wait().unwrap(), 20);
    });
}

#[test]
fn locked_reads_lose_no_update_even_between_processes() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let id = new_purse(test, &scope, 0);
        let other = test.second_process(CONTEXTS);
        thread::scope(|threads| {
            for worker in 0..8 {
                let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                let scope = scope.clone();
                threads.spawn(move || {
                    for _ in 0..25 {
                        let add = move |tx: &mut Tx<'_>| {
                            tx.lock(&PURSE, id)?;
                            let coins: i64 = tx.one(&COINS, params![id], |row| row.get(0))?;
                            tx.exec_one(&SET, params![id, coins + 1])?;
                            happened(tx, coins)
                        };
                        db.write(&scope, add).wait().unwrap();
                    }
                });
            }
        });
        assert_eq!(coins(test, &scope, id), Some(200));
        assert_eq!(test.db.read(&scope, facts::verify).wait().unwrap(), 200);
    });
}

#[test]
fn locks_out_of_order_are_a_fault() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let (low, high) = (new_purse(test, &scope, 0), new_purse(test, &scope, 0));
        let missing: Id<Purse> = Id::from_uuid(uuid::Uuid::from_u128(u128::MAX));
        let backwards = test.db.write(&scope, move |tx| {
            tx.lock(&PURSE, high)?;
            tx.lock(&PURSE, low)
        });
        assert_eq!(backwards.wait().unwrap_err().code, "internal");
        let after_numbers = test.db.write(&scope, move |tx| {
            let series = Series { owner: uuid::Uuid::nil(), name: "INV".into() };
            tx.take_numbers(&series, 1, "2026-01-15".parse().unwrap())?;
            tx.lock(&PURSE, high)
        });
        assert_eq!(after_numbers.wait().unwrap_err().code, "internal");
        let both = test.db.write(&scope, move |tx| tx.lock_all(&PURSE, &[high, low]));
        assert!(both.wait().is_ok());
        let late = test.db.write(&scope, move |tx| {
            tx.lock_all(&PURSE, &[high, low])?;
            tx.lock_all(&PURSE, &[low])
        });
        assert_eq!(late.wait().unwrap_err().code, "internal");
        assert_eq!(
            test.db.write(&scope, move |tx| tx.lock(&PURSE, missing)).wait().unwrap_err().code,
            "not_found"
        );
    });
}

#[test]
fn another_environment_is_neither_read_nor_written() {
    on_both(CONTEXTS, |test| {
        let (ours, theirs) = (test.environment(Mode::Live), test.environment(Mode::Live));
        let id = new_purse(test, &ours, 7);
        assert_eq!(coins(test, &theirs, id), None);
        assert_eq!(test.db.write(&theirs, move |tx| tx.exec(&SET, params![id, 0_i64])).wait().unwrap(), 0);
        assert_eq!(
            test.db.write(&theirs, move |tx| tx.lock(&PURSE, id)).wait().unwrap_err().code,
            "not_found"
        );
        assert_eq!(coins(test, &ours, id), Some(7));
        // A statement of the installation has no business in an environment, nor the other way round.
        let wrong = test.db.read(&ours, |view| view.one(&CROSS, params![], |row| row.get::<i64>(0))).wait();
        assert_eq!(wrong.unwrap_err().code, "internal");
        let wrong = test
            .db
            .read(&Scope::installation("test"), |view| view.one(&COUNT, params![], |row| row.get::<i64>(0)))
            .wait();
        assert_eq!(wrong.unwrap_err().code, "internal");
    });
}

/// On PostgreSQL the database itself refuses, even when a statement forgets its environment.
#[test]
fn row_level_security_holds_against_raw_sql() {
    let Some(test) = TestDb::postgres(CONTEXTS) else { return };
    let (ours, theirs) = (test.environment(Mode::Live), test.environment(Mode::Live));
    new_purse(&test, &ours, 1);
    new_purse(&test, &theirs, 1);
    let seen: i64 =
        test.db.read(&ours, |view| view.one(&EVERYTHING, params![], |row| row.get(0))).wait().unwrap();
    assert_eq!(seen, 1, "a forgotten WHERE shows only our own row");
    let refused = test
        .db
        .read(&Scope::installation("test"), |view| view.one(&CROSS, params![], |row| row.get::<i64>(0)));
    assert!(refused.wait().unwrap_err().detail.contains("permission denied"));

    let store::Location::Postgres(url) = &test.location else { unreachable!() };
    let mut raw = postgres::Client::connect(url, postgres::NoTls).unwrap();
    let (our_env, their_env) = (ours.env().unwrap().uuid(), theirs.env().unwrap().uuid());
    let attempts = [
        ("no environment named", String::new(), "SELECT * FROM purse".to_owned(), None),
        (
            "read everything",
            our_env.to_string(),
            format!("SELECT * FROM purse WHERE env_id = '{their_env}'"),
            Some(0),
        ),
        (
            "write into another environment",
            our_env.to_string(),
            format!("INSERT INTO purse (env_id, id, coins) VALUES ('{their_env}', '{our_env}', 1)"),
            None,
        ),
        ("move a row", our_env.to_string(), format!("UPDATE purse SET env_id = '{their_env}'"), None),
        (
            "switch security off",
            our_env.to_string(),
            "ALTER TABLE purse DISABLE ROW LEVEL SECURITY".into(),
            None,
        ),
        ("drop", our_env.to_string(), "DROP TABLE purse".into(), None),
        ("read other tables", our_env.to_string(), "SELECT * FROM schema_migration".into(), None),
    ];
    for (what, env, sql, expected) in attempts {
        let mut transaction = raw.transaction().unwrap();
        transaction.batch_execute("SET LOCAL ROLE steelyard_app").unwrap();
        transaction.batch_execute(&format!("SELECT set_config('steelyard.env', '{env}', true)")).unwrap();
        let rows = transaction.query(sql.as_str(), &[]).ok().map(|rows| rows.len());
        assert_eq!(rows, expected, "{what}");
    }
}

#[test]
fn numbers_have_no_gap_and_dates_never_go_back() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let other = test.second_process(CONTEXTS);
        let taken: Arc<std::sync::Mutex<Vec<(i64, String)>>> = Arc::default();
        thread::scope(|threads| {
            for worker in 0..6 {
                let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                let (scope, taken) = (scope.clone(), Arc::clone(&taken));
                threads.spawn(move || {
                    for round in 0..20 {
                        let date = format!("2026-01-{:02}", 1 + (round * 7 + worker) % 28);
                        let take = move |tx: &mut Tx<'_>| {
                            let series = Series { owner: uuid::Uuid::nil(), name: "INV".into() };
                            let numbers = tx.take_numbers(&series, 2, date.parse().unwrap())?;
                            if round % 5 == 4 { Err(Error::conflict("no", "no")) } else { Ok(numbers) }
                        };
                        if let Ok(numbers) = db.write(&scope, take).wait() {
                            let date = numbers.date.to_string();
                            taken
                                .lock()
                                .unwrap()
                                .extend([(numbers.first, date.clone()), (numbers.first + 1, date)]);
                        }
                    }
                });
            }
        });
        let mut taken = taken.lock().unwrap().clone();
        taken.sort();
        assert_eq!(
            taken.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            (1..=192).collect::<Vec<_>>()
        );
        assert!(taken.is_sorted_by_key(|(_, date)| date.clone()), "later numbers carry later dates");
    });
}

#[test]
fn a_reader_by_cursor_misses_no_fact_under_concurrent_writers() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let other = test.second_process(CONTEXTS);
        let seen = thread::scope(|threads| {
            for worker in 0..6 {
                let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                let scope = scope.clone();
                threads.spawn(move || {
                    for n in 0..30 {
                        let work =
                            move |tx: &mut Tx<'_>| (0..=n % 3).try_for_each(|extra| happened(tx, extra));
                        db.write(&scope, work).wait().unwrap();
                    }
                });
            }
            let (db, scope) = (test.db.clone(), scope.clone());
            let reader = threads.spawn(move || {
                let mut seen: Vec<i64> = Vec::new();
                while seen.len() < 6 * 60 {
                    let after = seen.last().copied().unwrap_or(0);
                    let page = db.read(&scope, move |view| facts::feed(view, after, 7)).wait().unwrap();
                    seen.extend(page.iter().map(|fact| fact.seq));
                }
                seen
            });
            reader.join().unwrap()
        });
        assert_eq!(seen, (1..=360).collect::<Vec<_>>());
        assert_eq!(test.db.read(&scope, facts::verify).wait().unwrap(), 360);
    });
}

#[test]
fn a_changed_fact_is_found() {
    let test = TestDb::sqlite(CONTEXTS);
    let scope = test.environment(Mode::Live);
    test.db.write(&scope, |tx| (0..5).try_for_each(|n| happened(tx, n))).wait().unwrap();
    let store::Location::Sqlite(folder) = &test.location else { unreachable!() };
    let raw = rusqlite::Connection::open(folder.join("core.db")).unwrap();
    raw.execute("UPDATE fact SET payload = '{\"n\":9}' WHERE seq = 3", []).unwrap();
    let error = test.db.read(&scope, facts::verify).wait().unwrap_err();
    assert_eq!((error.code, error.detail.contains("Fact 3")), ("facts_broken", true));
    raw.execute("UPDATE fact SET payload = '{\"n\":2}' WHERE seq = 3", []).unwrap();
    assert_eq!(test.db.read(&scope, facts::verify).wait().unwrap(), 5);
    raw.execute("DELETE FROM fact WHERE seq = 5", []).unwrap();
    assert!(test.db.read(&scope, facts::verify).wait().is_err(), "a cut-off end is noticed");
}

#[test]
fn old_facts_read_in_todays_shape() {
    static RENAMED: Context = Context {
        name: "renamed",
        file: File::Core,
        migrations: &[],
        installation_tables: &[],
        system_tables: &[],
        statements: &[],
        bulks: &[],
        upcasters: &[store::Upcaster {
            kind: "test.happened",
            from: 1,
            payload: |old| serde_json::json!({"count": old["n"]}),
        }],
    };
    on_both(&[&store::CONTEXT, &RENAMED], |test| {
        let scope = test.environment(Mode::Live);
        test.db.write(&scope, |tx| happened(tx, 4)).wait().unwrap();
        let page = test.db.read(&scope, |view| facts::feed(view, 0, 10)).wait().unwrap();
        assert_eq!((page[0].v, &page[0].payload), (2, &serde_json::json!({"count": 4})));
        assert_eq!(
            test.db.read(&scope, facts::verify).wait().unwrap(),
            1,
            "the stored version stays and verifies"
        );
    });
}

#[test]
fn the_same_key_answers_the_same_and_acts_once() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let other = test.second_process(CONTEXTS);
        let ask = |db: &store::Db, key: &str, fingerprint: u8| {
            let request = idempotency::Request { key: key.to_owned(), fingerprint: [fingerprint; 32] };
            db.write(&scope, move |tx| {
                if let Some(answer) = idempotency::find(tx, &request)? {
                    return Ok(answer.body);
                }
                let id = tx.new_id::<Purse>();
                tx.exec_one(&INSERT, params![id, 1_i64, "k"])?;
                let answer = idempotency::Answer { status: 201, body: format!("{}", id.uuid()) };
                idempotency::record(tx, &request, &answer)?;
                Ok(answer.body)
            })
        };
        let bodies: BTreeSet<String> = thread::scope(|threads| {
            let threads: Vec<_> = (0..8)
                .map(|n| {
                    let (db, ask) = (if n % 2 == 0 { &test.db } else { &other }, &ask);
                    threads.spawn(move || ask(db, "one", 1).wait().unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(bodies.len(), 1);
        assert_eq!(count(test, &scope), 1);
        assert_eq!(ask(&test.db, "one", 2).wait().unwrap_err().code, "idempotency_key_reused");
    });
}

#[test]
fn many_rows_in_one_go() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let ids: Vec<Id<Purse>> =
            (1..=12_000_u128).map(|n| Id::from_uuid(uuid::Uuid::from_u128(n))).collect();
        let (first, last) = (ids[0], ids[11_999]);
        test.db
            .write(&scope, move |tx| {
                use store::ToValue as _;
                tx.bulk_all(
                    &INSERT_MANY,
                    ids.iter()
                        .map(|id| [id.to_value(), 3_i64.to_value(), None::<String>.to_value()].map(owned)),
                )?;
                tx.bulk_all(&SET_MANY, ids.iter().map(|id| [id.to_value(), 4_i64.to_value()].map(owned)))?;
                let nowhere: Id<Purse> = Id::from_uuid(uuid::Uuid::nil());
                assert_eq!(tx.bulk(&SET_MANY, [[nowhere.to_value(), 4_i64.to_value()].map(owned)])?, 0);
                Ok(())
            })
            .wait()
            .unwrap();
        assert_eq!((coins(test, &scope, first), coins(test, &scope, last)), (Some(4), Some(4)));
        assert_eq!(count(test, &scope), 12_000);
    });
}

#[test]
fn any_number_of_rows_is_written_and_counted() {
    use store::ToValue as _;
    on_both(CONTEXTS, |test| {
        for many in [0_u128, 1, 31, 32, 33, 64, 65, 100] {
            let scope = test.environment(Mode::Live);
            let ids = move |from: u128| {
                (from..from + many).map(|n| Id::<Purse>::from_uuid(uuid::Uuid::from_u128(n)))
            };
            let written = test.db.write(&scope, move |tx| {
                let rows = |from: u128| {
                    ids(from).zip(0_i64..).map(|(id, coins)| [id.to_value(), coins.to_value()].map(owned))
                };
                let none = None::<String>;
                let third = |[id, coins]: [store::Value<'static>; 2]| [id, coins, owned(none.to_value())];
                tx.bulk_all(&APPEND_MANY, rows(1_001).map(third).collect::<Vec<_>>())?;
                Ok([
                    tx.bulk(&NEW_ONES, rows(1))?,
                    tx.bulk(&NEW_ONES, rows(11))?,
                    tx.bulk(&SAVE_MANY, rows(1))?,
                    tx.bulk(&SAVE_MANY, rows(101))?,
                ])
            });
            let new = many.min(10) as u64;
            assert_eq!(written.wait().unwrap(), [many as u64, new, many as u64, many as u64], "{many} rows");
            for (id, n) in ids(101).zip(0_i64..).chain(ids(1_001).zip(0_i64..)) {
                assert_eq!(coins(test, &scope, id), Some(n), "{many} rows");
            }
        }
    });
}

/// Values of temporaries, for the rows above.
fn owned(value: store::Value<'_>) -> store::Value<'static> {
    match value {
        store::Value::Uuid(id) => store::Value::Uuid(id),
        store::Value::Int(n) => store::Value::Int(n),
        _ => store::Value::Null,
    }
}

#[test]
fn a_sandbox_clock_stands_and_only_due_work_writes_while_it_moves() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        let (start, target) = (START.parse().unwrap(), "2026-03-01T00:00:00Z".parse().unwrap());
        test.clock.advance(jiff::SignedDuration::from_hours(5));
        assert_eq!(test.db.write(&scope, |tx| Ok(tx.now())).wait().unwrap(), start);
        test.db.write(&scope, move |tx| clock::aim(tx, target)).wait().unwrap();
        assert_eq!(test.db.write(&scope, |_| Ok(())).wait().unwrap_err().code, "clock_advancing");
        assert_eq!(test.db.read(&scope, |view| Ok(view.now())).wait().unwrap(), start, "reading goes on");
        let due = scope.clone().for_due_work();
        test.db
            .write(&due, move |tx| {
                tx.run_at("2026-02-01T00:00:00Z".parse().unwrap())?;
                assert_eq!(tx.now().to_string(), "2026-02-01T00:00:00Z");
                Ok(())
            })
            .wait()
            .unwrap();
        test.db.write(&due, clock::arrive).wait().unwrap();
        assert_eq!(test.db.write(&scope, |tx| Ok(tx.now())).wait().unwrap(), target);
        let back = test.db.write(&scope, move |tx| clock::aim(tx, start)).wait();
        assert_eq!(back.unwrap_err().code, "clock_backwards");
        let live = test.environment(Mode::Live);
        let by_hand = test.db.write(&live, move |tx| clock::aim(tx, target)).wait();
        assert_eq!(by_hand.unwrap_err().code, "clock_is_live");
        let forged = test.db.write(&scope, move |tx| tx.run_at(start)).wait();
        assert_eq!(forged.unwrap_err().code, "internal");
    });
}

#[test]
fn who_did_it_and_why_stands_in_the_fact() {
    on_both(CONTEXTS, |test| {
        let opened = test.environment(Mode::Live);
        let key = ids::ApiKeyId::from_uuid(uuid::Uuid::from_u128(9));
        let reason = store::Reason::parse("customer_request").unwrap();
        let scope =
            Scope::environment(opened.env().unwrap(), Mode::Live, Actor::Key(key)).because(Some(reason));
        test.db.write(&scope, |tx| happened(tx, 1)).wait().unwrap();
        let page = test.db.read(&scope, |view| facts::latest(view, i64::MAX, 1)).wait().unwrap();
        assert_eq!(
            (page[0].actor.clone(), page[0].reason.as_deref()),
            (key.to_string(), Some("customer_request"))
        );
        for free_text in ["", "Mr. Miller called", "ümlaut", &"x".repeat(65)] {
            assert!(store::Reason::parse(free_text).is_err(), "{free_text}");
        }
    });
}

/// Usage has a file and a writer of its own from the first day.
#[test]
fn usage_lives_beside_core_and_states_no_facts() {
    static COUNTS: Context = Context {
        name: "counts",
        file: File::Usage,
        migrations: &[Migration {
            number: 1,
            name: "counts",
            step: Step::Expand,
            sql: "CREATE TABLE purse (
                env_id UUID NOT NULL, id UUID NOT NULL, coins INTEGER NOT NULL, label TEXT, PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID",
            extra: store::Extra::NONE,
        }],
        installation_tables: &[],
        system_tables: &[],
        statements: &[ALL_OF_USAGE],
        bulks: &[],
        upcasters: &[],
    };
    static ALL_OF_USAGE: &[&store::Statement] = &[&INSERT, &COUNT];
    static BOTH: &[&Context] = &[&store::CONTEXT, &COUNTS];
    on_both(BOTH, |test| {
        let scope = test.environment(Mode::Sandbox);
        let usage = test.db.usage();
        let insert = |tx: &mut Tx<'_>| {
            let id = tx.new_id::<Purse>();
            tx.exec_one(&INSERT, params![id, 1_i64, "u"])
        };
        usage.write(&scope, insert).wait().unwrap();
        let count = usage.read(&scope, |view| view.one(&COUNT, params![], |row| row.get::<i64>(0))).wait();
        assert_eq!(count.unwrap(), 1);
        let fact = usage.write(&scope, |tx| happened(tx, 1)).wait();
        assert_eq!(fact.unwrap_err().code, "internal");
        if let store::Location::Sqlite(folder) = &test.location {
            assert!(folder.join("core.db").exists() && folder.join("usage/live.db").exists());
            let in_core = test.db.read(&scope, |view| view.one(&COUNT, params![], |row| row.get::<i64>(0)));
            assert!(in_core.wait().is_err(), "core.db has no such table");
        }
    });
    every_statement_prepares(BOTH);
}

/// A closure whose connection breaks before the commit is run again, on a new connection, and happens once.
#[test]
fn a_lost_connection_runs_the_closure_again() {
    let Some(test) = TestDb::postgres(CONTEXTS) else { return };
    let scope = test.environment(Mode::Live);
    new_purse(&test, &scope, 0);
    let store::Location::Postgres(url) = test.location.clone() else { unreachable!() };
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    test.db
        .write(&scope, move |tx| {
            let process: i64 = tx.one(&PROCESS, params![], |row| row.get(0))?;
            let id = tx.new_id::<Purse>();
            tx.exec_one(&INSERT, params![id, 1_i64, "again"])?;
            happened(tx, 1)?;
            if counted.fetch_add(1, Ordering::SeqCst) < 2 {
                let mut other = postgres::Client::connect(&url, postgres::NoTls).unwrap();
                other.execute("SELECT pg_terminate_backend($1::bigint::int)", &[&process]).unwrap();
            }
            Ok(())
        })
        .wait()
        .unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(count(&test, &scope), 2);
    assert_eq!(test.db.read(&scope, facts::verify).wait().unwrap(), 1);
}

/// Two transactions that lock the same rows in opposite orders, against the rules, by raw statements: the
/// database ends the deadlock, the store runs the loser again, and both happen.
#[test]
fn a_deadlock_is_run_again() {
    let Some(test) = TestDb::postgres(CONTEXTS) else { return };
    let scope = test.environment(Mode::Live);
    let (one, two) = (new_purse(&test, &scope, 0), new_purse(&test, &scope, 0));
    let meet = Arc::new(std::sync::Barrier::new(2));
    let swap = |first: Id<Purse>, second: Id<Purse>| {
        let (meet, runs) = (Arc::clone(&meet), AtomicUsize::new(0));
        test.db.write(&scope, move |tx| {
            let coins: i64 = tx.one(&LOCKED_COINS, params![first], |row| row.get(0))?;
            tx.exec_one(&SET, params![first, coins + 1])?;
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                meet.wait();
            }
            let coins: i64 = tx.one(&LOCKED_COINS, params![second], |row| row.get(0))?;
            tx.exec_one(&SET, params![second, coins + 1])
        })
    };
    let (there, back) = (swap(one, two), swap(two, one));
    there.wait().unwrap();
    back.wait().unwrap();
    assert_eq!((coins(&test, &scope, one), coins(&test, &scope, two)), (Some(2), Some(2)));
}

fn deposed() -> Error {
    Error::conflict("deposed", "Nobody has this purse.")
}

/// Change a purse that must be there, and put others beside it, none of which is waited for.
fn set_and_add(tx: &mut Tx<'_>, id: Id<Purse>, coins: i64, more: &[Id<Purse>]) -> kernel::Result<()> {
    tx.exec_later(&SET, params![id, coins], deposed)?;
    more.iter().try_for_each(|id| {
        let row = [store::Value::Uuid(id.uuid()), store::Value::Int(1), store::Value::Null];
        tx.bulk_later(&INSERT_MANY, [row])
    })
}

#[test]
fn what_is_not_waited_for_happens_in_order_and_is_seen_by_what_asks() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let purse = new_purse(test, &scope, 1);
        let seen = test.db.write(&scope, move |tx| {
            // More than are kept back at a time.
            let more: Vec<Id<Purse>> = (0..60).map(|_| tx.new_id()).collect();
            set_and_add(tx, purse, 2, &more)?;
            let seen = (
                tx.one(&COINS, params![purse], |row| row.get::<i64>(0))?,
                tx.one(&COUNT, params![], |row| row.get::<i64>(0))?,
            );
            tx.exec_later(&SET, params![purse, 3_i64], deposed)?;
            tx.exec_later(&SET, params![purse, 4_i64], deposed)?;
            Ok(seen)
        });
        assert_eq!(seen.wait().unwrap(), (2, 61));
        assert_eq!((coins(test, &scope, purse), count(test, &scope)), (Some(4), 61));
    });
}

#[test]
fn what_fails_without_being_waited_for_undoes_the_transaction() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let purse = new_purse(test, &scope, 1);
        let refused = |work: fn(&mut Tx<'_>, Id<Purse>) -> kernel::Result<()>| {
            let ended = test.db.write(&scope, move |tx| work(tx, purse)).wait();
            assert_eq!((coins(test, &scope, purse), count(test, &scope)), (Some(1), 1), "nothing is kept");
            ended.unwrap_err().code
        };
        // Nobody waits for an answer before the commit.
        let nobody = |tx: &mut Tx<'_>, _: Id<Purse>| {
            let (nobody, more) = (tx.new_id(), [tx.new_id()]);
            set_and_add(tx, nobody, 2, &more)
        };
        assert_eq!(refused(nobody), "deposed");
        let behind = |tx: &mut Tx<'_>, purse: Id<Purse>| {
            let (nobody, more) = (tx.new_id(), [tx.new_id()]);
            set_and_add(tx, purse, 2, &more)?;
            set_and_add(tx, nobody, 2, &[])
        };
        assert_eq!(refused(behind), "deposed");
        // The next one who asks is told, and what does not heed it does not commit either.
        let asked = |tx: &mut Tx<'_>, _: Id<Purse>| {
            let nobody = tx.new_id();
            set_and_add(tx, nobody, 2, &[])?;
            tx.one(&COUNT, params![], |_| Ok(()))
        };
        assert_eq!(refused(asked), "deposed");
        // There is one of that name.
        let twice = |tx: &mut Tx<'_>, purse: Id<Purse>| set_and_add(tx, purse, 2, &[purse]);
        assert_eq!(refused(twice), "internal");
    });
}

/// On PostgreSQL a transaction goes no further once a statement has failed, whoever was told.
#[test]
fn a_failure_that_is_passed_over_is_not_committed() {
    let Some(test) = TestDb::postgres(CONTEXTS) else { return };
    let scope = test.environment(Mode::Live);
    let purse = new_purse(&test, &scope, 1);
    let ended = test.db.write(&scope, move |tx| {
        tx.exec_one(&SET, params![purse, 2_i64])?;
        let twice = tx.exec_one(&INSERT, params![purse, 1_i64, "b"]);
        assert!(twice.is_err());
        Ok(())
    });
    assert_eq!(ended.wait().unwrap_err().code, "internal");
    assert_eq!(coins(&test, &scope, purse), Some(1));
}
