//! Bringing customers in from a file.

use billing::import::{Choice, Mapping, Report, customers};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{advance, environment, issued, sound},
};

const MAPPING: &str = r#"
[columns]
external_id = "id"
name = "company"
country = "land"
start = "since"
plan = "tier"

[plans]
Basic = "starter"
Pro = "professional"
Top = "enterprise"

[counts]
users = "seats"

[countries]
UK = "GB"

[zones]
US = "America/New_York"
GB = "Europe/London"

[metadata]
branch = "branch"
"#;

const FILE: &str = "\
id,company,branch,land,since,tier,seats
1,Acme,Steel,US,2025-10-31,Basic,9
2,\"Bell, Ltd\",Bells,UK,2025-12-05,Pro,30
3,Crane,Cranes,DE,2026-01-01,Top,900
";

fn load(test: &TestDb, scope: &Scope, mapping: &str, file: &str, choice: Choice) -> kernel::Result<Report> {
    let mapping = Mapping::read("mapping.toml", mapping)?;
    customers(&test.db, scope, &mapping, file.as_bytes(), choice, &mut |_, _| {})
}

#[test]
fn good_rows_become_customers_that_are_billed_from_their_next_period() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-15T00:00:00Z");
        let report = load(test, &scope, MAPPING, FILE, Choice::LoadGood).unwrap();
        assert_eq!(report, Report { loaded: 3, already: 0, bad: vec![] });
        assert_eq!(issued(test, &scope), Vec::<String>::new(), "the past is not billed");
        advance(test, &scope, "2026-02-10T00:00:00Z").unwrap();
        assert_eq!(
            issued(test, &scope),
            [
                "INV-000001 2026-01-31 USD 79.00",  // Starter and six more users
                "INV-000002 2026-02-01 USD 999.00", // Enterprise, users unlimited
                "INV-000003 2026-02-05 USD 224.00", // Professional and five more users
            ]
        );
        let again = load(test, &scope, MAPPING, FILE, Choice::LoadGood).unwrap();
        assert_eq!(again, Report { loaded: 0, already: 3, bad: vec![] });
        sound(test, &scope);
    });
}

#[test]
fn bad_rows_are_named_and_the_good_ones_loaded_or_nothing() {
    let file = "\
id,company,branch,land,since,tier,seats
1,Acme,Steel,US,2025-10-31,Basic,9
2,Bell,Bells,XY,2025-12-05,Pro,30
3,Crane,Cranes,DE,2026-02-30,Top,900
4,Dull,D,DE,2026-01-01,Gold,9
5,,E,DE,2026-01-01,Basic,9
6,Fern,F,DE,2026-01-01,Basic,nine
1,Acme again,Steel,US,2025-10-31,Basic,9
7,Gull,G,DE,2027-01-01,Basic,1
8,Hill
";
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-15T00:00:00Z");
        let nothing = load(test, &scope, MAPPING, file, Choice::AllOrNothing).unwrap();
        assert_eq!((nothing.loaded, nothing.bad.len()), (0, 8));
        let report = load(test, &scope, MAPPING, file, Choice::LoadGood).unwrap();
        assert_eq!(report.loaded, 1);
        let named: Vec<String> = report
            .bad
            .iter()
            .map(|row| {
                format!(
                    "{} {} {:?}: {}",
                    row.line,
                    row.column.as_deref().unwrap_or("-"),
                    row.value,
                    row.reason
                )
            })
            .collect();
        assert_eq!(
            named,
            [
                "3 land \"XY\": this is not a country code. Use two capital letters as in ISO 3166-1, such as DE or US",
                "4 since \"2026-02-30\": this is not a date. Write it like 2026-01-31",
                "5 tier \"Gold\": the mapping and the price book know no such plan",
                "6 company \"\": this must not be empty",
                "7 seats \"nine\": this is not a whole number from 0 to 1000000000",
                "8 id \"1\": line 2 has the same id",
                "9 since \"2027-01-01\": the start lies in the future; it is 2026-01-15T00:00:00Z here",
                "10 land \"\": the country is missing",
            ]
        );
    });
}

#[test]
fn a_mapping_that_does_not_fit_is_refused_before_anything_is_read() {
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, "2026-01-15T00:00:00Z");
    let refused = |mapping: &str, file: &str| {
        let error = load(&test, &scope, mapping, file, Choice::LoadGood).unwrap_err();
        (error.code, error.detail)
    };
    let (code, detail) = refused("[columns]\nexternal = \"id\"\n", FILE);
    assert_eq!(code, "mapping_invalid");
    assert!(detail.starts_with("mapping.toml:2:1: unknown field `external`"), "{detail}");
    let (code, detail) = refused(&MAPPING.replace("\"seats\"", "\"users\""), FILE);
    assert_eq!((code, detail.contains("no column \"users\"")), ("column_missing", true));
    assert_eq!(refused(&MAPPING.replace("\"starter\"", "\"startr\""), FILE).0, "mapping_invalid");
    assert_eq!(refused(&MAPPING.replace("users =", "desks ="), FILE).0, "mapping_invalid");
    let latin1 = b"id,company,branch,land,since,tier,seats\n1,M\xfcller,x,DE,2026-01-01,Basic,1\n";
    let mapping = Mapping::read("m", MAPPING).unwrap();
    let report =
        customers(&test.db, &scope, &mapping, &latin1[..], Choice::LoadGood, &mut |_, _| {}).unwrap();
    assert_eq!(report.bad[0].reason, "this row is not UTF-8");
}
