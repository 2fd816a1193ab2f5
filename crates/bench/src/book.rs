//! Price books far larger than any business has: reading one, and the whole command a founder waits for.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use kernel::Result;

use crate::{Figure, ground::raw};

pub fn run() -> Result<Vec<Figure>> {
    let text = book(250);
    let lines = text.lines().count();
    if lines != 6_858 {
        return Err(raw(format!("the book has {lines} lines, not what its figures are called by")));
    }
    let read = || catalog::read("book.toml", &text).map(drop);
    read().map_err(|mistakes| raw(format!("{} mistakes, the first: {}", mistakes.len(), mistakes[0])))?;
    let in_process = best(|| read().map_err(|_| raw("the book reads once only")))?;
    // Every plan, add-on and coupon names something that does not exist.
    let wrong = text.replace("\"plan_", "\"paln_").replace("\"feature_", "\"faeture_");
    let mistaken =
        best(|| catalog::read("book.toml", &wrong).map_or(Ok(()), |_| Err(raw("nothing is wrong"))))?;

    let folder = tempfile::tempdir().map_err(raw)?;
    let (good, bad) = (folder.path().join("book.toml"), folder.path().join("wrong.toml"));
    std::fs::write(&good, &text).map_err(raw)?;
    std::fs::write(&bad, &wrong).map_err(raw)?;
    let command = best(|| check(&good, true))?;
    let command_mistaken = best(|| check(&bad, false))?;
    Ok(vec![
        Figure::new("book read, 6,858 lines", "–", milliseconds(in_process), "ms"),
        Figure::new("book read, 500 mistakes", "–", milliseconds(mistaken), "ms"),
        Figure::new("book check, 6,858 lines", "–", milliseconds(command), "ms"),
        Figure::new("book check, 500 mistakes", "–", milliseconds(command_mistaken), "ms"),
    ])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The least time of a few runs.
fn best(run: impl Fn() -> Result<()>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        run()?;
        best = best.min(started.elapsed());
    }
    Ok(best)
}

/// `steelyard book check FILE`, from its start to its end.
fn check(file: &Path, fine: bool) -> Result<()> {
    let binary = std::env::var_os("STEELYARD_BINARY")
        .map_or_else(|| PathBuf::from("target/release/steelyard"), PathBuf::from);
    let status = Command::new(&binary)
        .args(["book", "check"])
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| raw(format!("{}: {error}", binary.display())))?;
    if status.success() == fine { Ok(()) } else { Err(raw("book check did not say what it should")) }
}

/// A legal book of about 21 lines for each of so many plans, with everything a plan, an add-on and a coupon can have.
fn book(plans: usize) -> String {
    let mut text = String::from("book = 1\nname = \"Large\"\ncurrency = \"USD\"\n\n[features]\n");
    text += "users = { name = \"Users\", kind = \"limit\", unit = \"user\" }\n";
    let mut add = |written: std::fmt::Arguments<'_>| {
        // Writing into a String does not fail.
        let _ = text.write_fmt(written);
    };
    for n in 0..plans {
        add(format_args!("feature_{n} = \"Feature {n}\"\n"));
    }
    add(format_args!("\n[meters]\n"));
    for n in 0..plans {
        add(format_args!(
            "meter_{n} = {{ name = \"Meter {n}\", unit = \"call\", aggregation = \"sum\", decimals = 2, dimensions = [\"region\"] }}\n"
        ));
    }
    for n in 0..plans {
        add(format_args!(
            "other_{n} = {{ name = \"Other {n}\", unit = \"GB\", dimensions = [\"region\"] }}\n"
        ));
    }
    for n in 0..plans {
        add(format_args!("\n[plans.plan_{n}]\nname = \"Plan {n}\"\n"));
        if n % 10 != 0 {
            add(format_args!("builds_on = \"plan_{}\"\n", n - 1));
        }
        add(format_args!(
            "price = {{ per = \"user\", month = \"{n}.25\", year = \"10 % off\", \"2 years\" = \"20 % off\" }}\n"
        ));
        add(format_args!("includes = {{ users = {n} }}\n"));
        add(format_args!("features = [\"feature_{n}\", \"feature_{}\"]\n", (n + 7) % plans));
        add(format_args!(
            "limits = {{ meter_{n} = {{ amount = 1_000, per = \"user\", policy = \"soft\" }} }}\n"
        ));
        add(format_args!("thresholds = {{ at = [\"200\", \"500\"], every = \"1000\" }}\n"));
        add(format_args!("\n[plans.plan_{n}.usage]\nmeter_{n} = {{ graduated = [\n"));
        for tier in 1..4 {
            add(format_args!("    {{ up_to = {}, price = \"0.{}\" }},\n", tier * 1_000, 50 - tier));
        }
        add(format_args!("    {{ price = \"0.01\" }},\n] }}\n"));
        add(format_args!(
            "eu_{n} = {{ meter = \"other_{n}\", name = \"EU\", price = \"0.02\", where = {{ region = \"eu\" }} }}\n"
        ));
    }
    for n in 0..plans / 2 {
        add(format_args!(
            "\n[addons.addon_{n}]\nname = \"Add-on {n}\"\nprice = {{ per = \"user\", month = \"5\" }}\n"
        ));
        add(format_args!("raises = {{ users = 1 }}\nplans = [\"plan_{n}\", \"plan_{}\"]\n", n + 1));
        add(format_args!(
            "\n[coupons.coupon_{n}]\nname = \"Coupon {n}\"\ncode = \"CODE{n}\"\npercent = \"20\"\n"
        ));
        add(format_args!("lasts = \"3 periods\"\napplies_to = [\"plan_{n}\", \"addon_{n}\", \"eu_{n}\"]\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_large_book_is_legal() {
        let text = super::book(250);
        assert_eq!(text.lines().count(), 6_858, "its figures are called by this");
        if let Err(mistakes) = catalog::read("book.toml", &text) {
            panic!("{} mistakes, the first: {}", mistakes.len(), mistakes[0]);
        }
    }
}
