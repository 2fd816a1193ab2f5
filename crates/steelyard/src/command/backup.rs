//! `steelyard backup`

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use kernel::{SystemClock, WallClock};
use store::{Engine, Location};

use super::{manifest::Manifest, postgres, sqlite};
use crate::{
    failure::{Failure, Outcome, why},
    output,
    place::Place,
};

/// The one file of a PostgreSQL backup.
pub const DUMP: &str = "database.dump";

pub fn run(place: &Place, folder: &Path) -> Outcome {
    place.must_exist()?;
    fresh(folder)?;
    let taken = take(place, folder);
    if taken.is_err() {
        // It was empty or not there before; half a backup must not stand where a whole one is looked for.
        let _ = fs::remove_dir_all(folder);
    }
    let manifest = taken?;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    output::say(format!("{} was backed up to {} ({}).", place.shown(), folder.display(), size(bytes)));
    Ok(())
}

fn take(place: &Place, folder: &Path) -> Outcome<Manifest> {
    let manifest = match &place.location {
        Location::Sqlite(source) => of_sqlite(source, folder)?,
        Location::Postgres(url) => of_postgres(url, folder)?,
    };
    manifest.write(folder).map_err(|error| cannot_write(folder, &error))?;
    Ok(manifest)
}

/// Make the folder, for this user alone: it will hold names and addresses.
fn fresh(folder: &Path) -> Outcome {
    let empty = fs::read_dir(folder).map(|mut entries| entries.next().is_none());
    match empty {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(
            format!("{} is not empty.", folder.display()),
            "Name a folder that does not exist yet; each backup has its own.",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| cannot_write(folder, &error))
        }
        Err(error) => Err(cannot_write(folder, &error)),
    }
}

fn cannot_write(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("The backup cannot be written to {}: {}.", folder.display(), why(error)),
        "Check that this user may write there and that the disk has room.",
    )
}

fn of_sqlite(source: &Path, folder: &Path) -> Outcome<Manifest> {
    let taken = SystemClock.now();
    let core = folder.join("core.db");
    let mut copied: Vec<PathBuf> = Vec::new();
    for path in sqlite::files(source)? {
        if let Some(parent) = folder.join(&path).parent() {
            fs::create_dir_all(parent).map_err(|error| cannot_write(folder, &error))?;
        }
        sqlite::copy(&source.join(&path), &folder.join(&path))?;
        let faults = sqlite::faults(&folder.join(&path));
        if !faults.is_empty() {
            let what = format!("{} is damaged; this backup is worth nothing.", source.join(&path).display());
            let advice =
                "Bring back the last good backup with `steelyard restore`, and keep the damaged folder.";
            return Err(Failure::new(what, advice).with_details(faults));
        }
        copied.push(path);
    }
    let version = rusqlite::version().to_owned();
    let mut manifest = Manifest::new(Engine::Sqlite.name(), version, taken, sqlite::schema(&core)?);
    for path in copied {
        manifest.add(folder, path).map_err(|error| cannot_write(folder, &error))?;
    }
    Ok(manifest)
}

fn of_postgres(url: &str, folder: &Path) -> Outcome<Manifest> {
    let mut client = postgres::connect(url)?;
    let (version, schema) = (postgres::version(&mut client)?, postgres::schema(&mut client)?);
    let taken = SystemClock.now();
    postgres::dump(url, &folder.join(DUMP))?;
    let mut manifest = Manifest::new(Engine::Postgres.name(), version, taken, schema);
    manifest.add(folder, PathBuf::from(DUMP)).map_err(|error| cannot_write(folder, &error))?;
    Ok(manifest)
}

/// `1.5 MB`.
pub fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", tenths(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in
            [(999, "999 bytes"), (1_550, "1.5 kB"), (73_900_000, "73.9 MB"), (2_000_000_000, "2.0 GB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
