//! The server is killed at random points of 500 random operations. Whatever it acknowledged is there
//! afterwards, nothing is half done, and facts and ledger verify.
//!
//! A request without an answer is asked again with its `Idempotency-Key`, as a careful client does: after
//! that it has happened exactly once. `STEELYARD_CRASH_SEED` repeats the choices of a run that failed.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan};
use serde_json::{Value as Json, json};

use crate::program::{Installation, Server, get, post};

const OPERATIONS: u64 = 500;
const CLIENTS: u64 = 3;
const KILLS: u64 = 6;

#[test]
fn kills_lose_nothing_on_sqlite() {
    crash(&Installation::sqlite());
}

#[test]
fn kills_lose_nothing_on_postgres() {
    if let Some(installation) = Installation::postgres() {
        crash(&installation);
    }
}

/// Repeatable choices (SplitMix64).
struct Dice(AtomicU64);

impl Dice {
    fn new() -> Self {
        let given = std::env::var("STEELYARD_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0));
        eprintln!("STEELYARD_CRASH_SEED={seed}");
        Self(AtomicU64::new(seed))
    }

    fn below(&self, bound: u64) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut value = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % bound
    }

    fn one_of<'a, T: ?Sized>(&self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// One request. Its number makes its key and its external id.
#[derive(Clone, Debug)]
struct Deed {
    number: u64,
    path: String,
    body: Json,
}

/// What was acknowledged so far.
#[derive(Default)]
struct Acknowledged {
    /// External ids.
    customers: Vec<String>,
    /// By external id: the subscription's id.
    subscriptions: BTreeMap<String, String>,
    /// Ids of invoices left as drafts.
    drafts: Vec<String>,
    /// Every invoice seen, with its number once it has one.
    invoices: BTreeMap<String, Option<String>>,
    /// The furthest instant the clock was sent to.
    clock: Timestamp,
    /// Requests without an answer.
    unanswered: Vec<Deed>,
}

struct Run<'r> {
    installation: &'r Installation,
    dice: Dice,
    key: String,
    /// Requests made so far; the next one's number.
    begun: AtomicU64,
    /// Those of them the server acknowledged.
    done: AtomicU64,
    killed: AtomicBool,
    acknowledged: Mutex<Acknowledged>,
    /// Held while the clock moves: a kill in the midst of that costs the lease's half a minute, so only
    /// one is aimed there.
    moving: Mutex<()>,
}

fn crash(installation: &Installation) {
    let since = Instant::now();
    let server = installation.serve();
    let run = Run {
        installation,
        dice: Dice::new(),
        key: server.key.clone().unwrap(),
        begun: AtomicU64::new(0),
        done: AtomicU64::new(0),
        killed: AtomicBool::new(false),
        acknowledged: Mutex::default(),
        moving: Mutex::new(()),
    };
    run.acknowledged.lock().unwrap().clock = run.clock(&server.url).0;
    let mut points: Vec<u64> = (1..KILLS).map(|_| 1 + run.dice.below(OPERATIONS)).collect();
    points.sort_unstable();
    points.push(OPERATIONS);
    let mut server = server;
    for (kill, point) in points.iter().enumerate() {
        let last = kill + 1 == points.len();
        run.until(*point, server, last);
        server = installation.serve();
        run.settle(&server, last);
        run.check();
    }
    server.stop();
    run.check();
    run.check_books();
    let acknowledged = run.acknowledged.lock().unwrap();
    eprintln!(
        "{} of {} requests acknowledged, {} customers, {} subscriptions, {} invoices, {} kills, {:.1} s",
        run.done.load(Ordering::SeqCst),
        run.begun.load(Ordering::SeqCst),
        acknowledged.customers.len(),
        acknowledged.subscriptions.len(),
        run.list("invoices").len(),
        points.len(),
        since.elapsed().as_secs_f32()
    );
}

impl Run<'_> {
    /// Let clients ask away, and kill the server around acknowledgement number `point`.
    fn until(&self, point: u64, server: Server, while_moving: bool) {
        self.killed.store(false, Ordering::SeqCst);
        let url = server.url.clone();
        thread::scope(|threads| {
            for _ in 0..CLIENTS {
                threads.spawn(|| {
                    while !self.killed.load(Ordering::SeqCst) {
                        let deed = self.next_deed();
                        self.ask(&url, deed);
                    }
                });
            }
            while self.done.load(Ordering::SeqCst) < point {
                thread::sleep(Duration::from_millis(1));
            }
            let gate = self.moving.lock().unwrap();
            if while_moving {
                // Far enough that every subscription renews several times on the way.
                let number = self.begun.fetch_add(1, Ordering::SeqCst);
                self.advance(&url, number, 100 + self.dice.below(50) as i64);
            }
            thread::sleep(Duration::from_micros(self.dice.below(5_000)));
            self.killed.store(true, Ordering::SeqCst);
            server.kill();
            drop(gate);
        });
    }

    fn next_deed(&self) -> Deed {
        let (number, dice) = (self.begun.fetch_add(1, Ordering::SeqCst), &self.dice);
        let mut acknowledged = self.acknowledged.lock().unwrap();
        let customers = acknowledged.customers.len() as u64;
        match dice.below(100) {
            0..45 if customers > 3 => {
                let customer = &acknowledged.customers[dice.below(customers) as usize];
                let mut body = json!({
                    "customer": format!("ext:{customer}"),
                    "plan": dice.one_of(&["starter", "professional"]),
                    "cycle": dice.one_of(&["month", "month", "year"]),
                    "external_id": format!("s-{number}"),
                    "finalize": dice.below(2) == 0,
                });
                if dice.below(3) == 0 {
                    body["addons"] = json!({ "extra_user": 1 + dice.below(20) });
                }
                Deed { number, path: "/v1/subscriptions".into(), body }
            }
            45..65 if !acknowledged.drafts.is_empty() => {
                let drafts = acknowledged.drafts.len() as u64;
                let draft = acknowledged.drafts.swap_remove(dice.below(drafts) as usize);
                Deed { number, path: format!("/v1/invoices/{draft}/finalize"), body: json!({}) }
            }
            65..68 => {
                // The instant is chosen when the clock is ours to move.
                Deed { number, path: ADVANCE.into(), body: json!({ "days": 1 + dice.below(12) }) }
            }
            _ => {
                let body = json!({
                    "name": "Meyer",
                    "country": "DE",
                    "currency": "USD",
                    "zone": dice.one_of(&["UTC", "Europe/Berlin", "America/New_York"]),
                    "external_id": format!("c-{number}"),
                });
                Deed { number, path: "/v1/customers".into(), body }
            }
        }
    }

    fn ask(&self, url: &str, deed: Deed) {
        if deed.path != ADVANCE {
            let answer = self.send(url, &deed);
            return self.hear(deed, answer);
        }
        // One at a time, and to its end, unless the server is killed meanwhile.
        let _gate = self.moving.lock().unwrap();
        if self.killed.load(Ordering::SeqCst) {
            return;
        }
        let job = self.advance(url, deed.number, deed.body["days"].as_i64().expect("days"));
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap_or_default());
        while !self.killed.load(Ordering::SeqCst) && get(url, &path, &self.key).1["state"] != "done" {
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn send(&self, url: &str, deed: &Deed) -> (u16, Json) {
        post(url, &deed.path, &self.key, Some(&format!("deed-{}", deed.number)), &deed.body)
    }

    /// Write down what the server acknowledged, and what it left open.
    fn hear(&self, deed: Deed, (status, answer): (u16, Json)) {
        let mut acknowledged = self.acknowledged.lock().unwrap();
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let external = || text(&deed.body["external_id"]).expect("every creation has one");
        match (status, deed.path.as_str()) {
            (0, _) => {
                acknowledged.unanswered.push(deed);
                return;
            }
            (201, "/v1/customers") => acknowledged.customers.push(external()),
            (201, "/v1/subscriptions") => {
                let (id, invoice) = (&answer["subscription"]["id"], &answer["invoice"]);
                acknowledged.subscriptions.insert(external(), text(id).expect("an id"));
                let invoice_id = text(&invoice["id"]).expect("every start is billed");
                if invoice["number"].is_null() {
                    acknowledged.drafts.push(invoice_id.clone());
                }
                acknowledged.invoices.insert(invoice_id, text(&invoice["number"]));
            }
            (202, ADVANCE) => {
                let to: Timestamp = text(&deed.body["to"]).expect("an instant").parse().expect("an instant");
                acknowledged.clock = acknowledged.clock.max(to);
            }
            (200, path) => {
                let id = path.split('/').nth(3).expect("an id").to_owned();
                acknowledged.invoices.insert(id, Some(text(&answer["number"]).expect("a number")));
            }
            // Refused because the clock moves: not done, and nobody was told otherwise.
            (409, path) if answer["code"] == "clock_advancing" => {
                if let Some(draft) = path.strip_suffix("/finalize").and_then(|path| path.split('/').nth(3)) {
                    acknowledged.drafts.push(draft.to_owned());
                }
                drop(acknowledged);
                return thread::sleep(Duration::from_millis(2));
            }
            _ => panic!("{status} to {deed:?}: {answer}"),
        }
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    /// Send the clock on its way; the job that moves it.
    fn advance(&self, url: &str, number: u64, days: i64) -> Json {
        let to = self.acknowledged.lock().unwrap().clock + (24 * days).hours();
        let deed = Deed { number, path: ADVANCE.into(), body: json!({ "to": to }) };
        let (status, job) = self.send(url, &deed);
        self.hear(deed, (status, job.clone()));
        job
    }

    /// Where the clock stands, and whether it moves.
    fn clock(&self, url: &str) -> (Timestamp, bool) {
        let (_, clock) = get(url, "/v1/sandbox/clock", &self.key);
        let at = clock["at"].as_str().and_then(|at| at.parse().ok()).unwrap_or_default();
        (at, !clock["target"].is_null())
    }

    /// After a restart: the clock arrives, and every request without an answer is asked again.
    fn settle(&self, server: &Server, was_moving: bool) {
        let since = Instant::now();
        while self.clock(&server.url).1 {
            let patience = if was_moving { 50 } else { 40 };
            assert!(
                since.elapsed() < Duration::from_secs(patience),
                "the clock does not arrive: {}",
                server.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
        let open = std::mem::take(&mut self.acknowledged.lock().unwrap().unanswered);
        for deed in open {
            let answer = self.send(&server.url, &deed);
            self.hear(deed, answer);
            while self.clock(&server.url).1 {
                thread::sleep(Duration::from_millis(5));
            }
        }
        let acknowledged = self.acknowledged.lock().unwrap();
        assert!(acknowledged.unanswered.is_empty());
        assert_eq!(self.clock(&server.url).0, acknowledged.clock);
    }

    fn list(&self, noun: &str) -> Vec<Json> {
        let list = self.installation.json(&[noun, "list", "--limit", "1000000", "--json"]);
        list.as_array().expect("a list").clone()
    }

    /// Everything acknowledged is there, once, and nothing else.
    fn check(&self) {
        let acknowledged = self.acknowledged.lock().unwrap();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let mut customers: Vec<String> =
            self.list("customers").iter().map(|one| text(&one["external_id"])).collect();
        let mut expected = acknowledged.customers.clone();
        customers.sort_unstable();
        expected.sort_unstable();
        assert_eq!(customers, expected);

        let subscriptions = self.list("subscriptions");
        let ids: BTreeMap<String, String> =
            subscriptions.iter().map(|one| (text(&one["external_id"]), text(&one["id"]))).collect();
        assert_eq!(subscriptions.len(), ids.len());
        assert_eq!(ids, acknowledged.subscriptions);
        for one in &subscriptions {
            let billed: Timestamp = text(&one["billed_through"]).parse().expect("an instant");
            assert!(billed > acknowledged.clock, "not renewed: {one}");
        }

        let invoices: BTreeMap<String, Option<String>> = self
            .list("invoices")
            .iter()
            .map(|one| (text(&one["id"]), one["number"].as_str().map(str::to_owned)))
            .collect();
        for (id, number) in &acknowledged.invoices {
            assert_eq!(invoices.get(id), Some(number), "{id}");
        }
        let numbers: BTreeSet<&String> = invoices.values().flatten().collect();
        let gapless: Vec<String> = (1..=numbers.len()).map(|number| format!("INV-{number:06}")).collect();
        assert!(numbers.into_iter().eq(&gapless), "the numbers have a gap or a repetition");
    }

    /// Facts and ledger verify, and the ledger holds every issued invoice once.
    fn check_books(&self) {
        let command = |arguments: &[&str]| self.installation.run(arguments).good();
        command(&["facts", "verify", "--all"]);
        command(&["ledger", "check", "--all"]);
        command(&["doctor"]);
        let issued: i64 = self
            .list("invoices")
            .iter()
            .filter(|invoice| !invoice["number"].is_null())
            .filter_map(|invoice| invoice["total"].as_i64())
            .sum();
        let balances = self.installation.json(&["ledger", "trial-balance", "--json"]);
        let owed: i64 = balances
            .as_array()
            .expect("a list")
            .iter()
            .filter(|balance| balance["account"]["kind"] == "receivable")
            .filter_map(|balance| balance["balance"].as_i64())
            .sum();
        assert_eq!(owed, issued);
    }
}

const ADVANCE: &str = "/v1/sandbox/clock/advance";
