//! `steelyard restore`

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use store::{Db, Engine, Location};

use super::{backup::DUMP, check, manifest::Manifest, postgres, sqlite};
use crate::{
    failure::{Failure, Outcome, why},
    output,
    place::Place,
};

pub fn run(place: &Place, folder: &Path) -> Outcome {
    let manifest = Manifest::read(folder)?;
    let engine = place.location.engine();
    if manifest.engine != engine.name() {
        let target = match engine {
            Engine::Sqlite => "a PostgreSQL database (--database postgres://…)",
            Engine::Postgres => "a folder (--database FOLDER)",
        };
        let what = format!("This is a backup of {}, and {} is none.", manifest.engine, place.shown());
        return Err(Failure::new(what, format!("Restore it into {target}.")));
    }
    manifest.check_files(folder)?;
    let sentences = match &place.location {
        Location::Sqlite(target) => to_sqlite(place, &manifest, folder, target)?,
        Location::Postgres(url) => to_postgres(place, url, folder)?,
    };
    sentences.iter().for_each(output::say);
    output::say(format!("The backup of {:.0} was restored to {}.", manifest.taken, place.shown()));
    Ok(())
}

/// Into a folder beside the target first, which takes its place once everything was verified: a restore
/// that fails or is cut short leaves nothing that looks like a database.
fn to_sqlite(place: &Place, manifest: &Manifest, folder: &Path, target: &Path) -> Outcome<Vec<String>> {
    let taken = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if taken || target.is_file() {
        return Err(Failure::new(
            format!("{} is not empty.", target.display()),
            "Name a new folder with --database; nothing is ever overwritten.",
        ));
    }
    let building = beside(target);
    let verified = copy_and_verify(place, manifest, folder, &building);
    let moved = verified.and_then(|sentences| {
        fs::rename(&building, target).map_err(|error| cannot_write(target, &error))?;
        Ok(sentences)
    });
    if moved.is_err() {
        // What was wrong is said below; a left-over folder is in nobody's way.
        let _ = fs::remove_dir_all(&building);
    }
    moved
}

fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!("{name}.restoring-{}", process::id()))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("{} cannot be written: {}.", path.display(), why(error)),
        "Check that this user may write there and that the disk has room.",
    )
}

fn copy_and_verify(
    place: &Place,
    manifest: &Manifest,
    folder: &Path,
    building: &Path,
) -> Outcome<Vec<String>> {
    for entry in &manifest.files {
        let to = building.join(&entry.path);
        let copied = to.parent().map_or(Ok(()), fs::create_dir_all);
        copied
            .and_then(|()| fs::copy(folder.join(&entry.path), &to))
            .map_err(|error| cannot_write(&to, &error))?;
        let faults = sqlite::faults(&to);
        if !faults.is_empty() {
            let what = format!("{} in the backup is damaged. Nothing was restored.", entry.path.display());
            return Err(Failure::new(what, "Restore an older backup.").with_details(faults));
        }
    }
    let there = Place { location: Location::Sqlite(building.to_owned()), ..place.clone() };
    let sentences = verified(&there)?;
    // The store's threads let go of the files on their own time.
    manifest.files.iter().try_for_each(|entry| sqlite::settle(&building.join(&entry.path)))?;
    Ok(sentences)
}

/// Facts and ledger of every environment, in a database just restored.
fn verified(place: &Place) -> Outcome<Vec<String>> {
    let db: Db = place.open_and_migrate()?;
    check::everything(&db)
}

fn to_postgres(place: &Place, url: &str, folder: &Path) -> Outcome<Vec<String>> {
    let mut client = postgres::connect(url)?;
    if !postgres::is_empty(&mut client)? {
        return Err(Failure::new(
            format!("The database {} is not empty.", place.shown()),
            "Make a new one (createdb) and name it with --database; nothing is ever overwritten.",
        ));
    }
    postgres::make_roles(&mut client)?;
    postgres::restore(url, &folder.join(DUMP))?;
    verified(place)
}
