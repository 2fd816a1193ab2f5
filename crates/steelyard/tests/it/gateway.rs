//! A gateway in front of a service that knows nothing of Steelyard.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::{
    owners::{address_to_keep, serve_at, subscribe, used},
    program::{Installation, Server, on_both},
};

/// A service that says back what it was asked, in two parts of which it holds the second back when it is told to.
struct Service {
    address: String,
    go_on: mpsc::Sender<()>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (go_on, wait) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(stream, &wait);
            }
        });
        Self { address, go_on }
    }
}

fn answer(stream: TcpStream, wait: &mpsc::Receiver<()>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut line) = (Vec::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        head.push(std::mem::take(&mut line).trim().to_owned());
    }
    let Some(first) = head.first() else { return };
    let value = |name: &str| {
        let found = head
            .iter()
            .find_map(|line| line.split_once(": ").filter(|(one, _)| one.eq_ignore_ascii_case(name)));
        found.map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; value("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let said = json!({
        "first": first, "subject": value("steelyard-subject"), "mine": value("x-mine"),
        "body": String::from_utf8_lossy(&body),
    });
    let mut out = stream;
    let said = said.to_string();
    write!(
        out,
        "HTTP/1.1 200 OK\r\nX-Served: yes\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    write!(out, "{:x}\r\n{said}\r\n", said.len()).unwrap();
    out.flush().unwrap();
    if first.contains("/slow") {
        wait.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    let _ = write!(out, "1\r\n\n\r\n0\r\n\r\n");
}

/// A gateway process.
struct Gate {
    child: Child,
    /// Kept open: it says more than where it is.
    _said: BufReader<ChildStdout>,
    url: String,
}

impl Gate {
    fn start(installation: &Installation, service: &Service, steelyard: &Server, more: &[&str]) -> Self {
        let key = fs::read_to_string(installation.path("key")).unwrap();
        let usual = ["--steelyard", &steelyard.url, "--meter", "runs", "--api-key", &key];
        Self::start_with(installation, service, &[&usual, more].concat(), Stdio::null())
    }

    fn start_with(installation: &Installation, service: &Service, more: &[&str], log: Stdio) -> Self {
        // Once: a gateway that is just starting would read half of it.
        let keys = installation.path("keys.csv");
        if !keys.exists() {
            fs::write(keys, "key,subject,name\nk1,one,production\nk2,nobody\n").unwrap();
        }
        let mut command = installation.command(&[
            "gateway",
            "--upstream",
            &service.address,
            "--keys",
            "keys.csv",
            "--listen",
            "127.0.0.1:0",
        ]);
        let mut child = command.args(more).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        let url = said.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self { child, _said: out, url }
    }

    fn call(&self, key: &str, path: &str) -> (u16, ureq::http::HeaderMap, Json) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}{path}", self.url)).header("x-mine", "kept");
        let request =
            if key.is_empty() { request } else { request.header("authorization", format!("Bearer {key}")) };
        let (parts, mut body) = request.send("a body").unwrap().into_parts();
        let text = body.read_to_string().unwrap();
        (parts.status.as_u16(), parts.headers, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    /// Its log, when that was asked for.
    fn stop(mut self) -> String {
        let sent = std::process::Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success() && self.child.wait().unwrap().success());
        let mut log = String::new();
        if let Some(mut from) = self.child.stderr.take() {
            from.read_to_string(&mut log).unwrap();
        }
        log
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ground(installation: &Installation) -> (Server, String) {
    let server = serve_at(installation, &address_to_keep());
    let key = server.key.clone().unwrap();
    fs::write(installation.path("key"), &key).unwrap();
    subscribe(&server, &key);
    (server, key)
}

#[test]
fn every_call_is_recognised_counted_and_passed_on() {
    on_both(|installation| {
        let ((server, key), service) = (ground(installation), Service::start());
        let gate = Gate::start(installation, &service, &server, &[]);
        let code = |(status, _, body): (u16, ureq::http::HeaderMap, Json)| (status, body["code"].clone());
        assert_eq!(code(gate.call("", "/v1/x")), (401, json!("key_missing")));
        assert_eq!(code(gate.call("k9", "/v1/x")), (401, json!("key_unknown")));
        let (status, headers, said) = gate.call("k1", "/v1/x?a=b");
        assert_eq!((status, headers["x-served"].to_str().unwrap()), (200, "yes"));
        let seen =
            json!({ "first": "POST /v1/x?a=b HTTP/1.1", "subject": "one", "mine": "kept", "body": "a body" });
        assert_eq!(said, seen);
        assert!(headers["ratelimit"].to_str().unwrap().starts_with("\"quota\";r=59"), "{headers:?}");
        assert_eq!(used(&server.url, &key, "runs"), "1");
        // Who is no customer cannot be metered, which is no outage: the gateway is closed to it in any case.
        let open = Gate::start(installation, &service, &server, &["--on-failure", "open"]);
        for gate in [&gate, &open] {
            assert_eq!(code(gate.call("k2", "/v1/x")), (403, json!("not_metered")));
        }
        open.stop();

        for n in 2..=60 {
            assert_eq!(gate.call("k1", "/").0, 200, "{n}");
        }
        let (status, headers, problem) = gate.call("k1", "/");
        assert_eq!((status, &problem["code"]), (429, &json!("limit_reached")));
        assert!(headers["retry-after"].to_str().unwrap().parse::<i64>().unwrap() > 0);
        assert_eq!(used(&server.url, &key, "runs"), "60");
        gate.stop();
        server.stop();
    });
}

#[test]
fn answers_are_passed_on_as_they_come() {
    let installation = Installation::sqlite();
    let ((server, _), service) = (ground(&installation), Service::start());
    let gate = Gate::start(&installation, &service, &server, &[]);
    let mut stream = TcpStream::connect(gate.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET /slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 1_024];
    while !seen.contains("GET /slow") {
        let read = stream.read(&mut buffer).expect("the first part comes before the second is there");
        assert!(read > 0, "{seen}");
        seen += &String::from_utf8_lossy(&buffer[..read]);
    }
    service.go_on.send(()).unwrap();
    stream.read_to_string(&mut seen).unwrap();
    assert!(seen.ends_with("0\r\n\r\n"), "{seen}");
    gate.stop();
    server.stop();
}

#[test]
fn a_gateway_that_is_not_set_up_rightly_lets_nobody_through_and_says_why() {
    let installation = Installation::sqlite();
    let ((server, key), service) = (ground(&installation), Service::start());
    let service_url = service.address.clone();
    for (more, hint) in [
        (["--api-key", "sk_live_mistyped", "--meter", "runs", "--steelyard", &server.url], "--api-key"),
        (["--api-key", &key, "--meter", "run", "--steelyard", &server.url], "--meter"),
        (["--api-key", &key, "--meter", "runs", "--steelyard", &service_url], "--steelyard"),
    ] {
        for mode in ["open", "closed"] {
            let more = [more.as_slice(), &["--on-failure", mode]].concat();
            let gate = Gate::start_with(&installation, &service, &more, Stdio::piped());
            for _ in 0..3 {
                let (status, _, problem) = gate.call("k1", "/");
                assert_eq!((status, &problem["code"]), (500, &json!("gateway_misconfigured")), "{hint}");
            }
            let log = gate.stop();
            assert_eq!(log.matches("no call is passed on").count(), 1, "{log}");
            assert!(log.contains(hint), "{hint}: {log}");
        }
    }
    assert_eq!(used(&server.url, &key, "runs"), "0");
    server.stop();
}

#[test]
fn what_is_owed_outlives_the_gateway() {
    let installation = Installation::sqlite();
    let ((server, key), service) = (ground(&installation), Service::start());
    let more = ["--on-failure", "open", "--patience", "500", "--owed", "owed.ndjson"];
    let gate = Gate::start(&installation, &service, &server, &more);
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    server.kill();
    for _ in 0..3 {
        assert_eq!(gate.call("k1", "/").0, 200);
    }
    // It is killed, and nothing is lost.
    drop(gate);
    let kept = || fs::read_to_string(installation.path("owed.ndjson")).unwrap();
    assert_eq!(kept().lines().count(), 3);
    let server = serve_at(&installation, &address);
    let gate = Gate::start(&installation, &service, &server, &more);
    for _ in 0..100 {
        if kept().is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((kept().as_str(), used(&server.url, &key, "runs").as_str()), ("", "3"));
    gate.stop();
    server.stop();
}

#[test]
fn without_its_meter_a_gateway_is_open_or_closed_as_it_was_told() {
    let installation = Installation::sqlite();
    let ((server, key), service) = (ground(&installation), Service::start());
    let closed = Gate::start(&installation, &service, &server, &[]);
    let open = Gate::start(&installation, &service, &server, &["--on-failure", "open", "--patience", "500"]);
    assert_eq!(open.call("k1", "/").0, 200);
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    server.kill();
    let (status, headers, problem) = closed.call("k1", "/");
    assert_eq!((status, &problem["code"]), (503, &json!("meter_away")));
    assert!(headers.contains_key("retry-after"));
    for _ in 0..3 {
        assert_eq!(open.call("k1", "/").0, 200);
    }
    let server = serve_at(&installation, &address);
    let mut counted = String::new();
    for _ in 0..100 {
        counted = used(&server.url, &key, "runs");
        if counted == "4" {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(counted, "4", "what was let through is metered once the meter is back");
    assert_eq!(closed.call("k1", "/").0, 200);
    closed.stop();
    open.stop();
    server.stop();
}
