//! What can be wrong from the start, and what is said about it.

use std::{fs, net::TcpListener};

use crate::program::{Installation, books};

#[test]
fn a_port_in_use_is_named() {
    let installation = Installation::sqlite();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let refused = installation.run(&["serve", "--listen", &address]).refused();
    let sentence = format!(
        "error: Another program listens on {address}. Stop it, or choose another port with --listen.\n"
    );
    assert_eq!(refused, sentence);
    assert!(!installation.path("data").exists(), "nothing is made before the port is ours");
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_a_slip() {
    let installation = Installation::sqlite();
    for arguments in
        [&["facts", "verify"][..], &["doctor"], &["migrate"], &["backup", "copy"], &["clock", "show"]]
    {
        let ended = installation.run(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!((ended.out + &ended.err).contains("There is no Steelyard database in"), "{arguments:?}");
    }
    assert!(!installation.path("data").exists() && !installation.path("copy").exists());
}

#[test]
fn a_wrong_database_url_is_named_without_its_password() {
    for url in [
        "postgres://ann:hush@127.0.0.1:1/books",
        "postgres://ann:hush@nowhere.invalid/books",
        "postgres://ann:hush@h/b?sslmode=maybe",
    ] {
        for command in ["migrate", "doctor"] {
            let ended = Installation::at(url).run(&[command]);
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let said = ended.out + &ended.err;
            assert!(
                said.contains("onnect to PostgreSQL") || said.contains("database URL cannot be used"),
                "{said}"
            );
            assert!(!said.contains("hush"), "{said}");
        }
    }
}

#[test]
fn a_damaged_database_is_named_and_left_alone() {
    let installation = Installation::sqlite();
    installation.set_up();
    let core = installation.path("data/core.db");
    // Everything into the one file, so that the log beside it repairs nothing.
    let connection = rusqlite::Connection::open(&core).unwrap();
    connection.pragma_update(None, "journal_mode", "DELETE").unwrap();
    connection.close().unwrap();
    let whole = fs::read(&core).unwrap();

    // Not a database at all.
    fs::write(&core, b"something else entirely, long enough to be read as a header of a hundred bytes or more than that, surely").unwrap();
    for arguments in [&["facts", "verify"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = installation.run(arguments).refused();
        assert!(refused.contains("is damaged") && refused.contains("steelyard restore"), "{refused}");
    }
    let ended = installation.run(&["doctor"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("FAIL  core.db is damaged: file is not a database"), "{}", ended.out);

    // Pages overwritten in the middle.
    let mut torn = whole;
    let middle = torn.len() / 8 * 4;
    torn[middle..middle + 8_192].fill(0x5a);
    fs::write(&core, &torn).unwrap();
    let ended = installation.run(&["doctor"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("FAIL  core.db is damaged"), "{}", ended.out);
    let refused = installation.run(&["backup", "copy"]).refused();
    assert!(refused.contains("damaged"), "{refused}");
    assert!(!installation.path("copy").exists(), "half a backup is left");
}

#[test]
fn a_folder_nobody_may_write_to_is_named() {
    let installation = Installation::sqlite();
    fs::write(installation.path("data"), "a file").unwrap();
    let refused = installation.run(&["serve", "--listen", "127.0.0.1:0"]).refused();
    assert!(refused.contains("cannot be used"), "{refused}");
}

#[test]
fn usage_errors_end_with_two() {
    let installation = Installation::sqlite();
    for arguments in [
        &["nonsense"][..],
        &["serve", "--listen", "here"],
        &["clock", "advance"],
        &["customers", "list", "--limit", "0"],
    ] {
        assert_eq!(installation.run(arguments).code, Some(2), "{arguments:?}");
    }
    assert_eq!(installation.run(&["--version"]).code, Some(0));
}

#[test]
fn a_book_with_mistakes_leaves_the_database_empty() {
    let installation = Installation::sqlite();
    let text = fs::read_to_string(books().join("unison.toml"))
        .unwrap()
        .replace("currency = \"USD\"", "currency = \"US\"");
    fs::write(installation.path("wrong.toml"), text).unwrap();
    let refused = installation.run(&["serve", "--listen", "127.0.0.1:0", "--book", "wrong.toml"]).refused();
    assert!(refused.contains("wrong.toml:"), "{refused}");
    let server = installation.serve();
    assert!(server.key.is_some(), "the next start is the first one");
    server.stop();
}
