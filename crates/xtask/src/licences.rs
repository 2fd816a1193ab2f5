//! `cargo xtask licences`: may we ship what we build on, and does it come from where it should?

use cargo_metadata::{MetadataCommand, Package};
use spdx::{Expression, Licensee, ParseMode};

use crate::{Outcome, root};

/// Licences that let an Apache-2.0 program be given away with the crate inside. A crate must offer at
/// least one way to use it under these alone. A licence that asks more (copyleft, even per file) is a
/// decision: weigh it, then add it here with its reason.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The one place crates may come from: no git address, no other registry, no folder outside the workspace.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every third-party crate of the lock file, for all platforms and for tests too.
///
/// # Errors
/// Naming each offending crate and what is wrong with it.
pub fn run() -> Outcome {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .map_err(|error| format!("the list of crates cannot be read: {error}"))?;
    let allowed = allowed()?;
    let foreign =
        metadata.packages.iter().filter(|package| !metadata.workspace_members.contains(&package.id));
    let (mut count, mut offenders) = (0, Vec::new());
    for package in foreign {
        count += 1;
        if let Err(reason) = judge(package, &allowed) {
            offenders.push(format!("{} {}: {reason}", package.name, package.version));
        }
    }
    if offenders.is_empty() {
        println!("{count} third-party crates, all from crates.io and under allowed licences");
        return Ok(());
    }
    Err(format!("{} of {count} third-party crates:\n  {}", offenders.len(), offenders.join("\n  ")))
}

fn allowed() -> Result<Vec<Licensee>, String> {
    ALLOWED
        .iter()
        .map(|licence| Licensee::parse(licence).map_err(|error| format!("ALLOWED: {licence}: {error}")))
        .collect()
}

fn judge(package: &Package, allowed: &[Licensee]) -> Outcome {
    match &package.source {
        Some(source) if source.repr == REGISTRY => {}
        Some(source) => return Err(format!("comes from {source}, not from crates.io")),
        None => return Err(format!("is a folder outside the workspace ({})", package.manifest_path)),
    }
    let licence =
        package.license.as_deref().ok_or("names no licence; read its files and choose another crate")?;
    if is_allowed(licence, allowed)? { Ok(()) } else { Err(format!("licence {licence} is not allowed")) }
}

/// Whether the licence expression can be met with the allowed licences alone.
fn is_allowed(licence: &str, allowed: &[Licensee]) -> Result<bool, String> {
    // Lax: older crates write "MIT/Apache-2.0" for OR.
    let expression = Expression::parse_mode(licence, ParseMode::LAX)
        .map_err(|error| format!("licence {licence} cannot be read: {error}"))?;
    Ok(expression.evaluate(|required| allowed.iter().any(|licensee| licensee.satisfies(required))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_allowed_way_is_enough_but_must_be_whole() {
        let allowed = allowed().unwrap();
        let yes = [
            "MIT",
            "MIT/Apache-2.0",
            "MIT OR LGPL-2.1-or-later",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ];
        for licence in yes {
            assert_eq!(is_allowed(licence, &allowed), Ok(true), "{licence}");
        }
        for licence in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "MPL-2.0", "LicenseRef-Own"] {
            assert_eq!(is_allowed(licence, &allowed), Ok(false), "{licence}");
        }
        assert!(is_allowed("as you like", &allowed).is_err());
    }
}
