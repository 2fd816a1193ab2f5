//! Chromium and the two pipes to it: a JSON text each way, ended by a zero byte.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value as Json, json};

/// Longer than this nothing takes; a browser that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A running browser.
pub(super) struct Pipe {
    child: Child,
    to: File,
    from: Receiver<Json>,
    next: u64,
    /// What it said without being asked.
    pub(super) events: VecDeque<Json>,
    _folder: tempfile::TempDir,
}

/// Where the browser is installed, or the file the variable `STEELYARD_CHROMIUM` names.
pub fn program() -> Option<PathBuf> {
    if let Some(said) = std::env::var_os("STEELYARD_CHROMIUM") {
        return Some(PathBuf::from(said)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| PROGRAMS.map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

impl Pipe {
    /// Start Chromium with a folder of its own; none where there is none.
    pub(super) fn start() -> Option<Self> {
        let Some(program) = program() else {
            crate::note("journeys in a browser are skipped: Chromium is not installed (cargo xtask setup)");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [to, from] = ["to", "from"].map(|name| folder.path().join(name));
        let made = Command::new("mkfifo").args([&to, &from]).status().expect("mkfifo runs");
        assert!(made.success(), "pipes can be made");
        let child = spawn(&program, folder.path(), &to, &from);
        // In the order in which the shell opens them: each waits for the other side.
        let to = OpenOptions::new().write(true).open(to).expect("the browser listens");
        let from = listen(File::open(from).expect("the browser speaks"));
        Some(Self { child, to, from, next: 0, events: VecDeque::new(), _folder: folder })
    }

    fn read(&mut self) -> Json {
        self.from.recv_timeout(PATIENCE).expect("the browser answers")
    }

    /// Ask the browser for something and wait for its answer. An empty session is the browser itself.
    pub(super) fn call(&mut self, session: &str, method: &str, params: &Json) -> Json {
        self.next += 1;
        let id = self.next;
        let mut asked = json!({ "id": id, "method": method, "params": params });
        if !session.is_empty() {
            asked["sessionId"] = json!(session);
        }
        let text = format!("{asked}\0");
        self.to.write_all(text.as_bytes()).expect("the browser is there");
        loop {
            let mut said = self.read();
            if said["id"] == id {
                assert!(said["error"].is_null(), "{method}: {}", said["error"]);
                return said["result"].take();
            }
            self.events.push_back(said);
        }
    }

    /// Wait until the browser says that this happened.
    pub(super) fn wait_for(&mut self, method: &str) {
        while let Some(event) = self.events.pop_front() {
            if event["method"] == method {
                return;
            }
        }
        while self.read()["method"] != method {}
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program gets its ends of the pipes as file descriptors 3 and 4, which only a shell can hand over safely.
fn spawn(program: &Path, folder: &Path, to: &Path, from: &Path) -> Child {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    Command::new("sh")
        .args(["-c", "to=$1; from=$2; shift 2; exec \"$@\" 3<\"$to\" 4>\"$from\"", "sh"])
        .args([to, from, program])
        .args(FLAGS)
        .arg(profile)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

/// Read what the browser says on a thread of its own, so that waiting for it can end.
fn listen(from: File) -> Receiver<Json> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut text = Vec::new();
        while reader.read_until(0, &mut text).is_ok_and(|count| count > 0) {
            text.pop();
            let said = serde_json::from_slice(&text).expect("the browser speaks JSON");
            if sender.send(said).is_err() {
                return;
            }
            text.clear();
        }
    });
    receiver
}
