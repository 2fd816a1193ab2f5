//! `steelyard book check | apply | diff | migrate`

use std::{fs, path::Path};

use billing::migration::Migration;
use catalog::{Book, Change, Mistake, version};

use super::migration;
use crate::{
    arguments::Book as Asked,
    failure::{Failure, Outcome, why},
    output::{self, count},
    place::Place,
};

pub fn run(place: &Place, asked: &Asked) -> Outcome {
    match asked {
        Asked::Check { file, json } => check(file, *json),
        Asked::Apply { file } => apply(place, file),
        Asked::Diff { file, json } => diff(place, file, *json),
        Asked::Migrate { plans, plan_map, at, dry_run, limit } => {
            let (plans, plan_map) = (plans.clone(), plan_map.iter().cloned().collect());
            let migration = Migration { plans, plan_map, timing: (*at).into(), ..Migration::default() };
            if *dry_run {
                migration::preview(place, migration, *limit)
            } else {
                migration::run(place, &migration)
            }
        }
    }
}

/// The text of a file a person named.
pub fn read_file(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| {
        Failure::new(
            format!("{} cannot be read: {}.", path.display(), why(&error)),
            "Check the name of the file.",
        )
    })
}

pub fn read_book(path: &Path) -> Outcome<(String, Result<Book, Vec<Mistake>>)> {
    let text = read_file(path)?;
    let book = catalog::read(&path.display().to_string(), &text);
    Ok((text, book))
}

/// The mistakes on standard error, as compilers do it.
pub fn refuse(path: &Path, mistakes: &[Mistake]) -> Failure {
    for mistake in mistakes {
        output::note(format!("{mistake}\n"));
    }
    let mistakes = count(i64::try_from(mistakes.len()).unwrap_or(i64::MAX), "mistake");
    Failure::new(format!("{} has {mistakes}.", path.display()), "Correct the lines shown and check again.")
}

fn check(path: &Path, json: bool) -> Outcome {
    let (_, book) = read_book(path)?;
    match book {
        Ok(book) => {
            let number = |length: usize, noun| count(i64::try_from(length).unwrap_or(i64::MAX), noun);
            let (features, plans, addons) = (
                number(book.features.len(), "feature"),
                number(book.plans.len(), "plan"),
                number(book.addons.len(), "add-on"),
            );
            if json {
                output::say("[]");
            } else {
                output::say(format!(
                    "{} is fine: {} in {}, {plans}, {addons}, {features}.",
                    path.display(),
                    book.name,
                    book.currency.code()
                ));
            }
            Ok(())
        }
        Err(mistakes) if json => {
            output::say_json(&mistakes);
            Err(Failure::new(format!("{} has mistakes.", path.display()), "Correct them and check again."))
        }
        Err(mistakes) => Err(refuse(path, &mistakes)),
    }
}

fn apply(place: &Place, path: &Path) -> Outcome {
    let (text, book) = read_book(path)?;
    let book = book.map_err(|mistakes| refuse(path, &mistakes))?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let name = path.display().to_string();
    let applied = db.write(&chosen.scope, move |tx| {
        let before = version::newest(tx)?;
        Ok((before, version::apply(tx, &name, &text)?))
    });
    let (before, applied) = applied.wait()?;
    let number = applied.version.number;
    if !applied.changed {
        output::say(format!(
            "Version {number}, in force in {}, says the same already. Nothing was changed.",
            chosen.shown()
        ));
        return Ok(());
    }
    output::say(format!("Version {number} is in force in {} for new subscriptions.", chosen.shown()));
    if let Some(before) = before {
        catalog::diff(&before.book, &book).iter().for_each(say_change);
    }
    Ok(())
}

fn diff(place: &Place, path: &Path, json: bool) -> Outcome {
    let (_, book) = read_book(path)?;
    let book = book.map_err(|mistakes| refuse(path, &mistakes))?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let current = db.read(&chosen.scope, version::in_force).wait()?;
    let changes = catalog::diff(&current.book, &book);
    if json {
        output::say_json(&changes);
        return Ok(());
    }
    let (number, shown) = (current.number, chosen.shown());
    if changes.is_empty() {
        output::say(format!("{} says the same as version {number}, in force in {shown}.", path.display()));
    } else {
        output::say(format!("Against version {number}, in force in {shown}:"));
        changes.iter().for_each(say_change);
    }
    Ok(())
}

fn say_change(change: &Change) {
    output::say(format!("  {change}"));
}
