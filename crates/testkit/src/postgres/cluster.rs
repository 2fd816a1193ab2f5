//! A private PostgreSQL server in a temporary folder.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Starts the server, waits for the end of standard input, stops the server, removes the folder.
const SCRIPT: &str = include_str!("cluster.sh");

/// A running PostgreSQL server of our own, reached by a socket in its temporary folder only.
///
/// It stops, and its folder goes, when the value is dropped and also when the process ends in any
/// other way: a small shell script keeps the server and watches a pipe to this process.
pub struct Cluster {
    url: String,
    keeper: Child,
    /// Removed by the keeper already; dropped last, for the case that the keeper was killed.
    _folder: TempDir,
}

impl Cluster {
    /// Creates and starts a server with the PostgreSQL programs in the folder `programs`
    /// (see [`programs`]). About a second.
    ///
    /// # Errors
    /// With PostgreSQL's own words when it does not start.
    pub fn start(programs: &Path) -> io::Result<Self> {
        Self::start_with(programs, "")
    }

    /// The same with a server that survives a power cut, for measurements.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_durable(programs: &Path) -> io::Result<Self> {
        Self::start_with(programs, "durable")
    }

    fn start_with(programs: &Path, durability: &str) -> io::Result<Self> {
        // Not the folder of TMPDIR: a socket's path may have 107 bytes at most, and the server's user
        // must be able to enter.
        let folder = tempfile::Builder::new().prefix("steelyard-pg-").tempdir_in("/tmp")?;
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "cluster.sh"]).arg(programs).arg(folder.path()).arg(durability);
        // A process group of its own, so that Ctrl-C reaches the starter only.
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Some(user) = server_user()? {
            chown(folder.path(), Some(user.uid), Some(user.gid))?;
            command.uid(user.uid).gid(user.gid);
        }
        let keeper = command.spawn()?;
        let host = folder.path().to_string_lossy().replace('/', "%2F");
        let mut cluster =
            Self { url: format!("postgres://postgres@{host}/postgres"), keeper, _folder: folder };
        cluster.wait_until_ready(programs)?;
        Ok(cluster)
    }

    /// The address of the server's own database `postgres`, as its superuser, without a password.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn wait_until_ready(&mut self, programs: &Path) -> io::Result<()> {
        let Some(output) = self.keeper.stdout.take() else { return Ok(()) };
        let mut output = BufReader::new(output);
        let mut said = String::new();
        output.read_line(&mut said)?;
        if said == "ready\n" {
            return Ok(());
        }
        output.read_to_string(&mut said)?;
        Err(io::Error::other(format!(
            "PostgreSQL ({}) does not start; it said:\n{}",
            programs.display(),
            said.trim_end()
        )))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Closes the pipe, which is the keeper's sign to stop.
        drop(self.keeper.stdin.take());
        // Nothing useful can be done if waiting fails: the keeper goes on with its work alone.
        let _ = self.keeper.wait();
    }
}

/// The folder with PostgreSQL's server programs, the newest version first where Debian keeps several,
/// or `None` when no server is installed. A client alone (`psql`) does not count.
pub fn programs() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = versions("/usr/lib/postgresql").into_iter().chain(std::env::split_paths(&on_path));
    candidates.filter(|folder| is_complete(folder)).find_map(|folder| {
        // initdb looks for its data beside the real program, not beside a link to it.
        Some(folder.join("initdb").canonicalize().ok()?.parent()?.to_owned())
    })
}

/// The `bin` folders of the versions under `root`, newest first.
fn versions(root: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn is_complete(folder: &Path) -> bool {
    folder.is_absolute()
        && ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
}

struct User {
    uid: u32,
    gid: u32,
}

/// The user to run the server as: ourselves (`None`), but for root, as which PostgreSQL refuses to run.
fn server_user() -> io::Result<Option<User>> {
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some(User { uid: id(&["-u", name]).ok()?, gid: id(&["-g", name]).ok()? }));
    user.map(Some).ok_or_else(|| {
        io::Error::other("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
    })
}

/// What the program `id` answers: the standard library has no call for it.
fn id(arguments: &[&str]) -> io::Result<u32> {
    let output = Command::new("id").args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| io::Error::other(format!("`id {}` gave no number", arguments.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two servers at once, and nothing left of either.
    #[test]
    fn clusters_are_apart_and_leave_nothing() {
        let Some(programs) = programs() else { return };
        let clusters = [Cluster::start(&programs).unwrap(), Cluster::start(&programs).unwrap()];
        assert_ne!(clusters[0].url(), clusters[1].url());
        let folders = clusters.each_ref().map(|cluster| cluster._folder.path().to_owned());
        for (cluster, folder) in clusters.iter().zip(&folders) {
            let mut client = ::postgres::Client::connect(cluster.url(), ::postgres::NoTls).unwrap();
            let socket: String = client.query_one("SHOW unix_socket_directories", &[]).unwrap().get(0);
            assert_eq!(Path::new(&socket), folder);
        }
        drop(clusters);
        for folder in folders {
            assert!(!folder.exists(), "{} is left", folder.display());
        }
    }

    #[test]
    fn a_server_that_does_not_start_says_why() {
        let empty = tempfile::tempdir().unwrap();
        let error = Cluster::start(empty.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("does not start"), "{error}");
        assert!(error.contains("initdb"), "{error}");
    }
}
