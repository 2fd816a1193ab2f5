//! Bringing customers and subscriptions in from files.

use std::collections::BTreeMap;

use billing::import::{Count, File, Finding, Mapping, OnBad, Options, Progress, Report, import};
use jiff::Timestamp;
use store::{Mode, Scope, facts};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{advance, environment, issued, sound},
};

/// Every row is a customer and its subscription.
const BOTH: &str = r#"
[customer]
id = "id"
name = "company"
country = "land"

[customer.metadata]
branch = "branch"

[subscription]
id = "id"
customer = "id"
plan = "tier"
start = "since"

[subscription.counts]
users = "seats"

[plans]
Basic = "starter"
Pro = "professional"
Top = "enterprise"

[countries]
UK = "GB"

[zones]
US = "America/New_York"
GB = "Europe/London"
"#;

const ROWS: &str = "\
id,company,branch,land,since,tier,seats
1,Acme,Steel,US,2025-10-31,Basic,9
2,\"Bell, Ltd\",Bells,UK,2025-12-05,Pro,30
3,Crane,Cranes,DE,2026-01-01,Top,900
";

const NOW: &str = "2026-01-15T00:00:00Z";

pub const SKIP: Options = Options { on_bad: OnBad::Skip, dry_run: false, only_customers: false };
const STOP: Options = Options { on_bad: OnBad::Stop, ..SKIP };
const DRY: Options = Options { dry_run: true, ..SKIP };

fn load(
    test: &TestDb,
    scope: &Scope,
    mapping: &str,
    files: &[(&str, &str)],
    options: Options,
) -> kernel::Result<Report> {
    let mapping = Mapping::read("mapping.toml", mapping)?;
    let files: Vec<File> = files.iter().map(|(name, text)| File::of(*name, text.as_bytes())).collect();
    import(&test.db, scope, &mapping, &files, options, &mut |_| {})
}

fn count(loaded: u64, already: u64) -> Count {
    Count { loaded, already }
}

fn findings(found: &[Finding]) -> Vec<String> {
    let text = |found: &Finding| {
        let Finding { file, line, column, value, reason } = found;
        format!("{file}:{line} {} {value:?}: {reason}", column.as_deref().unwrap_or("-"))
    };
    found.iter().map(text).collect()
}

/// Subscriptions by their external ids: state, plan, cycle, start, the period in local dates, and the end.
pub fn subscriptions(test: &TestDb, scope: &Scope) -> Vec<String> {
    let all = test.db.read(scope, |view| billing::subscription::list(view, None, 10_000)).wait().unwrap();
    let mut all: Vec<String> = all
        .iter()
        .map(|one| {
            let items: Vec<String> =
                one.active_items().map(|item| format!("{}×{}", item.key, item.quantity)).collect();
            let ends = one.ends.map(|ends| format!(" ends {ends}")).unwrap_or_default();
            let trial = one.trial_end.map(|end| format!(" trial {}", end.date)).unwrap_or_default();
            format!(
                "{} {} {} every {} from {} in {}..{}{trial}{ends}",
                one.external_id.as_deref().unwrap_or("-"),
                one.state.word(),
                items.join(" + "),
                one.schedule.cycle,
                one.started,
                one.period.start.date,
                one.period.end.date,
            )
        })
        .collect();
    all.sort();
    all
}

/// What happened to each subscription, by its external id: `type at effective`.
pub fn stories(test: &TestDb, scope: &Scope) -> BTreeMap<String, Vec<String>> {
    let all = test.db.read(scope, |view| {
        let subscriptions = billing::subscription::list(view, None, 10_000)?;
        let facts = facts::feed(view, 0, 100_000)?;
        Ok(subscriptions
            .into_iter()
            .map(|one| {
                let told = facts.iter().filter(|fact| fact.subject.uuid == one.id.uuid());
                let told = told.map(|fact| {
                    let word = fact.kind.trim_start_matches("subscription.");
                    format!("{word} at {} {}", fact.effective, fact.payload["state"].as_str().unwrap_or("-"))
                });
                (one.external_id.unwrap_or_default(), told.collect())
            })
            .collect())
    });
    all.wait().unwrap()
}

#[test]
fn good_rows_become_customers_that_are_billed_from_their_next_period() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let report = load(test, &scope, BOTH, &[("rows.csv", ROWS)], STOP).unwrap();
        assert_eq!((report.customers, report.subscriptions), (count(3, 0), count(3, 0)));
        assert_eq!((report.bad_rows, report.states), (0, BTreeMap::from([("active", 3)])));
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
        let again = load(test, &scope, BOTH, &[("rows.csv", ROWS)], STOP).unwrap();
        assert_eq!((again.customers, again.subscriptions), (count(0, 3), count(0, 3)));
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
9,Ivy,I,DE,2026-01-01,Basic,1,more
10,Jay,J,,2026-01-01,Basic,1
11,Kite,K,DE,,Basic,1
a b,Lark,L,DE,2026-01-01,Basic,1
";
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let nothing = load(test, &scope, BOTH, &[("rows.csv", file)], STOP).unwrap();
        assert_eq!((nothing.only_checked, nothing.bad_rows), (true, 12));
        assert_eq!(
            (nothing.customers, nothing.subscriptions),
            (count(6, 0), count(1, 0)),
            "as they would be"
        );
        assert_eq!(subscriptions(test, &scope), Vec::<String>::new());
        let report = load(test, &scope, BOTH, &[("rows.csv", file)], SKIP).unwrap();
        assert_eq!((report.customers, report.subscriptions), (count(6, 0), count(1, 0)));
        assert_eq!(report.bad, nothing.bad);
        assert_eq!(
            findings(&report.bad),
            [
                "rows.csv:3 land \"XY\": this is not a country code. Use two capital letters as in ISO 3166-1, such as DE or US",
                "rows.csv:4 since \"2026-02-30\": this is not a date that exists and is written like 2026-01-31 or 2026-01-31T09:30:00Z",
                "rows.csv:5 tier \"Gold\": the mapping and the price book know no such plan",
                "rows.csv:6 company \"\": this must not be empty",
                "rows.csv:7 seats \"nine\": this is not a whole number from 0 to 1000000000",
                "rows.csv:8 id \"1\": line 2 of rows.csv has the same id",
                "rows.csv:9 since \"2027-01-01\": the start lies in the future; it is 2026-01-15T00:00:00Z here",
                "rows.csv:10 - \"8\": this row has 2 cells and the heading 7; is it cut off?",
                "rows.csv:11 - \"9\": this row has 8 cells and the heading 7; is a separator not quoted?",
                "rows.csv:12 land \"\": the country is missing",
                "rows.csv:13 since \"\": this must not be empty",
                "rows.csv:14 id \"a b\": an external id has 1 to 100 letters, digits or signs, without spaces and slashes",
            ]
        );
        sound(test, &scope);
    });
}

#[test]
fn a_mapping_that_does_not_fit_is_refused_before_anything_is_read() {
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, NOW);
    let refused = |mapping: &str, file: &str| {
        let error = load(&test, &scope, mapping, &[("rows.csv", file)], SKIP).unwrap_err();
        (error.code, error.detail)
    };
    let (code, detail) = refused("[customer]\nident = \"id\"\n", ROWS);
    assert_eq!(code, "mapping_invalid");
    assert!(detail.starts_with("mapping.toml:2:1: unknown field `ident`"), "{detail}");
    let (code, detail) = refused("[customer]\nid = 7\nname = \"n\"", ROWS);
    assert_eq!(code, "mapping_invalid");
    assert!(detail.contains("mapping.toml:2:6: ") && detail.contains("the name of a column"), "{detail}");
    let (code, detail) = refused(&BOTH.replace("\"tier\"", "\"rank\""), ROWS);
    assert_eq!(code, "column_missing", "{detail}");
    let (code, detail) =
        refused(&BOTH.replace("\"company\"", "\"firm\"").replace("\"tier\"", "\"rank\""), ROWS);
    assert_eq!(code, "column_missing");
    assert!(
        detail.starts_with(
            "rows.csv lacks columns the mapping names, or has them twice: [customer] needs \"firm\"; \
             [subscription] needs \"rank\". It has \"id\", \"company\""
        ),
        "{detail}"
    );
    assert_eq!(refused(BOTH, "id,company,land,branch,since,tier,seats,tier\n").0, "column_missing", "twice");
    assert_eq!(refused(&BOTH.replace("\"starter\"", "\"startr\""), ROWS).0, "mapping_invalid");
    assert_eq!(refused(&BOTH.replace("users =", "desks ="), ROWS).0, "mapping_invalid");
    assert_eq!(refused("[plans]\n", ROWS).0, "mapping_invalid");
    let customers = "[customer]\nid = \"id\"\nname = \"company\"\n";
    assert!(refused(customers, ROWS).1.contains("no part [subscription]"));
    assert_eq!(refused(&format!("{BOTH}\n[addons]\nx = \"y\""), ROWS).0, "mapping_invalid");
}

#[test]
fn files_are_read_within_limits_and_in_the_usual_spellings() {
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, NOW);
    let mapping = Mapping::read("m", BOTH).unwrap();
    let read =
        |bytes: Vec<u8>| import(&test.db, &scope, &mapping, &[File::of("f.csv", bytes)], DRY, &mut |_| {});
    let good = |bytes: Vec<u8>| {
        let report = read(bytes).unwrap();
        assert_eq!((report.subscriptions, findings(&report.bad)), (count(3, 0), vec![]));
    };
    good(ROWS.into());
    good(format!("\u{feff}{ROWS}").into());
    good(ROWS.replace("\"Bell, Ltd\"", "Bell").replace(',', ";").into());
    good(ROWS.replace("\"Bell, Ltd\"", "Bell").replace(',', "\t").replace('\n', "\r\n").into());
    good(ROWS.replace("\"Bell, Ltd\"", "Bell").replace(',', " , ").into());
    let latin1 =
        [ROWS.as_bytes(), b"4,M\xfcller,x,DE,2026-01-01,Basic,1\n5,E,E,DE,2026-01-01,Basic,1\n"].concat();
    let report = read(latin1).unwrap();
    assert_eq!(findings(&report.bad), ["f.csv:5 - \"\": this row is not UTF-8"]);
    assert_eq!(report.subscriptions, count(4, 0));
    let refused = |bytes: Vec<u8>| {
        let error = read(bytes).unwrap_err();
        assert_eq!(error.code, "file_unreadable", "{error:?}");
        error.detail
    };
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(ROWS.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(refused(utf16), "f.csv cannot be read: it is UTF-16; save it as CSV in UTF-8.");
    assert!(refused(b"PK\x03\x04rest".to_vec()).contains("save the table as CSV"));
    let open_quote = format!("{ROWS}4,\"Open{}", "x,y\n".repeat(200_000));
    assert!(refused(open_quote.into()).contains("a row is longer than 256 KiB; is a quote left open?"));
    assert!(refused("a,".repeat(1_001).into()).contains("more than 1000 columns"));
    let none = File::at("/nowhere/none.csv");
    let error = import(&test.db, &scope, &mapping, &[none], DRY, &mut |_| {}).unwrap_err();
    assert!(error.detail.starts_with("none.csv cannot be read: "), "{error:?}");
}

/// Customers in one file, subscriptions of every kind in another.
const TWO: &str = r#"
[customer]
id = "key"
name = ["company", { join = ["first", "last"] }]
country = { value = "US" }
zone = "zone"

[subscription]
id = "sub"
customer = "key"
plan = "plan"
cycle = { optional = "cycle" }
start = "start"
end = "end"
state = { optional = "state" }
since = { optional = "since" }
trial = { optional = "trial" }
trial_end = { optional = "trial_end" }
next_period = { optional = "next" }
renews = { optional = "renews" }
has_method = { optional = "card" }

[subscription.skip]
plan = ["test"]
"#;

const CUSTOMERS: &str = "\
key,company,first,last,zone
a,Acme,,,UTC
b,,Bea,Bell,America/New_York
c,Crane,,,Europe/Berlin
";

#[test]
fn histories_are_told_as_they_were_and_nothing_of_them_is_billed() {
    let mapping = format!("{TWO}\n[trial]\nover = \"canceled\"\n");
    let file = "\
sub,key,plan,start,end,state,since,trial,trial_end,renews
1,a,starter,2024-05-31,,,,,,
2,a,starter,2023-02-01,2023-09-12,,,,,
3,b,professional,2025-01-10,,paused,2025-12-20,,,
4,b,starter,2026-01-10,,,,yes,,
5,b,starter,2025-06-10,,,,yes,,
6,c,starter,2025-06-10,2025-07-01,,,yes,,
7,c,starter,2025-06-10,,active,,,2025-06-20,
8,c,starter,2025-06-10,,suspended,2025-11-11,,,
9,c,starter,2025-06-10,,,,,,no
10,c,starter,2025-06-10,2026-04-10,,,,,
11,c,test,2025-06-10,,,,,,
";
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let files = [("customers.csv", CUSTOMERS), ("subscriptions.csv", file)];
        let report = load(test, &scope, &mapping, &files, STOP).unwrap();
        assert_eq!(findings(&report.bad), Vec::<String>::new());
        assert_eq!((report.customers, report.subscriptions, report.skipped), (count(3, 0), count(10, 0), 1));
        assert_eq!(
            report.states,
            BTreeMap::from([
                ("active", 4),
                ("canceled", 3),
                ("paused", 1),
                ("suspended", 1),
                ("trialing", 1)
            ])
        );
        assert_eq!(
            subscriptions(test, &scope),
            [
                "1 active starter×1 every month from 2024-05-31T00:00:00Z in 2025-12-31..2026-01-31",
                "10 active starter×1 every month from 2025-06-09T22:00:00Z in 2026-01-10..2026-02-10 \
                 ends 2026-04-09T22:00:00Z",
                "2 canceled starter×1 every month from 2023-02-01T00:00:00Z in 2023-09-01..2023-10-01 \
                 ends 2023-09-12T00:00:00Z",
                "3 paused professional×1 every month from 2025-01-10T05:00:00Z in 2025-12-10..2026-01-10",
                "4 trialing starter×1 every month from 2026-01-10T05:00:00Z in 2026-01-10..2026-01-24 \
                 trial 2026-01-24",
                "5 canceled starter×1 every month from 2025-06-10T04:00:00Z in 2025-06-10..2025-06-24 \
                 trial 2025-06-24 ends 2025-06-24T04:00:00Z",
                "6 canceled starter×1 every month from 2025-06-09T22:00:00Z in 2025-06-10..2025-07-01 \
                 trial 2025-07-01 ends 2025-06-30T22:00:00Z",
                "7 active starter×1 every month from 2025-06-09T22:00:00Z in 2025-12-20..2026-01-20 \
                 trial 2025-06-20",
                "8 suspended starter×1 every month from 2025-06-09T22:00:00Z in 2025-11-10..2025-12-10",
                "9 active starter×1 every month from 2025-06-09T22:00:00Z in 2026-01-10..2026-02-10 \
                 ends 2026-02-09T23:00:00Z",
            ]
        );
        let stories = stories(test, &scope);
        assert_eq!(stories["1"], ["started at 2024-05-31T00:00:00Z active"]);
        assert_eq!(
            stories["2"],
            ["started at 2023-02-01T00:00:00Z active", "canceled at 2023-09-12T00:00:00Z canceled"]
        );
        assert_eq!(stories["3"][1], "paused at 2025-12-20T05:00:00Z paused");
        assert_eq!(
            stories["5"],
            ["started at 2025-06-10T04:00:00Z trialing", "trial_ended at 2025-06-24T04:00:00Z canceled"]
        );
        assert_eq!(stories["6"][1], "trial_ended at 2025-06-30T22:00:00Z canceled");
        assert_eq!(stories["7"][1], "trial_ended at 2025-06-19T22:00:00Z active");
        assert_eq!(stories["8"][1], "suspended at 2025-11-10T23:00:00Z suspended");
        assert_eq!(stories["9"][1], "cancellation_scheduled at 2026-01-15T00:00:00Z active");
        assert_eq!(issued(test, &scope), Vec::<String>::new());
        let reasons = test.db.read(&scope, |view| facts::latest(view, i64::MAX, 5)).wait().unwrap();
        assert!(reasons.iter().all(|fact| fact.reason.as_deref() == Some("import")));

        // Whoever runs is billed as anybody is: 1, 7 and 10 go on, 10 ends in April, 9 has ended, the trial has no card.
        advance(test, &scope, "2026-05-01T00:00:00Z").unwrap();
        let states: Vec<String> = subscriptions(test, &scope)
            .iter()
            .map(|one| one.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            states,
            [
                "1 active",
                "10 canceled",
                "2 canceled",
                "3 paused",
                "4 suspended",
                "5 canceled",
                "6 canceled",
                "7 active",
                "8 suspended",
                "9 canceled"
            ]
        );
        assert_eq!(
            issued(test, &scope).iter().map(|one| &one[11..21]).collect::<Vec<_>>(),
            [
                "2026-01-20",
                "2026-01-31",
                "2026-02-10",
                "2026-02-20",
                "2026-02-28",
                "2026-03-10",
                "2026-03-20",
                "2026-03-31",
                "2026-04-20",
                "2026-04-30"
            ]
        );
        sound(test, &scope);
    });
}

#[test]
fn rows_that_contradict_themselves_are_bad() {
    let file = "\
sub,key,plan,cycle,start,end,state,since,trial,trial_end,next
1,a,starter,,2025-05-31,2025-05-31,,,,,
2,a,starter,,2025-05-31,2025-06-30,active,,,,
3,a,starter,,2025-05-31,,canceled,,,,
4,a,starter,,2025-05-31,,canceled,,,,
5,a,starter,,2025-05-31,,dead,,,,
6,a,starter,,2025-05-31,,,,yes,,
7,a,starter,,2025-05-31,,active,,,2026-03-01,
8,a,starter,week,2025-05-31,,,,,,
9,a,starter,fortnight,2025-05-31,,,,,,
10,d,starter,,2025-05-31,,,,,,
11,a,starter,,2025-05-31,,paused,2025-01-01,,,
12,a,starter,,2025-05-31,,,,,,2025-12-31
13,a,starter,,2025-05-31,,,,,2025-01-01,
14,a,starter,,2025-05-31,,,,perhaps,,
15,bad,starter,,2025-05-31,,,,,,
";
    let customers = format!("{CUSTOMERS}bad,Bad,,,Mars\nc,Crane twice,,,UTC\n");
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, NOW);
    let files = [("s.csv", file), ("c.csv", &customers)];
    let report = load(&test, &scope, TWO, &files, DRY).unwrap();
    assert_eq!(
        findings(&report.bad),
        [
            "s.csv:2 end \"2025-05-31\": the end is not after the start",
            "s.csv:3 state \"active\": it is active, yet it ended on 2025-06-30T00:00:00Z",
            "s.csv:4 end \"\": it is canceled, but when it ended is missing or lies in the future",
            "s.csv:5 end \"\": it is canceled, but when it ended is missing or lies in the future",
            "s.csv:6 state \"dead\": this is no state. Say in [states] whether it means trialing, active, paused, \
             suspended or canceled",
            "s.csv:7 trial \"yes\": its trial ended on 2025-06-14T00:00:00Z; say in the mapping what became of such \
             ([trial] over = \"canceled\", \"suspended\" or \"active\")",
            "s.csv:8 trial_end \"2026-03-01\": it is active, yet its trial ends on 2026-03-01T00:00:00Z",
            "s.csv:9 cycle \"week\": starter has no price for every week in USD. It is sold by month, year in USD",
            "s.csv:10 cycle \"fortnight\": this is not a billing cycle. Use day, week, month, quarter, half_year, \
             year, or 1 to 120 of a unit, such as \"2 weeks\"",
            "s.csv:11 key \"d\": there is no such customer, neither in the files nor from before",
            "s.csv:12 since \"2025-01-01\": what happened on 2025-01-01T00:00:00Z is before the start or after the end",
            "s.csv:13 next \"2025-12-31\": the next period began on 2025-12-31T00:00:00Z already; it is \
             2026-01-15T00:00:00Z here. Export anew",
            "s.csv:14 trial_end \"2025-01-01\": the trial ends before the start",
            "s.csv:15 trial \"perhaps\": this is neither true nor false",
            "s.csv:16 key \"bad\": its customer is bad: line 5 of c.csv",
            "c.csv:5 zone \"Mars\": \"Mars\" is not a time zone. Use an IANA name such as Europe/Berlin or UTC",
            "c.csv:6 key \"c\": line 4 of c.csv has the same id",
        ]
    );
}

#[test]
fn a_broken_off_import_goes_on_and_customers_may_come_first() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let only = Options { only_customers: true, ..STOP };
        let report = load(test, &scope, TWO, &[("c.csv", CUSTOMERS)], only).unwrap();
        assert_eq!((report.customers, report.subscriptions), (count(3, 0), count(0, 0)));
        let missing = load(test, &scope, TWO, &[("c.csv", CUSTOMERS)], STOP).unwrap_err();
        assert_eq!(
            missing.detail,
            "None of the files has the columns of [subscription]. c.csv lacks \"sub\", \"plan\", \"start\", \"end\". \
             Give the file that has them."
        );
        let rows = |count: u32| -> String {
            let rows = (1..=count).map(|n| {
                format!("s{n},{},starter,2025-03-{:02},\n", ["a", "b", "c"][n as usize % 3], n % 28 + 1)
            });
            format!("sub,key,plan,start,end\n{}", rows.collect::<String>())
        };
        let dry = load(test, &scope, TWO, &[("s.csv", &rows(10))], DRY).unwrap();
        assert_eq!((dry.only_checked, dry.subscriptions), (true, count(10, 0)));
        let first = load(test, &scope, TWO, &[("s.csv", &rows(10))], STOP).unwrap();
        assert_eq!(first.subscriptions, count(10, 0));
        let mut seen = Vec::new();
        let files: Vec<File> = [("c.csv", CUSTOMERS.to_owned()), ("s.csv", rows(600))]
            .map(|(name, text)| File::of(name, text.into_bytes()))
            .into();
        let mapping = Mapping::read("m", TWO).unwrap();
        let second = import(&test.db, &scope, &mapping, &files, STOP, &mut |at| seen.push(at)).unwrap();
        assert_eq!((second.customers, second.subscriptions), (count(0, 3), count(590, 10)));
        assert_eq!(seen.first(), Some(&Progress::Checked(3)));
        assert_eq!(seen.last(), Some(&Progress::Loaded(593, 593)));
        assert!(seen.contains(&Progress::Loaded(243, 593)));
        assert_eq!(subscriptions(test, &scope).len(), 600);
        sound(test, &scope);
    });
}

#[test]
fn the_next_period_begins_when_the_former_system_says() {
    let file = "\
sub,key,plan,cycle,start,end,next
agrees,a,starter,month,2025-05-31,,2026-01-31
moved,a,starter,month,2025-05-31,,2026-02-07
prepaid,a,starter,month,2025-05-31,,2026-04-30
yearly,c,starter,year,2024-02-29,,2026-02-28
";
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        load(test, &scope, TWO, &[("c.csv", CUSTOMERS), ("s.csv", file)], STOP).unwrap();
        assert_eq!(
            subscriptions(test, &scope),
            [
                "agrees active starter×1 every month from 2025-05-31T00:00:00Z in 2025-12-31..2026-01-31",
                "moved active starter×1 every month from 2025-05-31T00:00:00Z in 2026-01-07..2026-02-07",
                "prepaid active starter×1 every month from 2025-05-31T00:00:00Z in 2025-12-30..2026-04-30",
                "yearly active starter×1 every year from 2024-02-28T23:00:00Z in 2025-02-28..2026-02-28",
            ]
        );
        advance(test, &scope, "2026-05-15T00:00:00Z").unwrap();
        let dates: Vec<String> = issued(test, &scope).iter().map(|one| one[11..].to_owned()).collect();
        assert_eq!(
            dates,
            [
                "2026-01-31 USD 49.00",
                "2026-02-07 USD 49.00",
                "2026-02-28 USD 529.00",
                "2026-02-28 USD 49.00",
                "2026-03-07 USD 49.00",
                "2026-03-31 USD 49.00",
                "2026-04-07 USD 49.00",
                "2026-04-30 USD 98.00", // one invoice for what falls due together
                "2026-05-07 USD 49.00",
            ]
        );
        sound(test, &scope);
    });
}

#[test]
fn the_running_period_or_the_past_is_billed_where_that_is_asked_for() {
    let file = "\
sub,key,plan,start,end,trial_end
1,a,starter,2025-11-30,,
2,a,starter,2025-11-01,2025-12-24,
";
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let current = format!("{TWO}\n[defaults]\nbill_from = \"current_period\"");
        load(test, &scope, &current, &[("c.csv", CUSTOMERS), ("s.csv", file)], STOP).unwrap();
        assert_eq!(issued(test, &scope), ["INV-000001 2026-01-15 USD 49.00"]);
        let start = format!("{TWO}\n[defaults]\nbill_from = \"start\"");
        let more = "sub,key,plan,start,end,trial_end\n3,b,starter,2025-12-10,,\n4,b,starter,2025-11-10,,2025-11-24\n";
        let report = load(test, &scope, &start, &[("s.csv", more)], SKIP).unwrap();
        assert_eq!(
            findings(&report.bad),
            [
                "s.csv:3 - \"\": its terms changed since its start, so its past cannot be billed. Bill it from the current \
              or the next period"
            ]
        );
        advance(test, &scope, "2026-01-20T00:00:00Z").unwrap();
        assert_eq!(
            issued(test, &scope),
            [
                "INV-000001 2026-01-15 USD 49.00", // 30 December to 30 January
                "INV-000002 2026-01-15 USD 49.00", // from 10 December
                "INV-000003 2026-01-15 USD 49.00", // from 10 January, caught up
            ]
        );
        sound(test, &scope);
    });
}

#[test]
fn changes_and_add_ons_of_their_own_files_are_joined() {
    let mapping = format!(
        "{TWO}{}",
        r#"
[change]
subscription = "of"
at = "when"
event = "what"
plan = "to_plan"
cycle = "to_cycle"
from_plan = "from_plan"

[addon]
subscription = "sub"
addon = "extra"
quantity = "units"

[events]
upgrade = "change"
downgrade = "change"
created = "change"

[addons]
User = "extra_user"
"#
    );
    let subscriptions_file = "\
sub,key,plan,cycle,start,end
1,a,professional,year,2024-01-31,
2,a,starter,month,2024-01-31,2025-01-10
3,a,starter,month,2024-01-31,
4,a,starter,month,2024-01-31,
5,a,starter,month,2024-01-31,
";
    let changes = "\
of,when,what,from_plan,to_plan,to_cycle
1,2025-03-10,upgrade,,,year
1,2024-01-31,created,,starter,month
1,2024-06-15,upgrade,,professional,
2,2024-09-09,downgrade,professional,starter,
3,2024-05-05,upgrade,,starter,
4,2024-05-05,upgrade,starter,professional,
5,2024-05-05,pause,,,
5,2024-08-05,resume,,,
9,2024-05-05,upgrade,starter,professional,
";
    let addons = "sub,extra,units\n1,User,4\n2,Chair,1\n";
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, NOW);
        let files = [
            ("c.csv", CUSTOMERS),
            ("s.csv", subscriptions_file),
            ("changes.csv", changes),
            ("addons.csv", addons),
        ];
        let report = load(test, &scope, &mapping, &files, SKIP).unwrap();
        assert_eq!(
            findings(&report.bad),
            [
                "s.csv:5 - \"\": by its changes it is professional every month, by its own row starter every month",
                "changes.csv:6 to_plan \"starter\": what it was before its first change is missing",
                "changes.csv:10 - \"9\": there is no such subscription in the files",
                "addons.csv:3 extra \"Chair\": the mapping and the price book know no such add-on",
            ]
        );
        assert_eq!(
            subscriptions(test, &scope),
            [
                "1 active professional×1 + extra_user×4 every year from 2024-01-31T00:00:00Z in 2025-03-10..2026-03-10",
                "5 active starter×1 every month from 2024-01-31T00:00:00Z in 2025-12-31..2026-01-31",
            ]
        );
        let stories = stories(test, &scope);
        assert_eq!(
            stories["1"],
            [
                "started at 2024-01-31T00:00:00Z active",
                "changed at 2024-06-15T00:00:00Z active",
                "changed at 2025-03-10T00:00:00Z active",
            ]
        );
        assert_eq!(
            stories["5"][1..],
            ["paused at 2024-05-05T00:00:00Z paused", "resumed at 2024-08-05T00:00:00Z active"]
        );
        let told = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
        let plans: Vec<(String, String)> = told
            .iter()
            .filter(|fact| ["subscription.started", "subscription.changed"].contains(&fact.kind.as_str()))
            .take(3)
            .map(|fact| (fact.payload["items"][0]["key"].to_string(), fact.payload["cycle"].to_string()))
            .collect();
        let pair = |plan: &str, cycle: &str| (format!("{plan:?}"), format!("{cycle:?}"));
        assert_eq!(
            plans,
            [pair("starter", "month"), pair("professional", "month"), pair("professional", "year")]
        );
        sound(test, &scope);
    });
}

#[test]
fn amounts_that_differ_from_the_price_book_are_named() {
    let mapping = format!("{TWO}\n[check]\namount = \"mrr\"\nper = \"month\"\n");
    let file = "\
sub,key,plan,cycle,start,end,mrr
1,a,starter,month,2025-05-31,,49
2,a,starter,month,2025-05-31,,39.00
3,a,starter,year,2025-05-31,,44.08
4,a,starter,month,2025-05-31,,
5,a,starter,month,2025-05-31,,much
";
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, NOW);
    let files = [("c.csv", CUSTOMERS), ("s.csv", file)];
    let report = load(&test, &scope, &mapping, &files, DRY).unwrap();
    assert_eq!(
        findings(&report.notices),
        [
            "s.csv:3 mrr \"39.00\": the price book makes it USD 49.00 every month",
            "s.csv:4 mrr \"44.08\": the price book makes it USD 529.00 every year",
        ]
    );
    assert_eq!((report.subscriptions, report.bad_rows, report.noticed_rows), (count(4, 0), 1, 2));
    let strict = load(&test, &scope, &format!("{mapping}differs = \"bad\"\n"), &files, DRY).unwrap();
    assert_eq!((strict.subscriptions, strict.bad_rows), (count(2, 0), 3));

    // What they paid stays what they pay.
    let agreed = load(&test, &scope, &format!("{mapping}differs = \"agree\"\n"), &files, SKIP).unwrap();
    assert_eq!((agreed.subscriptions, agreed.bad_rows, agreed.noticed_rows), (count(4, 0), 1, 2));
    assert!(agreed.notices[0].reason.ends_with("; it stays as it was, by agreement"), "{agreed:?}");
    advance(&test, &scope, "2026-06-15T00:00:00Z").unwrap();
    let dates: Vec<String> = issued(&test, &scope).iter().map(|one| one[11..].to_owned()).collect();
    assert_eq!(dates[0], "2026-01-31 USD 137.00", "49 twice and 39");
    assert_eq!(dates[4], "2026-05-31 USD 665.96", "and 12 × 44.08 for the year");
    sound(&test, &scope);
}

#[test]
fn an_imported_subscription_is_billed_like_one_that_began_here() {
    // Native ones start in the past and are billed from the next period; imported ones tell the same.
    on_both(ALL, |test| {
        let starts = ["2025-01-31", "2025-12-31", "2024-02-29", "2026-01-15", "2025-10-26"];
        let amounts = |native: bool| {
            let scope = environment(test, Mode::Sandbox, NOW);
            let rows: String = starts
                .iter()
                .enumerate()
                .map(|(n, start)| {
                    format!("{n},{},starter,{},{start},\n", ["a", "c"][n % 2], ["month", "year"][n % 3 / 2])
                })
                .collect();
            let rows = format!("sub,key,plan,cycle,start,end\n{rows}");
            let only = Options { only_customers: native, ..STOP };
            let files = [("c.csv", CUSTOMERS), ("s.csv", &rows)];
            load(test, &scope, TWO, if native { &files[..1] } else { &files[..] }, only).unwrap();
            if native {
                for line in rows.lines().skip(1) {
                    let cells: Vec<&str> = line.split(',').collect();
                    let customer = test.db.read(&scope, {
                        let key = cells[1].to_owned();
                        move |view| identity::customer::of_external_ids(view, vec![key.clone()])
                    });
                    let customer = customer.wait().unwrap().remove(0);
                    let start = billing::subscription::Start {
                        cycle: kernel::Cycle::parse(cells[3]).unwrap(),
                        start: Some(customer.zone.start_of_day(cells[4].parse().unwrap())),
                        bill_from: billing::subscription::BillFrom::NextPeriod,
                        ..crate::ground::starter(customer.id)
                    };
                    crate::ground::start(test, &scope, start).unwrap();
                }
            }
            advance(test, &scope, "2026-07-01T00:00:00Z").unwrap();
            sound(test, &scope);
            issued(test, &scope)
        };
        let (native, imported) = (amounts(true), amounts(false));
        assert!(native.len() > 15, "{native:?}");
        assert_eq!(native, imported);
    });
}

#[test]
fn a_live_environment_takes_an_import_as_well() {
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Live, NOW);
    let now: Timestamp = testkit::START.parse().unwrap();
    let report = load(&test, &scope, BOTH, &[("rows.csv", ROWS)], STOP).unwrap();
    assert_eq!((report.subscriptions, now.to_string()), (count(3, 0), "2026-01-15T12:00:00Z".to_owned()));
}
