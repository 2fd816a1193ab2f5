//! The binary at work on a database of its own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tempfile::TempDir;
use testkit::postgres::{TestDatabase, database};

const PROGRAM: &str = env!("CARGO_BIN_EXE_steelyard");

/// A place for one database.
pub struct Installation {
    folder: TempDir,
    database: String,
    _postgres: Option<TestDatabase>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// The output of a command that must have gone well.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// What a command that must have been refused said.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "{}{}", self.out, self.err);
        for word in ["panicked", "RUST_BACKTRACE", "Error {", "Some("] {
            assert!(!self.err.contains(word), "{}", self.err);
        }
        self.err
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// Run a test body on a folder and, where PostgreSQL is installed, on a database there.
pub fn on_both(body: impl Fn(&Installation)) {
    eprintln!("on SQLite");
    body(&Installation::sqlite());
    if let Some(installation) = Installation::postgres() {
        eprintln!("on PostgreSQL");
        body(&installation);
    }
}

pub fn books() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../books").canonicalize().expect("the books' folder")
}

impl Installation {
    /// A folder that is not there yet.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("data").display().to_string();
        Self { folder, database, _postgres: None }
    }

    /// An empty PostgreSQL database.
    pub fn postgres() -> Option<Self> {
        let postgres = database()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        Some(Self { folder, database: postgres.url().to_owned(), _postgres: Some(postgres) })
    }

    /// A database named by hand.
    pub fn at(database: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, database: database.to_owned(), _postgres: None }
    }

    /// What `--database` says.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// A path in the folder commands run in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command, in its folder, without the variables of whoever runs the test.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        for name in
            ["STEELYARD_DATABASE", "STEELYARD_MERCHANT", "STEELYARD_ENV", "STEELYARD_OWNER", "STEELYARD_LOG"]
        {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.args(["--database", &self.database]).args(arguments);
        command
    }

    /// Run a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().expect("the program starts").into()
    }

    /// The JSON a command that must go well prints.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.run(arguments).good()).expect("JSON")
    }

    /// Start a server with Unison's price book and wait until it is ready.
    pub fn serve(&self) -> Server {
        let book = books().join("unison.toml").display().to_string();
        Server::start(self.command(&["serve", "--listen", "127.0.0.1:0", "--print-link", "--book", &book]))
    }

    /// Set up with Unison's price book; the key of the sandbox.
    pub fn set_up(&self) -> String {
        let server = self.serve();
        let key = server.key.clone().expect("the first start shows a key");
        server.stop();
        key
    }
}

/// A server process.
pub struct Server {
    child: Child,
    pub url: String,
    /// The sandbox's key, at the first start.
    pub key: Option<String>,
    /// The path and query of the sign-in link.
    pub link: Option<String>,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Start one and wait until it answers.
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                *kept.lock().unwrap() += &format!("{line}\n");
            }
        });
        let (mut url, mut key, mut link) = (None, None, None);
        for line in BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok) {
            let word_after =
                |mark: &str| line.split_once(mark).and_then(|(_, rest)| rest.split_whitespace().next());
            if line.starts_with("Steelyard serves") {
                url = word_after(" at ").map(str::to_owned);
            }
            key = key.or(word_after("API key ").map(str::to_owned));
            link = link.or(word_after("Pages ").filter(|link| link.contains("token=")).map(str::to_owned));
            if line.starts_with("Stop with") {
                break;
            }
        }
        let Some(url) = url else {
            let status = child.wait();
            thread::sleep(Duration::from_millis(50));
            panic!("the server did not start ({status:?}): {}", log.lock().unwrap());
        };
        let server = Self { child, url, key, link, log };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let since = Instant::now();
        while self.get("/ready", "").0 != 200 {
            assert!(since.elapsed() < Duration::from_secs(20), "not ready: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// GET with a key; status 0 when there was no answer.
    pub fn get(&self, path: &str, key: &str) -> (u16, Json) {
        get(&self.url, path, key)
    }

    /// POST with a key; status 0 when there was no answer.
    pub fn post(&self, path: &str, key: &str, body: &Json) -> (u16, Json) {
        post(&self.url, path, key, None, body)
    }

    /// Ask it to stop, as the system does, and wait until it has.
    #[track_caller]
    pub fn stop(mut self) {
        signal("TERM", self.child.id());
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                break status;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "it does not stop: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// End it without a warning.
    pub fn kill(mut self) {
        self.child.kill().expect("our child");
        self.child.wait().expect("our child");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of a test that failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Send a signal to a process we started.
fn signal(name: &str, id: u32) {
    let sent = Command::new("kill").args(["-s", name, &id.to_string()]).status().expect("kill is there");
    assert!(sent.success());
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    config.timeout_global(Some(Duration::from_secs(60))).build().into()
}

pub fn get(url: &str, path: &str, key: &str) -> (u16, Json) {
    let request = agent().get(format!("{url}{path}")).header("authorization", format!("Bearer {key}"));
    answer(request.call())
}

pub fn post(url: &str, path: &str, key: &str, once: Option<&str>, body: &Json) -> (u16, Json) {
    let mut request = agent().post(format!("{url}{path}")).header("authorization", format!("Bearer {key}"));
    if let Some(once) = once {
        request = request.header("idempotency-key", once);
    }
    answer(request.send_json(body))
}

fn answer(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Json) {
    // Not even a broken-off answer counts as one.
    let Ok(mut response) = answer else { return (0, Json::Null) };
    let status = response.status().as_u16();
    match response.body_mut().read_to_string() {
        Ok(text) => (status, serde_json::from_str(&text).unwrap_or(Json::String(text))),
        Err(_) => (0, Json::Null),
    }
}
