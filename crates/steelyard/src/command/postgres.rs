//! PostgreSQL from outside: its own tools for backup and restore, and what the doctor asks it.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
    time::Duration,
};

use ::postgres::{Client, Config, NoTls, config::Host};
use jiff::Timestamp;

use super::manifest::Applied;
use crate::failure::{Failure, Outcome};

/// The roles transactions run under: in an environment, and across the installation.
const ROLES: [&str; 2] = ["steelyard_app", "steelyard_system"];

fn config(url: &str) -> Outcome<Config> {
    Config::from_str(url).map_err(|error| {
        Failure::new(
            format!("The database URL cannot be used: {error}."),
            "Write it like postgres://user:password@host:5432/database.",
        )
    })
}

/// Connect as the login role itself.
pub fn connect(url: &str) -> Outcome<Client> {
    let mut config = config(url)?;
    config.application_name("steelyard").connect_timeout(Duration::from_secs(5));
    config.connect(NoTls).map_err(|error| {
        Failure::new(
            format!("Cannot connect to PostgreSQL: {}.", words(&error)),
            "Check --database, and that the server runs and lets this user in.",
        )
    })
}

/// The server's own words, or the client's.
fn words(error: &::postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => db.message().to_owned(),
        None => std::error::Error::source(error)
            .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    }
}

fn refused(error: &::postgres::Error) -> Failure {
    Failure::new(
        format!("PostgreSQL refuses: {}.", words(error)),
        "Check that the login of --database owns the database's tables.",
    )
}

/// The server's version.
pub fn version(client: &mut Client) -> Outcome<String> {
    setting(client, "server_version")
}

/// How far the schema has come. Errors when there is none.
pub fn schema(client: &mut Client) -> Outcome<Vec<Applied>> {
    let known: bool = client
        .query_one("SELECT to_regclass('schema_migration') IS NOT NULL", &[])
        .map_err(|error| refused(&error))?
        .get(0);
    if !known {
        return Err(Failure::new(
            "There is no Steelyard in this PostgreSQL database.",
            "Name the right one with --database, or start a new one with `steelyard serve`.",
        ));
    }
    let rows = client
        .query("SELECT context, max(number) FROM schema_migration GROUP BY context ORDER BY context", &[])
        .map_err(|error| refused(&error))?;
    Ok(rows.iter().map(|row| Applied { context: row.get(0), migration: row.get(1) }).collect())
}

/// Whether there are no tables yet.
pub fn is_empty(client: &mut Client) -> Outcome<bool> {
    let text = "SELECT NOT EXISTS (
        SELECT FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND relnamespace = 'public'::regnamespace)";
    Ok(client.query_one(text, &[]).map_err(|error| refused(&error))?.get(0))
}

/// Make the roles a restored database grants its rights to, where this server does not have them.
pub fn make_roles(client: &mut Client) -> Outcome {
    for role in ROLES {
        let text = format!(
            "DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} NOLOGIN NOBYPASSRLS;
                END IF;
                IF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN
                    GRANT {role} TO CURRENT_USER;
                END IF;
            END $$;
            GRANT USAGE ON SCHEMA public TO {role};"
        );
        client.batch_execute(&text).map_err(|error| {
            Failure::new(
                format!("The role {role} cannot be made: {}.", words(&error)),
                "Let the login of --database create roles, or make the role by hand and grant it to the login.",
            )
        })?;
    }
    Ok(())
}

/// Write the whole database into a file with `pg_dump`.
pub fn dump(url: &str, file: &Path) -> Outcome {
    let arguments = ["--format=custom", "--no-owner", "--file"];
    run(tool("pg_dump", url)?.args(arguments).arg(file), "pg_dump")
}

/// Fill an empty database from a file with `pg_restore`, wholly or not at all.
pub fn restore(url: &str, file: &Path) -> Outcome {
    let Some(database) = config(url)?.get_dbname().map(str::to_owned) else {
        return Err(Failure::new(
            "The database URL names no database.",
            "Write it like postgres://user@host/database.",
        ));
    };
    let mut command = tool("pg_restore", url)?;
    command.args(["--no-owner", "--single-transaction", "--exit-on-error", "--dbname", &database]).arg(file);
    run(&mut command, "pg_restore")
}

/// A program of PostgreSQL's, told where to connect by its environment: arguments can be seen by others.
fn tool(program: &str, url: &str) -> Outcome<Command> {
    let config = config(url)?;
    let mut command = Command::new(program);
    let hosts: Vec<PathBuf> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => PathBuf::from(name),
            Host::Unix(folder) => folder.clone(),
        })
        .collect();
    let hosts: Vec<_> = hosts.iter().map(|host| host.to_string_lossy()).collect();
    let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
    let settings = [
        ("PGHOST", (!hosts.is_empty()).then(|| hosts.join(","))),
        ("PGPORT", (!ports.is_empty()).then(|| ports.join(","))),
        ("PGUSER", config.get_user().map(str::to_owned)),
        ("PGPASSWORD", config.get_password().map(|password| String::from_utf8_lossy(password).into_owned())),
        ("PGDATABASE", config.get_dbname().map(str::to_owned)),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    Ok(command)
}

fn run(command: &mut Command, program: &str) -> Outcome {
    let ended = command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new(
            format!("{program} is not installed, and PostgreSQL is backed up and restored with its own tools."),
            "Install the PostgreSQL client (on Debian: apt-get install postgresql-client), of the server's version or newer.",
        ),
        _ => Failure::new(format!("{program} cannot be started: {error}."), "Check the programs on PATH."),
    })?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let advice = if said.contains("row-level security") {
        "Take backups with a login that has BYPASSRLS: tables are protected from their owner too."
    } else if said.contains("version mismatch") {
        "Install the PostgreSQL client of the server's version or newer."
    } else {
        "Do what PostgreSQL's words above ask for, and try again."
    };
    let said = said.lines().take(5).map(str::to_owned);
    Err(Failure::new(format!("{program} failed ({}).", ended.status), advice).with_details(said))
}

/// A setting of the server.
pub fn setting(client: &mut Client, name: &str) -> Outcome<String> {
    let text = "SELECT current_setting($1)";
    Ok(client.query_one(text, &[&name]).map_err(|error| refused(&error))?.get(0))
}

/// The server's clock.
pub fn now(client: &mut Client) -> Outcome<Timestamp> {
    Ok(client.query_one("SELECT clock_timestamp()", &[]).map_err(|error| refused(&error))?.get(0))
}

/// Whether the login itself passes by row-level security.
pub fn login_is_privileged(client: &mut Client) -> Outcome<bool> {
    let text = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    Ok(client.query_one(text, &[]).map_err(|error| refused(&error))?.get(0))
}

/// Roles that are missing, or may do more than they should.
pub fn wrong_roles(client: &mut Client) -> Outcome<Vec<String>> {
    let text = "SELECT rolname::text FROM pg_roles
        WHERE rolname = ANY($1) AND NOT (rolsuper OR rolbypassrls OR rolcanlogin)";
    let rows = client.query(text, &[&ROLES.as_slice()]).map_err(|error| refused(&error))?;
    let right: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(ROLES.into_iter().filter(|role| !right.iter().any(|one| one == role)).map(str::to_owned).collect())
}

/// Tables of environments whose rows are not kept apart by the server.
pub fn unprotected_tables(client: &mut Client) -> Outcome<Vec<String>> {
    let text = "SELECT c.relname::text FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'env_id' AND NOT a.attisdropped
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))
        ORDER BY 1";
    let rows = client.query(text, &[]).map_err(|error| refused(&error))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
