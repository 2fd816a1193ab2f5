//! What somebody waits for who is shown what a change of plan would cost, over HTTP, among many customers.

use std::{
    thread,
    time::{Duration, Instant},
};

use billing::subscription::BillFrom;
use identity::{Permissions, key};
use kernel::Result;
use store::{Location, Mode};

use crate::{
    Figure,
    ground::{Ground, on_both, percentile, raw},
    server::Server,
    subscribers::{self, Offer},
};

const OFFER: &Offer = &subscribers::FEES;
/// Clients at once, after one alone.
const CLIENTS: usize = 4;
/// Requests of each client; the first tenth is not counted.
const REQUESTS: usize = 1_000;

pub fn run() -> Result<Vec<Figure>> {
    on_both(|ground| {
        let scope =
            ground.environment(Mode::Sandbox, "2026-01-10T00:00:00Z".parse().map_err(raw)?, OFFER.book)?;
        let count = subscribers::number();
        subscribers::with_one_each(&ground.db, &scope, OFFER, count, BillFrom::Start)?;
        let secret = key::new_secret(Mode::Sandbox)?;
        let kept = secret.clone();
        ground.db.write(&scope, move |tx| key::create(tx, "bench", &Permissions::All, &kept)).wait()?;
        let server = start(ground)?;
        server.wait_until_ready()?;
        let alone = ask(&server.address, &secret, 0, count)?;
        let times = ask_many(&server.address, &secret, count)?;
        let resident = server.resident_megabytes()?;
        server.stop()?;
        let engine = ground.engine;
        Ok(vec![
            Figure::new("preview of a change, half within", engine, percentile(alone.clone(), 50), "ms"),
            Figure::new("preview of a change, 99 % within", engine, percentile(alone, 99), "ms"),
            Figure::new("four at once, half within", engine, percentile(times.clone(), 50), "ms"),
            Figure::new("four at once, 99 % within", engine, percentile(times, 99), "ms"),
            Figure::new("serve after it, memory", engine, resident, "MB"),
        ])
    })
}

fn start(ground: &Ground) -> Result<Server> {
    match &ground.location {
        Location::Sqlite(folder) => Server::start(folder),
        Location::Postgres(url) => Server::start(url),
    }
}

fn ask_many(address: &str, secret: &str, count: usize) -> Result<Vec<Duration>> {
    thread::scope(|threads| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| threads.spawn(move || ask(address, secret, client, count))).collect();
        let mut times = Vec::new();
        for client in clients {
            times.extend(client.join().map_err(|_| raw("a client panicked"))??);
        }
        Ok(times)
    })
}

/// One client on one connection, which asks again as soon as it is answered.
fn ask(address: &str, secret: &str, client: usize, count: usize) -> Result<Vec<Duration>> {
    let agent = ureq::Agent::new_with_defaults();
    let mut times = Vec::new();
    for request in 0..REQUESTS {
        // Customers all over the table, none twice in a row.
        let subscription = (request * CLIENTS + client) * 7_919 % count;
        let url = format!("http://{address}/v1/subscriptions/ext:sub-{subscription}/change/preview");
        let asked = Instant::now();
        let mut answer = agent
            .post(&url)
            .header("authorization", &format!("Bearer {secret}"))
            .send_json(serde_json::json!({ "plan": "professional" }))
            .map_err(raw)?;
        answer.body_mut().read_to_vec().map_err(raw)?;
        if request >= REQUESTS / 10 {
            times.push(asked.elapsed());
        }
    }
    Ok(times)
}
