//! `steelyard import …`

use std::fs;

use crate::program::on_both;

const MAPPING: &str = r#"
[customer]
id = "id"
name = "name"
country = "country"

[subscription]
id = "id"
customer = "id"
plan = "plan"
start = "since"
end = { optional = "until" }

[defaults]
bill_from = "start"
"#;

#[test]
fn good_rows_are_loaded_once_and_bad_rows_are_named() {
    on_both(|installation| {
        installation.set_up();
        fs::write(installation.path("mapping.toml"), MAPPING).unwrap();
        let rows = "id,name,plan,country,since\n\
                    A-1,Meyer,starter,DE,2025-01-10\n\
                    A-2,Weber,golden,DE,2025-01-10\n\
                    A-3,Schmidt,starter,Germany,2025-01-10\n\
                    A-4,Huber,professional,AT,2025-03-31\n";
        fs::write(installation.path("rows.csv"), rows).unwrap();
        let import = |more: &[&str]| {
            installation
                .run(&[&["import", "subscriptions", "rows.csv", "--map", "mapping.toml"][..], more].concat())
        };

        let ended = import(&[]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.starts_with("error: 2 rows are bad, so nothing was loaded.\nhelp: "), "{ended:?}");
        assert!(
            ended.out.contains("rows.csv     3  plan     golden")
                && ended.out.contains("rows.csv     4  country  Germany"),
            "{ended:?}"
        );
        assert_eq!(installation.json(&["customers", "list", "--json"]).as_array().unwrap().len(), 0);

        let ended = import(&["--dry-run", "--bad-rows", "bad.csv"]);
        assert!(ended.err.starts_with("error: 2 rows are bad.\n"), "{ended:?}");
        assert!(ended.out.contains("3 customers and 2 subscriptions can be loaded into sandbox of Unison"));
        let bad = fs::read_to_string(installation.path("bad.csv")).unwrap();
        assert!(bad.starts_with("file,line,column,value,what is wrong\nrows.csv,3,plan,golden,"), "{bad}");

        let loaded = import(&["--on-bad", "skip"]).good();
        assert!(
            loaded.contains("3 customers and 2 subscriptions loaded into sandbox of Unison: 2 active.")
                && loaded.contains("2 rows could not be loaded."),
            "{loaded}"
        );

        fs::write(installation.path("rows.csv"), rows.replace("golden", "starter").replace("Germany", "DE"))
            .unwrap();
        let loaded = import(&[]).good();
        assert!(loaded.contains("1 customer and 2 subscriptions loaded"), "{loaded}");
        assert!(loaded.contains("3 customers and 2 subscriptions were there before"), "{loaded}");
        assert_eq!(installation.json(&["subscriptions", "list", "--json"]).as_array().unwrap().len(), 4);
        installation.run(&["ledger", "check"]).good();
        installation.run(&["facts", "verify"]).good();

        let report =
            installation.json(&["import", "customers", "rows.csv", "--map", "mapping.toml", "--json"]);
        assert_eq!(report["customers"]["already"], 4);
        let refused =
            installation.run(&["import", "customers", "none.csv", "--map", "mapping.toml"]).refused();
        assert!(refused.contains("none.csv cannot be read"), "{refused}");
        fs::write(installation.path("wrong.toml"), MAPPING.replace("\"plan\"", "\"tariff\"")).unwrap();
        let refused =
            installation.run(&["import", "subscriptions", "rows.csv", "--map", "wrong.toml"]).refused();
        assert!(refused.contains("None of the files has the columns of [subscription]"), "{refused}");
    });
}
