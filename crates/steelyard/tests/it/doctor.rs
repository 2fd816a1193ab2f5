//! `steelyard doctor`

use crate::program::{Installation, on_both};

#[test]
fn a_healthy_installation_is_called_so() {
    on_both(|installation| {
        installation.set_up();
        let said = installation.run(&["doctor"]).good();
        assert!(said.contains("ok    the schema is up to date"), "{said}");
        assert!(said.contains("All is well"), "{said}");
        if installation.database().starts_with("postgres://") {
            assert!(said.contains("ok    row-level security guards every table of environments"), "{said}");
            assert!(said.contains("warn  the login passes by row-level security"), "{said}");
        } else {
            assert!(said.contains("ok    core.db is sound"), "{said}");
        }
    });
}

#[test]
fn changed_facts_and_postings_are_found() {
    let installation = Installation::sqlite();
    installation.set_up();
    let core = rusqlite::Connection::open(installation.path("data/core.db")).unwrap();
    core.execute("UPDATE fact SET reason = 'because' WHERE seq = 1", []).unwrap();
    core.close().unwrap();
    let ended = installation.run(&["doctor"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("FAIL  live of Unison: Fact 1 is missing or was changed"), "{}", ended.out);
    let refused = installation.run(&["facts", "verify", "--all"]).refused();
    assert!(
        refused.contains("live of Unison: Fact 1") && refused.contains("sandbox of Unison: Fact 1"),
        "{refused}"
    );
}

#[test]
fn what_an_older_release_did_not_count_is_found_and_counted_again() {
    let installation = Installation::sqlite();
    installation.set_up();
    let core = rusqlite::Connection::open(installation.path("data/core.db")).unwrap();
    core.execute(
        "INSERT INTO row_count (env_id, kind, part, slot, number) SELECT env_id, 'customer', '', 1, 3 FROM environment",
        [],
    )
    .unwrap();
    core.close().unwrap();
    let ended = installation.run(&["doctor"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("are miscounted on the pages"), "{}", ended.out);
    let said = installation.run(&["migrate"]).good();
    assert!(said.contains("were counted again"), "{said}");
    installation.run(&["doctor"]).good();
}

#[test]
fn a_table_without_row_level_security_is_found() {
    let Some(installation) = Installation::postgres() else { return };
    installation.set_up();
    let mut client = postgres::Client::connect(installation.database(), postgres::NoTls).unwrap();
    client.batch_execute("ALTER TABLE customer DISABLE ROW LEVEL SECURITY").unwrap();
    let ended = installation.run(&["doctor"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("FAIL  row-level security does not guard customer"), "{}", ended.out);
}

#[test]
fn an_ordinary_login_is_enough_and_is_told_what_backups_need() {
    let Some(installation) = Installation::postgres() else { return };
    // Makes the restricted roles, which belong to the whole server.
    Installation::postgres().expect("there is a server").set_up();
    let mut owner = postgres::Client::connect(installation.database(), postgres::NoTls).unwrap();
    let database: String = owner.query_one("SELECT current_database()::text", &[]).unwrap().get(0);
    let login = format!("login_{database}");
    let ordinary = format!(
        "CREATE ROLE {login} LOGIN PASSWORD 'hush';
         GRANT steelyard_app, steelyard_system TO {login};
         ALTER DATABASE {database} OWNER TO {login}"
    );
    owner.batch_execute(&ordinary).unwrap();
    let (scheme, rest) = installation.database().split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let plain = Installation::at(&format!("{scheme}://{login}:hush@{host}"));

    plain.set_up();
    let said = plain.run(&["doctor"]).good();
    let refused = plain.run(&["backup", "copy"]).refused();
    let undo = format!(
        "ALTER DATABASE {database} OWNER TO CURRENT_USER; DROP OWNED BY {login} CASCADE; DROP ROLE {login}"
    );
    owner.batch_execute(&undo).unwrap();

    assert!(said.contains("ok    the login is an ordinary one"), "{said}");
    assert!(refused.contains("BYPASSRLS") && !refused.contains("hush"), "{refused}");
}
