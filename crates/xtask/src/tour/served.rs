//! A demo that is served while this value lives.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// The program, serving.
pub struct Served {
    child: Child,
    /// Where the pages are.
    pub address: String,
    /// The link that signs in.
    pub link: String,
}

impl Served {
    /// Start it and wait until it serves.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(mut command: Command) -> Result<Self, String> {
        command.env("STEELYARD_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("the program cannot be started: {error}"))?;
        let out = child.stdout.take().ok_or("the program has no output")?;
        let mut link = None;
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            link = link.or_else(|| {
                line.split_whitespace().find(|word| word.contains("/sign-in?token=")).map(str::to_owned)
            });
            if line.starts_with("Stop with") {
                break;
            }
        }
        let Some((address, _)) = link.as_ref().and_then(|link| link.split_once("/sign-in")) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err("the demo is not served; see what the program said".to_owned());
        };
        let address = address.to_owned();
        Ok(Self { child, address, link: link.unwrap_or_default() })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
