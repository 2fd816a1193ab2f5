//! The mappings that ship with the program, on the rows made up for them.

use std::{fs, path::PathBuf};

use billing::import::{Count, File, Mapping, Options, Report, import};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{advance, environment, issued, sound},
    import::{SKIP, stories, subscriptions},
};

fn load(test: &TestDb, scope: &Scope, mapping: &str, samples: &[&str], options: Options) -> Report {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/import"));
    let text = fs::read_to_string(folder.join(mapping)).unwrap();
    let mapping = Mapping::read(mapping, &text).unwrap();
    let files: Vec<File> = samples.iter().map(|name| File::at(folder.join("samples").join(name))).collect();
    let report = import(&test.db, scope, &mapping, &files, options, &mut |_| {}).unwrap();
    assert_eq!(report.bad, vec![]);
    report
}

const NOW: &str = "2026-01-15T00:00:00Z";

#[test]
fn stripe() {
    let samples = ["stripe-customers.csv", "stripe-subscriptions.csv"];
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let report = load(test, &scope, "stripe.toml", &samples, SKIP);
        assert_eq!((report.customers.loaded, report.subscriptions.loaded, report.skipped), (4, 6, 1));
        assert_eq!(
            subscriptions(test, &scope),
            [
                "sub_alder active professional×1 every year from 2023-09-12T10:00:00Z in 2025-09-12..2026-09-12",
                "sub_alder_old canceled starter×1 every month from 2023-02-01T09:12:00Z in 2023-09-01..2023-10-01 \
                 ends 2023-09-12T10:00:00Z",
                "sub_birch active starter×1 every month from 2023-05-31T17:40:00Z in 2025-12-31..2026-01-31 \
                 trial 2023-06-30 ends 2026-01-31T00:00:00Z",
                "sub_cedar active professional×1 every month from 2024-01-31T08:00:00Z in 2026-01-10..2026-02-10",
                "sub_dogwood trialing starter×1 every month from 2026-01-08T11:00:00Z in 2026-01-08..2026-01-22 \
                 trial 2026-01-22",
                "sub_dogwood_1 suspended enterprise×1 every year from 2025-03-15T00:00:00Z in 2025-03-15..2026-03-15",
            ]
        );
        assert_eq!(
            stories(test, &scope)["sub_birch"],
            [
                "started at 2023-05-31T17:40:00Z trialing",
                "trial_ended at 2023-06-30T17:40:00Z active",
                "cancellation_scheduled at 2026-01-15T00:00:00Z active",
            ]
        );
        advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
        assert_eq!(
            issued(test, &scope),
            ["INV-000001 2026-01-22 USD 49.00", "INV-000002 2026-02-10 USD 199.00"]
        );
        sound(test, &scope);
        let again = load(test, &scope, "stripe.toml", &samples, SKIP);
        assert_eq!(again.subscriptions, Count { loaded: 0, already: 6 });
    });
}

#[test]
fn chargebee() {
    let samples = ["chargebee-customers.csv", "chargebee-subscriptions.csv", "chargebee-addons.csv"];
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let report = load(test, &scope, "chargebee.toml", &samples, SKIP);
        assert_eq!((report.customers.loaded, report.subscriptions.loaded, report.skipped), (3, 5, 1));
        assert_eq!(
            subscriptions(test, &scope),
            [
                "S-1 active starter×1 + extra_user×4 every month from 2024-03-31T08:30:00Z in 2026-01-14..2026-02-14 \
                 trial 2024-04-14",
                "S-2 active professional×1 + extra_user×2 every year from 2024-02-05T00:00:00Z in \
                 2025-02-05..2026-02-05 ends 2026-02-05T00:00:00Z",
                "S-3 canceled professional×1 + extra_user×1 every month from 2024-06-01T00:00:00Z in \
                 2025-01-01..2025-02-01 ends 2025-01-17T12:00:00Z",
                "S-4 paused starter×1 every month from 2025-02-01T00:00:00Z in 2025-10-01..2025-11-01",
                "S-5 trialing starter×1 every month from 2026-01-10T00:00:00Z in 2026-01-10..2026-01-24 \
                 trial 2026-01-24",
            ]
        );
        let people = test.db.read(&scope, |view| identity::customer::list(view, None, 10)).wait().unwrap();
        let mut names: Vec<&str> = people.iter().map(|(_, person)| person.shown()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Bo Ek", "Day, Day & Co", "Lima Ceramics"]);
        advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope), ["INV-000001 2026-02-14 USD 69.00"]);
        sound(test, &scope);
    });
}

#[test]
fn lago() {
    let samples = ["lago-customers.csv", "lago-subscriptions.csv"];
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let report = load(test, &scope, "lago.toml", &samples, SKIP);
        assert_eq!((report.customers.loaded, report.subscriptions.loaded, report.skipped), (3, 3, 1));
        assert_eq!(
            subscriptions(test, &scope),
            [
                "heron-main active enterprise×1 every year from 2024-02-10T09:00:00Z in 2025-03-01..2026-03-01",
                "ibis canceled professional×1 every month from 2024-11-05T10:00:00Z in 2025-04-19..2025-05-19 \
                 trial 2024-11-19 ends 2025-04-30T10:00:00Z",
                "jay active starter×1 every month from 2024-05-15T00:00:00Z in 2026-01-15..2026-02-15 \
                 ends 2026-06-15T00:00:00Z",
            ]
        );
        let stories = stories(test, &scope);
        assert_eq!(
            stories["heron-main"],
            [
                "started at 2024-02-10T09:00:00Z active",
                "changed at 2024-08-20T14:05:00Z active",
                "changed at 2025-03-01T00:00:00Z active",
            ]
        );
        assert_eq!(
            stories["jay"],
            [
                "started at 2024-05-15T00:00:00Z active",
                "paused at 2024-10-15T00:00:00Z paused",
                "resumed at 2025-01-15T00:00:00Z active",
                "cancellation_scheduled at 2026-01-15T00:00:00Z active",
            ]
        );
        assert_eq!(
            stories["ibis"],
            [
                "started at 2024-11-05T10:00:00Z trialing",
                "trial_ended at 2024-11-19T10:00:00Z active",
                "canceled at 2025-04-30T10:00:00Z canceled",
            ]
        );
        sound(test, &scope);
    });
}
