//! What a backup says about itself: its files with their checksums, the schema they hold, and when it
//! was taken. Written last: a folder without one is no backup.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Outcome, why};

const NAME: &str = "manifest.json";
const FORMAT: u32 = 1;

/// The whole of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The shape of this file.
    format: u32,
    /// The release that wrote it.
    pub program: String,
    /// `SQLite` or `PostgreSQL`.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// Real time it was taken.
    pub taken: Timestamp,
    /// The newest migration of each context.
    pub schema: Vec<Applied>,
    /// Every file beside it.
    pub files: Vec<Entry>,
}

/// How far a context's schema has come.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub context: String,
    pub migration: i64,
}

/// A file of the backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Below the folder, such as `usage/live.db`.
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    /// A manifest without files.
    pub fn new(engine: &str, engine_version: String, taken: Timestamp, schema: Vec<Applied>) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            format: FORMAT,
            program,
            engine: engine.to_owned(),
            engine_version,
            taken,
            schema,
            files: Vec::new(),
        }
    }

    /// Take a file of `folder` in.
    pub fn add(&mut self, folder: &Path, path: PathBuf) -> io::Result<()> {
        let (bytes, sha256) = digest(&folder.join(&path))?;
        self.files.push(Entry { path, bytes, sha256 });
        Ok(())
    }

    /// Write it into `folder`: from now on that is a backup.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut file = File::create_new(folder.join(NAME))?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.sync_all()?;
        // The folder's own entries must be on the disk too.
        File::open(folder)?.sync_all()
    }

    /// Read the manifest of a backup.
    pub fn read(folder: &Path) -> Outcome<Self> {
        let advice =
            "Name the folder that `steelyard backup` made; one without a manifest was never finished.";
        let text = fs::read_to_string(folder.join(NAME)).map_err(|error| {
            Failure::new(
                format!("{} is no backup: {NAME} cannot be read, {}.", folder.display(), why(&error)),
                advice,
            )
        })?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!("The manifest of {} is damaged: {error}.", folder.display()), advice)
        })?;
        let plain = |entry: &Entry| entry.path.components().all(|part| matches!(part, Component::Normal(_)));
        match manifest.format == FORMAT && manifest.files.iter().all(plain) {
            true => Ok(manifest),
            false => Err(Failure::new(
                format!("The manifest of {} is of a kind this release does not know.", folder.display()),
                "Restore it with the release that took it.",
            )),
        }
    }

    /// Compare every file with what was written down.
    pub fn check_files(&self, folder: &Path) -> Outcome {
        let faults: Vec<String> = self.files.iter().filter_map(|entry| entry.fault(folder)).collect();
        if faults.is_empty() {
            return Ok(());
        }
        let what = format!("The backup in {} is damaged. Nothing was restored.", folder.display());
        Err(Failure::new(what, "Restore an older backup, and check the disk this one lies on.")
            .with_details(faults))
    }
}

impl Entry {
    fn fault(&self, folder: &Path) -> Option<String> {
        let shown = self.path.display();
        match digest(&folder.join(&self.path)) {
            Err(error) => Some(format!("{shown}: {}", why(&error))),
            Ok((bytes, _)) if bytes != self.bytes => {
                Some(format!("{shown}: {bytes} bytes where {} were written", self.bytes))
            }
            Ok((_, sha256)) if sha256 != self.sha256 => Some(format!("{shown}: its checksum is another")),
            Ok(_) => None,
        }
    }
}

/// Size and SHA-256 of a file.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut sha, mut bytes) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => {
                sha.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
    let hex = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, hex))
}
