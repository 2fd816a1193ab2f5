//! The rules about the source tree itself: which crate may use which, and where a clock may be read.
//!
//! `tests/arrows.rs` applies them to this workspace. A new crate needs a line in [`may_use`].

use std::io;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The contexts: one business subject each, below the faces `api` and `web`.
const CONTEXTS: &[&str] =
    &["catalog", "rating", "tax", "ledger", "metering", "identity", "billing", "entitlements"];

/// Tools for the makers; every other crate is part of the product.
const TOOLS: &[&str] = &["bench", "testkit", "xtask"];

/// The words that read a clock, and the paths under `crates/` they may stand in; a path that begins
/// with `/` is meant anywhere.
///
/// Business time is an argument; only the kernel's clock reads the machine's. `Instant` measures real
/// time (leases, timeouts), which decides no money; tests may measure with it.
const CLOCKS: &[(&str, &[&str])] = &[
    ("SystemTime::now", &["kernel/src/clock.rs"]),
    ("Timestamp::now", &["kernel/src/clock.rs"]),
    ("Zoned::now", &["kernel/src/clock.rs"]),
    (
        "Instant::now",
        &["kernel/src/clock.rs", "store/src/", "jobs/src/", "server/src/", "/tests/", "/tests.rs"],
    ),
];

/// One crate of the workspace uses another, outside its tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    /// The crate that uses.
    pub from: String,
    /// The crate that is used.
    pub to: String,
}

/// Whether the crate `from` may use the crate `to` outside its tests; `None` for a crate not known here.
pub fn may_use(from: &str, to: &str) -> Option<bool> {
    let context = CONTEXTS.contains(&to);
    let base = ["kernel", "store", "jobs"].contains(&to);
    Some(match from {
        "kernel" => false,
        "store" => to == "kernel",
        "jobs" => ["kernel", "store"].contains(&to),
        "catalog" => base,
        "tax" => to == "kernel",
        "identity" => base || to == "tax",
        "rating" => ["kernel", "catalog"].contains(&to),
        "ledger" => ["kernel", "store"].contains(&to),
        "metering" => ["kernel", "store", "catalog", "rating"].contains(&to),
        "billing" => base || (context && !["billing", "entitlements"].contains(&to)),
        "entitlements" => base || ["catalog", "metering", "identity", "billing"].contains(&to),
        "api" | "web" => base || context,
        "server" => base || context || ["api", "web"].contains(&to),
        "demo" => base || context,
        "steelyard" => base || context || ["demo", "server"].contains(&to),
        "testkit" => !["demo", "server", "steelyard", "xtask"].contains(&to),
        "bench" | "xtask" => true,
        _ => return None,
    })
}

/// The workspace's inner dependencies, those of tests left out.
///
/// # Errors
/// When `cargo metadata` fails for the workspace at `root`.
pub fn arrows(root: &Path) -> Result<Vec<Arrow>, cargo_metadata::Error> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let mut found = Vec::new();
    for package in &metadata.packages {
        let inner = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in inner.filter(|dependency| dependency.kind != DependencyKind::Development) {
            found.push(Arrow { from: package.name.to_string(), to: dependency.name.clone() });
        }
    }
    Ok(found)
}

/// A sentence for each arrow that must not be.
pub fn wrong_arrows(arrows: &[Arrow]) -> Vec<String> {
    arrows
        .iter()
        .filter_map(|Arrow { from, to }| match may_use(from, to) {
            Some(true) => None,
            Some(false) => Some(format!("crate {from} must not depend on {to}")),
            None => Some(format!("crate {from} has no line in may_use (testkit/src/arrows.rs): add one")),
        })
        .collect()
}

/// A sentence for each line under `crates/*/src` that a rule forbids: a clock read outside its place, or
/// the store mentioned where decisions must be pure.
///
/// # Errors
/// When a source file cannot be read.
pub fn wrong_lines(root: &Path) -> io::Result<Vec<String>> {
    let crates = root.join("crates");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&crates)? {
        for file in source_files(&entry?.path().join("src"))? {
            let text = std::fs::read_to_string(&file)?;
            let path = file.strip_prefix(&crates).unwrap_or(&file).to_string_lossy().into_owned();
            wrong.extend(wrong_in(&path, &text));
        }
    }
    wrong.sort();
    Ok(wrong)
}

/// [`wrong_lines`] of one file; `path` is relative to `crates/`. Comments are not code and may say anything.
fn wrong_in(path: &str, text: &str) -> Vec<String> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let say = |number: usize, what: &str| format!("crates/{path}:{}: {what}", number + 1);
    let mut wrong = Vec::new();
    for (number, line) in code {
        if is_pure(path) && mentions(line, "store::") {
            wrong.push(say(number, "pure decisions know no store"));
        }
        for (word, places) in CLOCKS {
            let allowed = is_tool(path) || places.iter().any(|place| is_in(path, place));
            if !allowed && mentions(line, word) {
                wrong.push(say(number, &format!("{word} is read here; time is an argument")));
            }
        }
    }
    wrong
}

fn is_pure(path: &str) -> bool {
    path.ends_with("/rules.rs")
        || path.contains("/rules/")
        || ["rating/src/", "tax/src/"].iter().any(|pure| path.starts_with(pure))
}

fn is_in(path: &str, place: &str) -> bool {
    if place.starts_with('/') { path.contains(place) } else { path.starts_with(place) }
}

fn is_tool(path: &str) -> bool {
    TOOLS.iter().any(|tool| path.split('/').next() == Some(tool))
}

/// Whether `word` stands in `line` as a word of its own: `restore::` does not mention `store::`.
fn mentions(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

/// The `.rs` files in `folder` and below; none when the folder is missing.
fn source_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(source_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(from: &str, to: &str) -> Option<String> {
        wrong_arrows(&[Arrow { from: from.to_owned(), to: to.to_owned() }]).pop()
    }

    #[test]
    fn arrows_point_down() {
        let right = [("store", "kernel"), ("billing", "rating"), ("web", "billing"), ("server", "api")];
        for (from, to) in right {
            assert_eq!(sentence(from, to), None);
        }
        let wrong = [
            ("kernel", "store"),
            ("ledger", "billing"),
            ("rating", "store"),
            ("api", "web"),
            ("web", "api"),
            ("web", "server"),
            ("billing", "billing"),
            ("store", "testkit"),
            ("steelyard", "api"),
            ("testkit", "server"),
        ];
        for (from, to) in wrong {
            assert_eq!(sentence(from, to), Some(format!("crate {from} must not depend on {to}")));
        }
        assert!(sentence("novelty", "kernel").unwrap().contains("add one"));
    }

    #[test]
    fn clocks_are_read_in_their_place_only() {
        let read = "let now = jiff::Timestamp::now();";
        assert_eq!(wrong_in("kernel/src/clock.rs", read), Vec::<String>::new());
        assert_eq!(wrong_in("xtask/src/bench.rs", read), Vec::<String>::new());
        assert_eq!(
            wrong_in("billing/src/run.rs", &format!("\n{read}")),
            ["crates/billing/src/run.rs:2: Timestamp::now is read here; time is an argument"]
        );
        assert_eq!(wrong_in("store/src/sqlite.rs", "Instant::now()"), Vec::<String>::new());
        assert_eq!(wrong_in("store/src/sqlite.rs", "SystemTime::now()").len(), 1);
        assert_eq!(wrong_in("catalog/src/book/tests/hostile.rs", "Instant::now()"), Vec::<String>::new());
        assert_eq!(wrong_in("catalog/src/book/tests.rs", "SystemTime::now()").len(), 1);
        assert_eq!(wrong_in("billing/src/run.rs", "/// Never `Instant::now`."), Vec::<String>::new());
    }

    #[test]
    fn decisions_know_no_store() {
        assert_eq!(wrong_in("billing/src/invoice/rules.rs", "use store::Tx;").len(), 1);
        assert_eq!(wrong_in("rating/src/lib.rs", "    store::read()").len(), 1);
        assert_eq!(wrong_in("billing/src/invoice/ops.rs", "use store::Tx;"), Vec::<String>::new());
        assert_eq!(wrong_in("billing/src/invoice/rules.rs", "restore::all()"), Vec::<String>::new());
    }
}
