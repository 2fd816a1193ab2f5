//! Two processes over one PostgreSQL: either answers, one counts, and when that one dies the limit holds.

use std::{
    collections::BTreeSet,
    iter,
    net::TcpListener,
    process,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::program::{Installation, Server, get, post};

const BOOK: &str = r#"
book = 1
name = "Runs"
currency = "USD"

[meters]
runs = { name = "Runs", unit = "run" }
calls = { name = "Calls", unit = "call" }

[plans.small]
name = "Small"
price = { month = "10" }
limits = { runs = 60 }
"#;

const CLIENTS: u64 = 6;

fn serve(installation: &Installation) -> Server {
    serve_at(installation, &address_to_keep())
}

/// A server with a book of one limit.
pub fn serve_at(installation: &Installation, address: &str) -> Server {
    std::fs::write(installation.path("runs.toml"), BOOK).unwrap();
    Server::start(installation.command(&["serve", "--listen", address, "--book", "runs.toml"]))
}

/// An address for a server that goes and comes back. Its port lies below those the system hands out, so that nobody who
/// asks for any free one gets it in between.
pub fn address_to_keep() -> String {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let first = (process::id() % 8_000) as u16;
    let next = || 20_000 + (first + ASKED.fetch_add(7, Ordering::SeqCst)) % 12_000;
    let mut addresses = iter::repeat_with(|| format!("127.0.0.1:{}", next())).take(1_000);
    addresses.find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

/// The subscription `one`, which is limited to 60 runs.
pub fn subscribe(server: &Server, key: &str) {
    let customer = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "meyer" });
    assert_eq!(server.post("/v1/customers", key, &customer).0, 201);
    let start = json!({
        "customer": "ext:meyer", "plan": "small", "cycle": "month", "external_id": "one", "finalize": true,
    });
    let (status, answer) = server.post("/v1/subscriptions", key, &start);
    assert_eq!(status, 201, "{answer}");
}

/// What was used in the period so far.
pub fn used(url: &str, key: &str, meter: &str) -> String {
    let (status, answer) = get(url, &format!("/v1/meters/{meter}/usage?subscription=ext:one"), key);
    assert_eq!(status, 200, "{answer}");
    answer["data"][0]["value"].as_str().unwrap().to_owned()
}

/// Two processes over a limited subscription, and a key for both; the first one asked will own the environment.
fn two_processes(installation: &Installation) -> (Server, Server, String) {
    let owner = serve(installation);
    let key = owner.key.clone().unwrap();
    subscribe(&owner, &key);
    (owner, serve(installation), key)
}

/// Use one of the runs.
fn consume(url: &str, key: &str, id: &str) -> (u16, Json) {
    post(url, "/v1/consume", key, None, &json!({ "meter": "runs", "subject": "one", "id": id }))
}

#[test]
fn the_limit_holds_when_the_owner_is_killed() {
    let Some(installation) = Installation::postgres() else { return };
    let (owner, other, key) = two_processes(&installation);
    let consume = |url: &str, id: &str| consume(url, &key, id);
    // The one that is asked first owns the environment; the other one passes on, and both answer the same.
    let (status, first) = consume(&owner.url, "first");
    assert_eq!((status, &first["allowed"], &first["remaining"]), (200, &json!(true), &json!("59")));
    assert_eq!(consume(&other.url, "first"), (200, first));
    let event =
        json!({ "specversion": "1.0", "id": "e", "source": "test", "type": "calls", "subject": "one" });
    let (status, counted) = other.post("/v1/events", &key, &event);
    assert_eq!((status, &counted["accepted"]), (200, &json!(1)), "{counted}");
    let (status, limits) = other.get("/v1/customers/ext:meyer/limits", &key);
    assert_eq!((status, &limits[0]["now"]["used"]), (200, &json!("1")));
    let refused = other.post("/v1/consume", "sk_sandbox_wrong", &json!({}));
    assert_eq!((refused.0, &refused.1["code"]), (401, &json!("key_unknown")));

    let (owner_url, other_url) = (owner.url.clone(), other.url.clone());
    let (next, dead) = (AtomicU64::new(0), AtomicBool::new(false));
    let allowed = Mutex::new(BTreeSet::from(["first".to_owned()]));
    let codes = Mutex::new(BTreeSet::new());
    thread::scope(|threads| {
        for client in 0..CLIENTS {
            let (owner_url, other_url, next, dead) = (&owner_url, &other_url, &next, &dead);
            let (allowed, codes, consume) = (&allowed, &codes, &consume);
            threads.spawn(move || {
                while next.load(Ordering::SeqCst) < 120 {
                    let id = format!("run-{}", next.fetch_add(1, Ordering::SeqCst));
                    let answer = loop {
                        let url = if client % 2 == 0 && !dead.load(Ordering::SeqCst) {
                            owner_url
                        } else {
                            other_url
                        };
                        match consume(url, &id) {
                            (200, answer) => break answer,
                            (0, _) => {}
                            (status, problem) => {
                                assert_eq!(status, 503, "{problem}");
                                codes.lock().unwrap().insert(problem["code"].to_string());
                            }
                        }
                        thread::sleep(Duration::from_millis(50));
                    };
                    if answer["allowed"] == json!(true) {
                        allowed.lock().unwrap().insert(id);
                    } else {
                        assert_eq!(answer["reason"], "limit_reached");
                    }
                }
            });
        }
        while next.load(Ordering::SeqCst) < 30 {
            thread::sleep(Duration::from_millis(2));
        }
        owner.kill();
        dead.store(true, Ordering::SeqCst);
    });
    assert_eq!(allowed.into_inner().unwrap().len(), 60, "as many as the limit, and none twice");
    assert_eq!((used(&other_url, &key, "runs"), used(&other_url, &key, "calls")), ("60".into(), "1".into()));
    let codes = codes.into_inner().unwrap();
    assert!(codes.contains("\"owned_elsewhere\""), "{codes:?}");

    // A new process under another name is passed on to the one that took over.
    let third = serve(&installation);
    let (status, refused) = consume(&third.url, "late");
    assert_eq!((status, &refused["reason"]), (200, &json!("limit_reached")));
    let repeat: Json = consume(&third.url, "first").1;
    assert_eq!((&repeat["allowed"], &repeat["remaining"]), (&json!(true), &json!("59")));
    third.stop();
    other.stop();
}

/// Send a signal to a process.
fn signal(process: u32, signal: &str) {
    let sent = process::Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// A process that stands still long enough loses its lease without knowing, and goes on as if nothing had been.
#[test]
fn an_owner_whose_lease_was_stolen_while_it_stood_still_commits_nothing() {
    let Some(installation) = Installation::postgres() else { return };
    let (owner, other, key) = two_processes(&installation);
    let consume = |url: &str, id: &str| consume(url, &key, id);
    for n in 0..30 {
        assert_eq!(consume(&owner.url, &format!("before-{n}")).1["allowed"], true);
    }
    signal(owner.process(), "-STOP");
    thread::scope(|threads| {
        // It comes while nobody listens, and is read when the process goes on.
        let (owner_url, consume) = (owner.url.clone(), &consume);
        let asleep = threads.spawn(move || consume(&owner_url, "asleep"));
        // The other one takes over once the lease has run out, and uses up the rest.
        let mut allowed = 0;
        for n in 0..40 {
            let answer = loop {
                match consume(&other.url, &format!("after-{n}")) {
                    (200, answer) => break answer,
                    (status, problem) => assert!(status == 503 || status == 0, "{status}: {problem}"),
                }
                thread::sleep(Duration::from_millis(100));
            };
            allowed += u64::from(answer["allowed"] == json!(true));
        }
        signal(owner.process(), "-CONT");
        assert_eq!(allowed, 30);
        let (status, answer) = asleep.join().unwrap();
        let refused = status == 200 && answer["allowed"] == json!(false);
        assert!(refused || status == 503 || status == 0, "{status}: {answer}");
    });
    // Whoever is asked, and whatever is sent again: as many as the limit.
    for url in [&owner.url, &other.url] {
        let answer = loop {
            match consume(url, "asleep") {
                (200, answer) => break answer,
                _ => thread::sleep(Duration::from_millis(50)),
            }
        };
        assert_eq!(answer["reason"], "limit_reached", "{answer}");
        assert_eq!(used(url, &key, "runs"), "60");
    }
    owner.stop();
    other.stop();
}
