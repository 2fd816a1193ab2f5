//! Starting, serving, stopping.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::program::{Installation, Server, on_both, post};

#[test]
fn the_first_start_sets_up_and_later_ones_find_everything() {
    on_both(|installation| {
        let server = installation.serve();
        let key = server.key.clone().expect("the first start shows a key");
        assert_eq!(server.get("/health", ""), (200, json!({ "status": "alive" })));
        assert_eq!(server.get("/ready", ""), (200, json!({ "status": "ready" })));
        let body = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "A-1" });
        let (status, customer) = server.post("/v1/customers", &key, &body);
        assert_eq!(status, 201, "{customer}");
        assert_eq!(server.get("/v1/price-book", &key).0, 200);
        server.stop();

        let server = installation.serve();
        assert_eq!(server.key, None, "a key is shown once");
        let (status, again) = server.get("/v1/customers/ext:A-1", &key);
        assert_eq!((status, &again["id"]), (200, &customer["id"]));
        // A second start with a book says what to do instead of applying it.
        assert!(server.log().contains("steelyard book apply"), "{}", server.log());
        server.stop();

        let facts = installation.run(&["facts", "verify", "--all"]).good();
        assert!(
            facts.contains("live of Unison: 3 facts") && facts.contains("sandbox of Unison: 5 facts"),
            "{facts}"
        );
    });
}

#[test]
fn without_a_book_there_is_a_company_all_the_same() {
    let installation = Installation::sqlite();
    let server = Server::start(installation.command(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--owner",
        "ann@example.com",
    ]));
    assert_eq!(server.link, None, "nobody sits at a terminal");
    let (status, answer) = server.get("/v1/price-book", server.key.as_deref().unwrap());
    assert_eq!((status, &answer["code"]), (409, &json!("no_price_book")));
    server.stop();
    let shown = installation.run(&["clock", "show"]).good();
    assert!(shown.starts_with("sandbox of My company: stands at "), "{shown}");
    let link =
        installation.run(&["sign-in", "ann@example.com", "--url", "https://books.example.com/"]).good();
    assert!(link.starts_with("https://books.example.com/sign-in?token="), "{link}");
    let refused = installation.run(&["sign-in", "eve@example.com"]).refused();
    assert!(refused.contains("eve@example.com works for no merchant here."), "{refused}");
}

#[test]
fn what_the_api_does_not_know_is_answered_by_it_and_by_no_page() {
    let installation = Installation::sqlite();
    let server = installation.serve();
    let key = server.key.clone().unwrap();
    for path in ["/v1", "/v1/nothing", "/v1/customers/a/b/c", "/api/v1/nothing", "/ofrep/v1/customers"] {
        let (status, answer) = server.get(path, &key);
        assert_eq!((status, &answer["code"]), (404, &json!("path_unknown")), "{path}");
    }
    let (status, answer) = server.get("/v1/check", &key);
    assert_eq!((status, &answer["code"]), (405, &json!("method_not_allowed")));
    server.stop();
}

#[test]
fn the_link_signs_in_and_no_secret_is_in_the_log() {
    let installation = Installation::sqlite();
    let server = installation.serve();
    let (key, link) = (server.key.clone().unwrap(), server.link.clone().unwrap());
    let token = link.split_once("token=").unwrap().1;
    assert_eq!(server.get(&format!("/sign-in?token={token}"), "").0, 200);
    assert_eq!(server.get("/v1/customers?limit=1", &key).0, 200);
    // The server's lines come through a pipe of their own.
    let is_told = |log: &str| log.contains("route=\"/v1/customers\"") && log.contains("status=200");
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_told(&server.log()) && Instant::now() < patience {
        thread::sleep(Duration::from_millis(20));
    }
    let log = server.log();
    assert!(is_told(&log), "{log}");
    assert!(!log.contains(token) && !log.contains(&key) && !log.contains("limit"), "{log}");
    server.stop();
}

#[test]
fn requests_under_way_finish_when_the_server_is_asked_to_stop() {
    on_both(|installation| {
        let server = installation.serve();
        let (key, url) = (server.key.clone().unwrap(), server.url.clone());
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let (key, url) = (key.clone(), url.clone());
                thread::spawn(move || {
                    let mut created = Vec::new();
                    for number in 0..10_000 {
                        let external = format!("c-{client}-{number}");
                        let body = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": external });
                        match post(&url, "/v1/customers", &key, None, &body).0 {
                            201 => created.push(external),
                            0 => return created,
                            status => panic!("status {status}"),
                        }
                    }
                    created
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(300));
        server.stop();
        let created: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        assert!(!created.is_empty());
        let listed = installation.json(&["customers", "list", "--limit", "100000", "--json"]);
        let there: Vec<&str> = listed
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|customer| customer["external_id"].as_str())
            .collect();
        for external in &created {
            assert!(there.contains(&external.as_str()), "{external} was acknowledged and is gone");
        }
        // Each client had at most one request without an answer.
        assert!(there.len() <= created.len() + 4);
    });
}

#[test]
fn commands_work_beside_the_server() {
    on_both(|installation| {
        let server = installation.serve();
        let key =
            installation.run(&["key", "create", "--name", "Second", "--permissions", "customer.read"]).good();
        let key = key.trim();
        assert_eq!(server.get("/v1/customers", key).0, 200);
        assert_eq!(server.get("/v1/facts", key).0, 403);
        let keys = installation.json(&["key", "list", "--json"]);
        assert_eq!(keys[1]["name"], "Second");
        installation.run(&["key", "revoke", keys[1]["id"].as_str().unwrap()]).good();
        // The server heeds what another process revokes within half a second.
        let refused = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(50));
            server.get("/v1/customers", key).0 == 401
        });
        assert!(refused, "a revoked key still works");
        // Whoever is first, the server or the command, runs the job.
        let moved = installation.run(&["clock", "advance", "2030-01-01"]).good();
        assert!(moved.contains("stands at 2030-01-01T00:00:00Z"), "{moved}");
        server.stop();
    });
}

#[test]
fn a_slow_client_holds_up_nobody() {
    use std::{io::Read, io::Write, net::TcpStream};
    let installation = Installation::sqlite();
    let server = installation.serve();
    let address = server.url.strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    // Others are served meanwhile, and so is this one if it goes on in time.
    assert_eq!(server.get("/health", "").0, 200);
    slow.write_all(b"1\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.stop();
}
