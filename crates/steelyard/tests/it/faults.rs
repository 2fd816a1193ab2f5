//! What can go wrong around metering over HTTP: kills, full disks, lost databases, hostile and slow clients. Whatever
//! happens there is a clear answer, no acknowledged event is lost, and no limit is exceeded.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::{
    owners::{address_to_keep, serve_at, subscribe, used},
    program::{Installation, on_both, post},
};

fn event(id: &str) -> Json {
    json!({ "specversion": "1.0", "id": id, "source": "test", "type": "calls", "subject": "one" })
}

fn consume(url: &str, key: &str, id: &str) -> (u16, Json) {
    post(url, "/v1/consume", key, None, &json!({ "meter": "runs", "subject": "one", "id": id }))
}

/// The part of an address behind `http://`.
fn host(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

/// Clients that send events and consume, and send again what was not answered, until they are told to stop. The ids that
/// were counted, and the runs that were allowed.
struct Clients {
    counted: Mutex<BTreeSet<String>>,
    allowed: Mutex<BTreeSet<String>>,
    answers: AtomicU64,
    stop: AtomicBool,
}

impl Clients {
    fn new() -> Self {
        let (answers, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { counted: Mutex::default(), allowed: Mutex::default(), answers, stop }
    }

    fn run(&self, client: u32, url: &str, key: &str) {
        for round in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let ids: Vec<String> = (0..20).map(|n| format!("{client}-{round}-{n}")).collect();
            for id in &ids {
                let counted = again(|| post(url, "/v1/events", key, None, &event(id)));
                assert_eq!(counted["rejected"], 0, "{counted}");
                self.counted.lock().unwrap().insert(id.clone());
                self.answers.fetch_add(1, Ordering::SeqCst);
            }
            let id = format!("run-{client}-{round}");
            if again(|| consume(url, key, &id))["allowed"] == json!(true) {
                self.allowed.lock().unwrap().insert(id);
            }
        }
    }

    fn wait_for(&self, answers: u64) {
        while self.answers.load(Ordering::SeqCst) < answers {
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Everything acknowledged is counted once, and the limit of 60 was not exceeded.
    fn check(&self, url: &str, key: &str) {
        let (counted, allowed) = (self.counted.lock().unwrap().len(), self.allowed.lock().unwrap().len());
        assert_eq!(used(url, key, "calls"), counted.to_string());
        assert_eq!(used(url, key, "runs"), allowed.to_string());
        assert!(allowed <= 60, "{allowed}");
    }
}

/// Ask until there is an answer; until then only "not now" is one.
fn again(ask: impl Fn() -> (u16, Json)) -> Json {
    loop {
        match ask() {
            (200, answer) => return answer,
            (0 | 503, _) => thread::sleep(Duration::from_millis(20)),
            (status, problem) => panic!("{status}: {problem}"),
        }
    }
}

#[test]
fn kills_lose_no_acknowledged_event_and_exceed_no_limit() {
    on_both(|installation| {
        let mut server = Some(serve_at(installation, &address_to_keep()));
        let (key, url) = server.as_ref().map(|one| (one.key.clone().unwrap(), one.url.clone())).unwrap();
        subscribe(server.as_ref().unwrap(), &key);
        let clients = Clients::new();
        thread::scope(|threads| {
            for client in 0..3 {
                let (clients, url, key) = (&clients, &url, &key);
                threads.spawn(move || clients.run(client, url, key));
            }
            for kill in 1..=4 {
                clients.wait_for(kill * 60);
                server.take().unwrap().kill();
                server = Some(serve_at(installation, host(&url)));
            }
            clients.stop.store(true, Ordering::SeqCst);
        });
        clients.check(&url, &key);
        server.take().unwrap().stop();
        let report = installation.run(&["reconcile"]).good();
        assert!(report.contains("no difference"), "{report}");
    });
}

/// A PostgreSQL that can be taken away: a socket that passes everything on to the real one, or nothing.
struct Line {
    folder: tempfile::TempDir,
    away: Arc<AtomicBool>,
}

impl Line {
    fn to(socket: PathBuf) -> Self {
        let (folder, away) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
        let name = socket.file_name().unwrap().to_owned();
        let listener = UnixListener::bind(folder.path().join(name)).unwrap();
        let cut = Arc::clone(&away);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let pairs =
                    [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())];
                for (from, to) in pairs {
                    let (from, to, cut) = (from.unwrap(), to.unwrap(), Arc::clone(&cut));
                    thread::spawn(move || pass(from, to, &cut));
                }
            }
        });
        Self { folder, away }
    }

    /// The address of a database by this line.
    fn address(&self, database: &str) -> String {
        let (_, name) = database.rsplit_once('/').unwrap();
        let user = database.split_once("://").unwrap().1.split_once('@').unwrap().0;
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{user}@{folder}/{name}")
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, cut: &AtomicBool) {
    from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    while !cut.load(Ordering::SeqCst) {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// The socket in an address like `postgres://postgres@%2Ftmp%2Fx/name`.
fn socket_of(database: &str) -> Option<PathBuf> {
    let host = database.split_once('@')?.1.split_once('/')?.0.replace("%2F", "/");
    let sockets = fs::read_dir(Path::new(&host)).ok()?.flatten().map(|entry| entry.path());
    sockets.into_iter().find(|path| {
        path.extension().is_some_and(|number| number == "5432")
            || path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.starts_with(".s.PGSQL.") && !name.ends_with(".lock")
            })
    })
}

#[test]
fn a_database_that_is_gone_and_back_loses_nothing() {
    let Some(real) = Installation::postgres() else { return };
    let Some(socket) = socket_of(real.database()) else {
        eprintln!("skipped: PostgreSQL is not reached by a socket here");
        return;
    };
    let line = Line::to(socket);
    let installation = Installation::at(&line.address(real.database()));
    let server = serve_at(&installation, "127.0.0.1:0");
    let (key, url) = (server.key.clone().unwrap(), server.url.clone());
    subscribe(&server, &key);
    let clients = Clients::new();
    thread::scope(|threads| {
        for client in 0..3 {
            let (clients, url, key) = (&clients, &url, &key);
            threads.spawn(move || clients.run(client, url, key));
        }
        for cut in 1..=2 {
            clients.wait_for(cut * 60);
            line.away.store(true, Ordering::SeqCst);
            let (status, problem) = loop {
                let answer = post(&url, "/v1/events", &key, None, &event(&format!("away-{cut}")));
                if answer.0 != 200 {
                    break answer;
                }
                // It was counted before the line was cut.
                clients.counted.lock().unwrap().insert(format!("away-{cut}"));
            };
            assert_eq!(status, 503, "{problem}");
            thread::sleep(Duration::from_millis(500));
            line.away.store(false, Ordering::SeqCst);
            again(|| post(&url, "/v1/events", &key, None, &event(&format!("away-{cut}"))));
            clients.counted.lock().unwrap().insert(format!("away-{cut}"));
        }
        clients.stop.store(true, Ordering::SeqCst);
    });
    clients.check(&url, &key);
    server.stop();
}

/// A small disk of its own, where this user may mount one.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let options = format!("size={size}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder).output();
        mounted.is_ok_and(|done| done.status.success()).then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_is_said_and_costs_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(folder.path().join("disk"), "24m") else {
        eprintln!("skipped: no disk can be mounted here");
        return;
    };
    let installation = Installation::at(&disk.0.join("data").display().to_string());
    let server = serve_at(&installation, "127.0.0.1:0");
    let (key, url) = (server.key.clone().unwrap(), server.url.clone());
    subscribe(&server, &key);
    let ballast = disk.0.join("ballast");
    let mut counted = 0_u64;
    let large = |n: u64| {
        let mut event = event(&n.to_string());
        event["data"] = json!({ "text": "x".repeat(12_000) });
        event
    };
    let problem = loop {
        match post(&url, "/v1/events", &key, None, &large(counted)) {
            (200, answer) => assert_eq!(answer["accepted"], 1, "{answer}"),
            (status, problem) => {
                assert_eq!(status, 503, "{problem}");
                break problem;
            }
        }
        counted += 1;
        if counted == 100 {
            // Nearly all of what is left.
            let left = Command::new("df").args(["--output=avail", "-k"]).arg(&disk.0).output().unwrap();
            let left = String::from_utf8_lossy(&left.stdout)
                .lines()
                .last()
                .unwrap()
                .trim()
                .parse::<usize>()
                .unwrap();
            fs::write(&ballast, vec![0; left.saturating_sub(2_048) * 1_024]).unwrap();
        }
        assert!(counted < 5_000, "the disk does not fill");
    };
    assert_eq!(problem["code"], "storage_full", "{problem}");
    assert_eq!(used(&url, &key, "calls"), counted.to_string(), "what was acknowledged is there to be read");
    fs::remove_file(&ballast).unwrap();
    again(|| post(&url, "/v1/events", &key, None, &large(counted)));
    assert_eq!(used(&url, &key, "calls"), (counted + 1).to_string());
    server.stop();
    let report = installation.run(&["reconcile"]).good();
    assert!(report.contains("no difference"), "{report}");
}

/// The most memory a process ever had, in MiB.
pub fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
}

/// What a server says to bytes; what cannot be sent any more is left.
pub fn say(url: &str, head: &str, body: impl Iterator<Item = Vec<u8>>) -> String {
    let mut stream = TcpStream::connect(host(url)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    for part in body {
        if stream.write_all(&part).is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(read) = stream.read(&mut buffer) {
        if read == 0 || answer.len() > 16_384 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
        if answer.ends_with(b"}") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_batch_of_a_gigabyte_is_refused_early() {
    let installation = Installation::sqlite();
    let server = serve_at(&installation, "127.0.0.1:0");
    let key = server.key.clone().unwrap();
    let head = |length: &str| {
        format!(
            "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/cloudevents-batch+json\r\n{length}\r\n\r\n"
        )
    };
    let before = peak(server.process());
    let announced = say(&server.url, &head("Content-Length: 1073741824"), std::iter::empty());
    assert!(announced.contains(" 413 ") && announced.contains("body_too_large"), "{announced}");
    // Not announced: it is cut off where it becomes too much, whatever is still to come.
    let chunk = || [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let sent = AtomicU64::new(0);
    let body = std::iter::repeat_with(|| {
        sent.fetch_add(1, Ordering::SeqCst);
        chunk()
    });
    let streamed = say(&server.url, &head("Transfer-Encoding: chunked"), body.take(16_384));
    assert!(streamed.contains(" 413 ") || streamed.is_empty(), "{streamed}");
    assert!(sent.load(Ordering::SeqCst) < 16_384, "a gigabyte was read");
    let grown = peak(server.process()) - before;
    assert!(grown < 200, "{grown} MiB");
    server.stop();
}

#[test]
fn slow_and_many_clients_keep_nobody_else_waiting() {
    let installation = Installation::sqlite();
    let server = serve_at(&installation, "127.0.0.1:0");
    let key = server.key.clone().unwrap();
    subscribe(&server, &key);
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{{"
    );
    let mut open = Vec::new();
    for n in 0..2_000 {
        let mut stream = TcpStream::connect(host(&server.url)).unwrap();
        // Some say nothing, some half a head, some half a body.
        let said = match n % 3 {
            0 => "",
            1 => "POST /v1/events HTT",
            _ => &head,
        };
        stream.write_all(said.as_bytes()).unwrap();
        open.push(stream);
    }
    for n in 0..20 {
        let (status, counted) = server.post("/v1/events", &key, &event(&n.to_string()));
        assert_eq!((status, &counted["accepted"]), (200, &json!(1)), "{counted}");
    }
    // As many as this system lets one test open, up to ten thousand: what goes beyond is told that there is no place.
    let mut failed = 0;
    while open.len() < 10_200 && failed == 0 {
        match TcpStream::connect(host(&server.url)) {
            Ok(stream) => open.push(stream),
            Err(_) => failed += 1,
        }
    }
    // Those that said nothing for twenty seconds are cut off by then, so there may be a place again.
    let (status, answer) = again_once(|| server.post("/v1/events", &key, &event("late")));
    assert!(status == 200 || answer["code"] == "too_busy", "{status}: {answer}");
    eprintln!("{} connections opened, {failed} failed; then {status}", open.len());
    drop(open);
    again(|| server.post("/v1/events", &key, &event("late")));
    assert_eq!(used(&server.url, &key, "calls"), "21");
    server.stop();
}

/// An answer, of several that may be lost with their connection.
fn again_once(ask: impl Fn() -> (u16, Json)) -> (u16, Json) {
    (0..20)
        .map(|_| {
            thread::sleep(Duration::from_millis(50));
            ask()
        })
        .find(|(status, _)| *status != 0)
        .unwrap_or((0, Json::Null))
}
