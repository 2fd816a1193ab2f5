//! Whether pages are HTML, by the checker of those who write its standard.

use std::{
    process::{Command, Stdio},
    sync::Once,
};

use serde_json::Value as Json;

use crate::package::VNU;

/// What is wrong with pages (a name and its text each), a sentence each; nothing where the checker or Java is missing,
/// which is said once.
///
/// # Panics
/// When the checker cannot be run.
pub fn mistakes<'a>(pages: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    static SAID: Once = Once::new();
    let Some(jar) = VNU.file().filter(|_| java()) else {
        SAID.call_once(|| {
            crate::note("HTML is not checked: the checker or Java is missing (cargo xtask setup)")
        });
        return Vec::new();
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut names = Vec::new();
    for (name, text) in pages {
        std::fs::write(folder.path().join(format!("{:05}.html", names.len())), text)
            .expect("a file is written");
        names.push(name);
    }
    if names.is_empty() {
        return Vec::new();
    }
    let mut checker = Command::new("java");
    checker.arg("-jar").arg(jar).args(["--format", "json", "--errors-only", "--exit-zero-always"]);
    let said = checker.arg(folder.path()).output().expect("the checker runs");
    // It speaks on the channel for errors.
    let said: Json = serde_json::from_slice(&said.stderr).expect("the checker speaks JSON");
    let messages = said["messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| sentence(message, &names)).collect()
}

fn sentence(message: &Json, names: &[&str]) -> String {
    let file = message["url"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let place = file.split('.').next().and_then(|digits| digits.parse::<usize>().ok());
    let name = place.and_then(|place| names.get(place)).copied().unwrap_or(file);
    let text = |field: &str| message[field].as_str().unwrap_or_default();
    format!("{name}, line {}: {} {}", message["lastLine"], text("message"), text("extract"))
}

/// Whether Java answers.
pub fn java() -> bool {
    let mut java = Command::new("java");
    java.arg("-version").stdout(Stdio::null()).stderr(Stdio::null());
    java.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_name_their_page() {
        let good = "<!DOCTYPE html><html lang=\"en\"><title>Good</title><p>Fine</p></html>";
        let bad = "<!DOCTYPE html><html lang=\"en\"><title>Bad</title><p><ul></ul></p></html>";
        let found = mistakes([("good", good), ("bad", bad)]);
        if VNU.file().is_some() && java() {
            assert!(!found.is_empty() && found.iter().all(|one| one.starts_with("bad, line 1")), "{found:?}");
        }
    }
}
