//! `steelyard import customers`

use std::fs;

use crate::program::on_both;

const MAPPING: &str = r#"
[columns]
external_id = "id"
name = "name"
plan = "plan"
country = "country"
start = "since"

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
                .run(&[&["import", "customers", "rows.csv", "--map", "mapping.toml"][..], more].concat())
        };

        let ended = import(&["--all-or-nothing"]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.contains("2 rows are bad, so nothing was loaded."), "{ended:?}");
        assert_eq!(installation.json(&["customers", "list", "--json"]).as_array().unwrap().len(), 0);

        let ended = import(&[]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.out.contains("2 customers loaded into sandbox of Unison"), "{ended:?}");
        assert!(
            ended.out.contains("   3  plan     golden") && ended.out.contains("   4  country  Germany"),
            "{ended:?}"
        );
        assert!(ended.err.starts_with("error: 2 rows could not be loaded.\nhelp: "), "{ended:?}");

        fs::write(installation.path("rows.csv"), rows.replace("golden", "starter").replace("Germany", "DE"))
            .unwrap();
        let ended = import(&[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            ended.out.contains("2 customers loaded") && ended.out.contains("2 were there before"),
            "{ended:?}"
        );
        assert_eq!(installation.json(&["subscriptions", "list", "--json"]).as_array().unwrap().len(), 4);
        installation.run(&["ledger", "check"]).good();

        let refused =
            installation.run(&["import", "customers", "none.csv", "--map", "mapping.toml"]).refused();
        assert!(refused.contains("none.csv cannot be read"), "{refused}");
        fs::write(installation.path("wrong.toml"), MAPPING.replace("\"plan\"", "\"tariff\"")).unwrap();
        let refused = installation.run(&["import", "customers", "rows.csv", "--map", "wrong.toml"]).refused();
        assert!(refused.contains("The file has no column \"tariff\""), "{refused}");
    });
}
