//! The program itself, running beside the measurements.

use std::{
    ffi::{OsStr, OsString},
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use kernel::Result;

use crate::{ground::raw, memory};

pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    /// Serve on a free port. `database` is a folder or an address.
    pub fn start(database: impl AsRef<OsStr>) -> Result<Self> {
        let before = ["serve", "--listen", "127.0.0.1:0", "--api-rate", "0", "--database"];
        let book = ["--book", concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/unison.toml")];
        let arguments = before.into_iter().map(OsString::from).chain([database.as_ref().to_owned()]);
        Self::running(arguments.chain(book.into_iter().map(OsString::from)))
    }

    /// Run the release binary and read from its output where it listens.
    pub fn running(arguments: impl Iterator<Item = OsString>) -> Result<Self> {
        let binary = binary()?;
        let mut child = Command::new(&binary)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| raw(format!("{}: {error}", binary.display())))?;
        let output = child.stdout.take().ok_or_else(|| raw("no output"))?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        while output.read_line(&mut line).map_err(raw)? > 0 {
            if let Some((_, rest)) = line.split_once("http://") {
                let address = rest.split(['/', ' ', '\n']).next().unwrap_or_default().to_owned();
                // It has more to say, to somebody who reads it.
                thread::spawn(move || io::copy(&mut output, &mut io::sink()));
                return Ok(Self { child, address });
            }
            line.clear();
        }
        let _ = child.kill();
        Err(raw("the server said no address"))
    }

    pub fn wait_until_ready(&self) -> Result<()> {
        for _ in 0..2_000 {
            if ureq::get(format!("http://{}/ready", self.address)).call().is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Err(raw("the server never got ready"))
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn resident_megabytes(&self) -> Result<f64> {
        memory::resident_megabytes(self.child.id())
    }

    pub fn stop(mut self) -> Result<()> {
        let stopped =
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().map_err(raw)?;
        self.child.wait().map_err(raw)?;
        if stopped.success() { Ok(()) } else { Err(raw("the server could not be stopped")) }
    }
}

/// Built into the folder the measurements are in.
fn binary() -> Result<PathBuf> {
    let said = std::env::var_os("STEELYARD_BINARY").map(PathBuf::from);
    said.map_or_else(|| Ok(std::env::current_exe().map_err(raw)?.with_file_name("steelyard")), Ok)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
