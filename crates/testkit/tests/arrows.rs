//! The architecture's arrows and places, kept by a test over the workspace as it is.

use std::path::Path;

use testkit::arrows;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn crates_depend_only_downwards() {
    let found = arrows::arrows(root()).unwrap();
    assert!(found.iter().any(|arrow| arrow.from == "store" && arrow.to == "kernel"), "nothing was read");
    let wrong = arrows::wrong_arrows(&found);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn clocks_and_stores_stay_in_their_places() {
    let wrong = arrows::wrong_lines(root()).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
