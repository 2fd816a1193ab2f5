//! The SDKs of others, with only the address changed. They run in Node.js; where that, npm or its registry is not there
//! the test is skipped, and says so.

mod openfeature;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::on_both;

/// A folder with the SDKs; none where they cannot be had.
fn sdks() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("package.json"), include_str!("package.json")).unwrap();
    fs::write(folder.join("send.mjs"), include_str!("send.mjs")).unwrap();
    if folder.join("node_modules/lago-javascript-client").is_dir() {
        return Some(folder);
    }
    let install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"];
    let installed = Command::new("npm")
        .args(install)
        .current_dir(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    installed.is_ok_and(|status| status.success()).then_some(folder)
}

#[test]
fn the_sdks_of_openmeter_lago_and_cloudevents_work_with_only_the_address_changed() {
    let Some(folder) = sdks() else {
        eprintln!("skipped: Node.js, npm or its registry is missing, so that no SDK can be run");
        return;
    };
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let address = format!("http://{}", api.address);
        let ran =
            Command::new("node").arg("send.mjs").args([&address, &house.all]).current_dir(&folder).output();
        let ran = ran.unwrap();
        let (told, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{told}{wrong}");
        let said: Json = serde_json::from_str(&told).unwrap();
        let expected = json!({
            "openmeter": "422", "lago": "one", "batch": 2, "refused": 422, "binary": 200, "structured": 200,
        });
        assert_eq!(said, expected);
        let used = |meter: &str| {
            let path = format!("/v1/meters/{meter}/usage?subscription=ext:measured");
            let answer = api.get(&path).key(&house.all).send().expect(200).json();
            answer["data"][0]["value"].as_str().unwrap().to_owned()
        };
        // Three by OpenMeter, two by Lago, three by CloudEvents; and the one every house has.
        assert_eq!((used("calls").as_str(), used("traffic").as_str()), ("9", "1.5"));
    });
}
