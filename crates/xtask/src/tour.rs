//! `cargo xtask tour`: the pictures of `docs/tour.md`, taken anew of the demo as it is now.

mod pictures;
mod served;

use std::{fs, path::PathBuf, process::Command};

use testkit::browser::Tab;

use crate::{Outcome, cargo, execute, root};
use served::Served;

/// Of which demo, by which program.
#[derive(clap::Args)]
pub struct Arguments {
    /// The program, instead of a release build
    #[arg(long)]
    program: Option<PathBuf>,
    /// The folder of a demo that was made before, instead of a new one
    #[arg(long)]
    demo: Option<PathBuf>,
    /// What happens in the demo
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only pictures whose name contains this
    filter: Option<String>,
}

/// Make a demo in a folder of its own, walk through it in a browser and take the pictures on the way.
///
/// # Errors
/// When the program does not build or serve, or there is no Chromium.
pub fn run(arguments: &Arguments) -> Outcome {
    let program = match &arguments.program {
        Some(program) => std::path::absolute(program).map_err(|error| error.to_string())?,
        None => built()?,
    };
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mut demo = Command::new(program);
    match &arguments.demo {
        Some(made) => _ = demo.arg("--database").arg(made).args(["serve", "--print-link"]),
        None => {
            demo.arg("--database").arg(folder.path().join("data"));
            demo.args(["demo", "--seed", &arguments.seed.to_string()]);
        }
    }
    demo.args(["--listen", "127.0.0.1:0"]);
    let served = Served::start(demo)?;
    let mut tab = Tab::open().ok_or("Chromium is not installed; run: cargo xtask setup")?;
    tab.look(pictures::WIDE, "light");
    tab.go(&served.link);
    tab.follow("Sign in");
    let into = root().join("docs/tour");
    fs::create_dir_all(&into).map_err(|error| format!("{}: {error}", into.display()))?;
    let wanted = |name: &str| arguments.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    for picture in pictures::ALL.iter().filter(|picture| wanted(picture.name)) {
        tab.look(picture.width, picture.scheme);
        (picture.way)(&mut tab, &served.address);
        let file = into.join(format!("{}.webp", picture.name));
        fs::write(&file, tab.picture()).map_err(|error| format!("{}: {error}", file.display()))?;
        println!("taken: docs/tour/{}.webp", picture.name);
    }
    Ok(())
}

/// A release build of the program.
fn built() -> Result<PathBuf, String> {
    execute(cargo(&["build", "--quiet", "--release", "--package", "steelyard"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release/steelyard"))
}
