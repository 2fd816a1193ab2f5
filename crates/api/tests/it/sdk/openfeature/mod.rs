//! OpenFeature's SDKs of JavaScript (for servers and for web pages) and Python, unchanged. Where they cannot be had a test
//! is skipped, and says so; in CI that is a failure.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, House, on_both},
    ofrep::flags,
};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The SDKs of JavaScript; none where they cannot be had.
fn javascript() -> Option<PathBuf> {
    let folder = folder("openfeature");
    for (name, text) in [
        ("package.json", include_str!("package.json")),
        ("server.mjs", include_str!("server.mjs")),
        ("web.mjs", include_str!("web.mjs")),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"];
    let there = folder.join("node_modules/@openfeature/ofrep-web-provider").is_dir()
        || runs(Command::new("npm").args(install).current_dir(&folder));
    had(there, "Node.js, npm or its registry").then_some(folder)
}

/// A Python that has the SDK; none where it cannot be had.
fn python() -> Option<PathBuf> {
    let folder = folder("openfeature-python");
    let (python, list) = (folder.join("bin/python"), folder.join("requirements.txt"));
    fs::write(folder.join("ask.py"), include_str!("ask.py")).unwrap();
    fs::write(&list, include_str!("requirements.txt")).unwrap();
    let import = ["-c", "import openfeature.contrib.provider.ofrep"];
    let there = runs(Command::new(&python).args(import))
        || (runs(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && runs(
                Command::new(&python).args(["-m", "pip", "install", "--retries=0", "-q", "-r"]).arg(&list),
            ));
    had(there, "Python, its venv module or its registry").then_some(folder)
}

/// Whether something is there. A missing one is said, and is a failure in CI.
fn had(there: bool, what: &str) -> bool {
    if !there {
        assert!(env::var_os("CI").is_none(), "{what} is missing");
        // Past the capture of the test harness: what is skipped must be seen.
        let _ = writeln!(
            io::stderr(),
            "note: tests of OpenFeature's SDKs are skipped: {what} is missing (cargo xtask setup)"
        );
    }
    there
}

fn answer(command: &mut Command) -> Json {
    let ran = command.output().unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}{wrong}");
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}{wrong}"))
}

/// A house with flags, and keys of a server and of a web page.
fn served(api: &Api<'_>) -> (House, String, String, String) {
    let house = api.environment(Mode::Sandbox);
    flags(api, &house);
    let server = api.key(&house.scope, "flag.evaluate flag.read");
    let browser = api.key(&house.scope, "flag.evaluate");
    (house, format!("http://{}", api.address), server, browser)
}

#[test]
fn the_sdk_for_servers_works_unchanged() {
    let Some(folder) = javascript() else { return };
    on_both(|api| {
        let (_, address, server, _) = served(api);
        let said =
            answer(Command::new("node").arg("server.mjs").args([&address, &server]).current_dir(&folder));
        let expected = json!({
            "feature": [true, "TARGETING_MATCH", "on", null],
            "plan": "starter",
            "withheld": [false, "TARGETING_MATCH", "off", null],
            "limit": [1, "TARGETING_MATCH", "1", null],
            "boolean": [true, "TARGETING_MATCH", "on", null],
            "text": ["Welcome", "STATIC", "welcome", null],
            "json": [{ "columns": 3 }, "SPLIT", "wide", null],
            "off": [false, "DISABLED", "off", null],
            "somebody": [false, "DEFAULT", "off", null],
            "nobody": [false, "ERROR", null, "TARGETING_KEY_MISSING"],
            "missing": [true, "ERROR", null, "FLAG_NOT_FOUND"],
            "kind": ["text", "ERROR", null, "TYPE_MISMATCH"],
        });
        assert_eq!(said, expected);
    });
}

#[test]
fn the_sdk_for_web_pages_works_unchanged() {
    let Some(folder) = javascript() else { return };
    on_both(|api| {
        let (house, address, _, browser) = served(api);
        let customer = house.known.customer.to_string();
        let asked = [&address, &browser, &customer];
        let said = answer(Command::new("node").arg("web.mjs").args(asked).current_dir(&folder));
        let expected = json!({
            "feature": [true, "TARGETING_MATCH", "on", null],
            "boolean": [true, "TARGETING_MATCH", "on", null],
            // It is not meant for browsers.
            "hidden": ["none", "ERROR", null, "FLAG_NOT_FOUND"],
            "polled": [[304, true], [304, true]],
            "somebody": [false, "DEFAULT", "off", null],
        });
        assert_eq!(said, expected);
    });
}

#[test]
fn the_sdk_for_python_works_unchanged() {
    let Some(folder) = python() else { return };
    on_both(|api| {
        let (_, address, server, _) = served(api);
        let mut asked = Command::new(folder.join("bin/python"));
        let said = answer(asked.arg("ask.py").args([&address, &server]).current_dir(&folder));
        let expected = json!({
            "feature": [true, "TARGETING_MATCH", "on", null],
            "limit": [1, "TARGETING_MATCH", "1", null],
            "boolean": [true, "TARGETING_MATCH", "on", null],
            "text": ["Welcome", "STATIC", "welcome", null],
            "json": [{ "columns": 3 }, "SPLIT", "wide", null],
            "nobody": [false, "ERROR", null, "TARGETING_KEY_MISSING"],
            "missing": [true, "ERROR", null, "FLAG_NOT_FOUND"],
        });
        assert_eq!(said, expected);
    });
}
