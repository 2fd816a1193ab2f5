//! `cargo xtask setup`: brings in what the tests need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::{
    browser, html,
    package::{AXE, Package, VNU},
};

use crate::{Outcome, cargo, execute};

/// Something the tests need that the Rust toolchain alone does not bring.
struct Need {
    /// Its name for people.
    name: &'static str,
    /// Whether this machine has it. Quick: every test run asks.
    present: fn() -> bool,
    /// Tries to install it.
    install: fn() -> Outcome,
    /// What a person does where we cannot.
    by_hand: &'static str,
}

const POSTGRES: Need = Need {
    name: "the PostgreSQL server",
    present: || testkit::postgres::programs().is_some(),
    install: || apt("postgresql"),
    by_hand: "install it, on Debian and Ubuntu with: sudo apt-get install postgresql",
};

const NPM: Need = Need {
    name: "npm",
    present: npm,
    install: || apt("npm"),
    by_hand: "install Node.js with npm, on Debian and Ubuntu with: sudo apt-get install npm",
};

const NEEDS: &[Need] = &[
    POSTGRES,
    NPM,
    Need {
        name: "Chromium, for journeys in a browser",
        present: || browser::program().is_some(),
        install: || apt("chromium"),
        by_hand: "install it, on Debian with: sudo apt-get install chromium",
    },
    Need {
        name: "axe, which looks for what keeps people out of a page",
        present: || AXE.file().is_some(),
        install: || unpack(&AXE),
        by_hand: "have Node.js with npm installed and run this again",
    },
    Need {
        name: "Java, for the checker of HTML",
        present: html::java,
        install: || apt("default-jre-headless"),
        by_hand: "install it, on Debian and Ubuntu with: sudo apt-get install default-jre-headless",
    },
    Need {
        name: "the checker of HTML",
        present: || VNU.file().is_some(),
        install: || unpack(&VNU),
        by_hand: "have Node.js with npm installed and run this again",
    },
    Need {
        name: "Python with pip and venv, for SDKs of others",
        present: python,
        install: || apt("python3-venv"),
        by_hand: "install it, on Debian and Ubuntu with: sudo apt-get install python3-venv",
    },
    Need {
        name: "rustfmt",
        present: || answers(&["fmt", "--version"]),
        install: || component("rustfmt"),
        by_hand: "install it with: rustup component add rustfmt",
    },
    Need {
        name: "clippy",
        present: || answers(&["clippy", "--version"]),
        install: || component("clippy"),
        by_hand: "install it with: rustup component add clippy",
    },
];

/// Installs what is missing and says what is there.
///
/// # Errors
/// Naming everything that is still missing and how to install it.
pub fn run() -> Outcome {
    let mut missing = Vec::new();
    for need in NEEDS {
        match ensure(need) {
            Ok(()) => println!("present: {}", need.name),
            Err(sentence) => missing.push(sentence),
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n       ")) }
}

/// The folder of the PostgreSQL server programs, installed first where they are missing; silent when
/// they are there.
///
/// # Errors
/// Why there are none; the other tests can still run.
pub fn postgres() -> Result<PathBuf, String> {
    ensure(&POSTGRES)?;
    testkit::postgres::programs().ok_or_else(|| format!("{} went away", POSTGRES.name))
}

fn ensure(need: &Need) -> Outcome {
    if (need.present)() {
        return Ok(());
    }
    println!("missing: {}; installing", need.name);
    let reason = match (need.install)() {
        Ok(()) if (need.present)() => return Ok(()),
        Ok(()) => "the installation went through, but it is not found".to_owned(),
        Err(sentence) => sentence,
    };
    Err(format!("missing: {} ({reason}); {}", need.name, need.by_hand))
}

/// Installs a Debian package. The service it brings is not started: tests start a server of their own.
fn apt(package: &str) -> Outcome {
    if !Path::new("/usr/bin/apt-get").is_file() {
        return Err("this machine has no apt-get".to_owned());
    }
    if !is_root() {
        return Err("only root may install packages".to_owned());
    }
    execute(apt_get(&["update", "-q"]))?;
    execute(apt_get(&["install", "-q", "-y", "--no-install-recommends", package]))
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=120"]).args(arguments).stdin(Stdio::null());
    // Run level 1 keeps Debian's scripts from starting the service.
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command
}

/// Gets a package through npm, in the version the tests use, and unpacks it. Nothing of it is run.
fn unpack(package: &Package) -> Outcome {
    ensure(&NPM)?;
    let folder = package.folder();
    // What is there is an older version, or half of one.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut fetch = Command::new("npm");
    fetch.args(["pack", "--silent", &format!("{}@{}", package.name, package.version)]).current_dir(&folder);
    execute(fetch)?;
    let mut open = Command::new("tar");
    open.arg("-xzf").arg(format!("{}-{}.tgz", package.name, package.version)).current_dir(&folder);
    execute(open)
}

/// Whether the registry's client answers.
fn python() -> bool {
    let mut python = Command::new("python3");
    let status =
        python.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn npm() -> bool {
    let mut npm = Command::new("npm");
    npm.arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn component(name: &str) -> Outcome {
    let mut command = Command::new("rustup");
    command.args(["component", "add", name]);
    execute(command)
}

fn answers(arguments: &[&str]) -> bool {
    cargo(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
