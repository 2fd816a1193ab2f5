//! `steelyard backup`, `steelyard restore`

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;

use crate::program::{Installation, on_both, post};

#[test]
fn a_backup_taken_while_writing_restores_to_a_sound_database() {
    let installation = Installation::sqlite();
    round(&installation, &Installation::sqlite());
    if let (Some(installation), Some(target)) = (Installation::postgres(), Installation::postgres()) {
        round(&installation, &target);
    }
}

fn round(installation: &Installation, target: &Installation) {
    let server = installation.serve();
    let (key, url) = (server.key.clone().unwrap(), server.url.clone());
    let (stop, before) = (AtomicBool::new(false), 20);
    let create = |number: u32| {
        let external = format!("c-{number}");
        let body = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": external });
        let (status, customer) = post(&url, "/v1/customers", &key, None, &body);
        assert_eq!(status, 201, "{customer}");
        let body = json!({ "customer": format!("ext:{external}"), "plan": "starter", "cycle": "month", "finalize": true });
        let (status, started) = post(&url, "/v1/subscriptions", &key, None, &body);
        assert_eq!(status, 201, "{started}");
    };
    (0..before).for_each(create);
    let copy = installation.path("copy").display().to_string();
    thread::scope(|threads| {
        let writer = threads.spawn(|| {
            let mut number = before;
            while !stop.load(Ordering::Relaxed) {
                create(number);
                number += 1;
            }
            number
        });
        let said = installation.run(&["backup", &copy]).good();
        assert!(said.contains("was backed up to"), "{said}");
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > before, "nothing was written meanwhile");
    });
    server.stop();

    let said = target.run(&["restore", &copy]).good();
    assert!(said.contains("the chain is unbroken") && said.contains("balanced"), "{said}");
    let doctor = target.run(&["doctor"]).good();
    assert!(doctor.contains("All is well"), "{doctor}");
    let customers = target.json(&["customers", "list", "--limit", "10000", "--json"]);
    assert!(customers.as_array().unwrap().len() >= before as usize);

    // It is a database like any other.
    let server = target.serve();
    assert_eq!(server.key, None);
    assert_eq!(server.get("/v1/customers/ext:c-0", &key).0, 200);
    server.stop();

    let refused = target.run(&["restore", &copy]).refused();
    assert!(refused.contains("is not empty") && refused.contains("nothing is ever overwritten"), "{refused}");
    let refused = installation.run(&["backup", &copy]).refused();
    assert!(refused.contains("is not empty"), "{refused}");
}

#[test]
fn a_damaged_backup_restores_nothing() {
    on_both(|installation| {
        installation.set_up();
        installation.run(&["backup", "copy"]).good();
        let name =
            if installation.path("copy/core.db").exists() { "copy/core.db" } else { "copy/database.dump" };
        let (file, target) = (installation.path(name), Installation::sqlite());
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let copy = installation.path("copy").display().to_string();
        if name.ends_with("core.db") {
            let refused = target.run(&["restore", &copy]).refused();
            assert!(
                refused.contains("core.db: its checksum is another") && refused.contains("older backup"),
                "{refused}"
            );
        } else {
            // Of the other engine.
            let refused = target.run(&["restore", &copy]).refused();
            assert!(refused.contains("This is a backup of PostgreSQL"), "{refused}");
            let refused = installation.run(&["restore", &copy]).refused();
            assert!(refused.contains("database.dump: its checksum is another"), "{refused}");
        }
        assert!(!target.path("data").exists());
        fs::remove_file(installation.path("copy/manifest.json")).unwrap();
        let refused = target.run(&["restore", &copy]).refused();
        assert!(refused.contains("is no backup"), "{refused}");
    });
}

#[test]
fn a_forged_backup_is_not_restored() {
    // Every checksum right, but a fact changed: the chain tells.
    let installation = Installation::sqlite();
    installation.set_up();
    let core = rusqlite::Connection::open(installation.path("data/core.db")).unwrap();
    core.execute("UPDATE fact SET actor = 'somebody' WHERE seq = 2", []).unwrap();
    core.close().unwrap();
    installation.run(&["backup", "copy"]).good();
    let target = Installation::sqlite();
    let copy = installation.path("copy").display().to_string();
    let refused = target.run(&["restore", &copy]).refused();
    assert!(refused.contains("Fact 2 is missing or was changed"), "{refused}");
    assert!(!target.path("data").exists(), "nothing that looks like a database is left");
    assert_eq!(fs::read_dir(target.path("")).unwrap().count(), 0);
}

#[test]
fn without_the_tools_of_postgres_the_error_says_so() {
    let Some(installation) = Installation::postgres() else { return };
    installation.set_up();
    let ended = installation.command(&["backup", "copy"]).env("PATH", "/nowhere").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("pg_dump is not installed") && said.contains("postgresql-client"), "{said}");
}
