//! Which database, and which environment in it.

use std::path::Path;

use identity::{Environment, Merchant, environment, merchant};
use store::{Actor, Db, Location, Options, Scope};

use crate::failure::{Failure, Outcome};

const SCOPE: Scope = Scope::installation("choose an environment");

/// What the person said about where to work.
#[derive(Clone, Debug)]
pub struct Place {
    /// The database.
    pub location: Location,
    /// A merchant's name in URLs.
    pub merchant: Option<String>,
    /// An environment's name.
    pub environment: Option<String>,
}

/// An environment, chosen.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Whose it is.
    pub merchant: Merchant,
    /// It.
    pub environment: Environment,
    /// Work in it, in the name of whoever sits at the terminal.
    pub scope: Scope,
}

impl Chosen {
    fn new(merchant: Merchant, environment: Environment) -> Self {
        let scope = Scope::environment(environment.id, environment.mode, Actor::CommandLine);
        Self { merchant, environment, scope }
    }

    /// `sandbox of Unison`.
    pub fn shown(&self) -> String {
        format!("{} of {}", self.environment.slug, self.merchant.name)
    }
}

impl Place {
    /// Open the database as it is. Errors when there is none, or its schema is behind.
    pub fn open(&self) -> Outcome<Db> {
        self.must_exist()?;
        self.open_with(false)
    }

    /// Open the database and bring its schema up to date; a missing SQLite folder is made.
    pub fn open_and_migrate(&self) -> Outcome<Db> {
        self.open_with(true)
    }

    /// Open the database, its schema as it is or brought up to date.
    pub fn open_with(&self, migrate: bool) -> Outcome<Db> {
        let options = Options { migrate, ..Options::default() };
        Db::open(&self.location, server::CONTEXTS, &options).map_err(|error| self.cannot_open(error))
    }

    /// A command beside the server never makes a folder by a slip of the pen.
    pub fn must_exist(&self) -> Outcome {
        match &self.location {
            Location::Sqlite(folder) if !folder.join("core.db").is_file() => Err(Failure::new(
                format!("There is no Steelyard database in {}.", folder.display()),
                "Name the right folder with --database, or start a new one with `steelyard serve`.",
            )),
            _ => Ok(()),
        }
    }

    fn cannot_open(&self, error: kernel::Error) -> Failure {
        match &self.location {
            Location::Sqlite(folder) if error.code == "database_away" => {
                sqlite_failure(folder, &error.detail)
            }
            Location::Sqlite(folder) if error.detail.contains("malformed") => {
                sqlite_failure(folder, &error.detail)
            }
            _ => error.into(),
        }
    }

    /// The location for people, without its password.
    pub fn shown(&self) -> String {
        shown(&self.location)
    }

    /// The environment to work in.
    pub fn choose(&self, db: &Db) -> Outcome<Chosen> {
        let merchant = self.choose_merchant(db)?;
        let id = merchant.id;
        let mut all = db.read(&SCOPE, move |view| environment::of_merchant(view, id)).wait()?;
        let names: Vec<String> = all.iter().map(|one| one.slug.clone()).collect();
        let wanted = match &self.environment {
            None if all.len() == 1 => names[0].as_str(),
            None => "sandbox",
            Some(name) => name,
        };
        let Some(found) = all.iter().position(|one| one.slug == wanted) else {
            return Err(Failure::new(
                format!("{} has no environment called {wanted}.", merchant.name),
                format!("Choose one with --env: {}.", names.join(", ")),
            ));
        };
        Ok(Chosen::new(merchant, all.swap_remove(found)))
    }

    fn choose_merchant(&self, db: &Db) -> Outcome<Merchant> {
        let mut all = merchants(db)?;
        let slugs: Vec<&str> = all.iter().map(|one| one.slug.as_str()).collect();
        let found = match &self.merchant {
            None if all.len() == 1 => Some(0),
            None => {
                return Err(Failure::new(
                    "There is more than one merchant here.",
                    format!("Choose one with --merchant: {}.", slugs.join(", ")),
                ));
            }
            Some(slug) => slugs.iter().position(|one| one == slug),
        };
        match found {
            Some(index) => Ok(all.swap_remove(index)),
            None => Err(Failure::new(
                format!("There is no merchant called {}.", self.merchant.as_deref().unwrap_or_default()),
                format!("Choose one with --merchant: {}.", slugs.join(", ")),
            )),
        }
    }
}

/// Every merchant. Errors when there is none.
fn merchants(db: &Db) -> Outcome<Vec<Merchant>> {
    let all = db.read(&SCOPE, merchant::list).wait()?;
    if all.is_empty() {
        return Err(Failure::new(
            "This database is empty: it has no merchant yet.",
            "Start `steelyard serve` on it once, with --book and the file of your price book.",
        ));
    }
    Ok(all)
}

/// Every environment of every merchant.
pub fn every(db: &Db) -> Outcome<Vec<Chosen>> {
    let pairs = db.read(&SCOPE, |view| {
        let mut pairs = Vec::new();
        for merchant in merchant::list(view)? {
            let environments = environment::of_merchant(view, merchant.id)?;
            pairs.extend(environments.into_iter().map(|one| (merchant.clone(), one)));
        }
        Ok(pairs)
    });
    Ok(pairs.wait()?.into_iter().map(|(merchant, one)| Chosen::new(merchant, one)).collect())
}

fn sqlite_failure(folder: &Path, detail: &str) -> Failure {
    let damaged = ["not a database", "malformed"].iter().any(|words| detail.contains(words));
    if damaged {
        return Failure::new(
            format!("The database in {} is damaged: {}.", folder.display(), detail.trim_end_matches('.')),
            "Bring back the last backup into another folder with `steelyard restore`, and keep this one for inspection.",
        );
    }
    Failure::new(
        format!("The database in {} cannot be used: {}.", folder.display(), detail.trim_end_matches('.')),
        "Check that the folder belongs to this user, that the disk has room, and that --database names the right one.",
    )
}

/// A location for people, without its password.
pub fn shown(location: &Location) -> String {
    match location {
        Location::Sqlite(folder) => folder.display().to_string(),
        Location::Postgres(url) => without_password(url),
    }
}

fn without_password(url: &str) -> String {
    let (address, _) = url.split_once('?').unwrap_or((url, ""));
    let Some((scheme, rest)) = address.split_once("://") else { return "postgres://…".to_owned() };
    match rest.rsplit_once('@') {
        None => format!("{scheme}://{rest}"),
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            (
                "postgres://ann:secret@db.example:5432/books?password=x",
                "postgres://ann@db.example:5432/books",
            ),
            ("postgres://ann:p@ss@h/d", "postgres://ann@h/d"),
            ("postgresql://h/d", "postgresql://h/d"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
