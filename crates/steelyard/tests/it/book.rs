//! `steelyard book`

use std::fs;

use crate::program::{Installation, books, on_both};

#[test]
fn mistakes_are_shown_where_they_stand() {
    let installation = Installation::sqlite();
    let text = "book = 1\nname = \"Unison\"\ncurrency = \"USD\"\n\n[plans.starter]\nname = \"Starter\"\nprice = { month = 49.5 }\nfeatures = [\"work_orders\"]\n";
    fs::write(installation.path("wrong.toml"), text).unwrap();
    let refused = installation.run(&["book", "check", "wrong.toml"]).refused();
    let shown = "wrong.toml:7:19: ";
    assert!(refused.contains(shown), "{refused}");
    assert!(refused.contains("price = { month = 49.5 }\n") && refused.contains("^^^^"), "{refused}");
    assert!(
        refused
            .ends_with("error: wrong.toml has 2 mistakes.\nhelp: Correct the lines shown and check again.\n"),
        "{refused}"
    );
    let json = installation.run(&["book", "check", "wrong.toml", "--json"]);
    assert_eq!(json.code, Some(1));
    let mistakes: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&mistakes[0]["line"], &mistakes[0]["column"]), (&7.into(), &19.into()));
}

#[test]
fn a_book_is_checked_compared_and_applied() {
    on_both(|installation| {
        installation.set_up();
        let unison = books().join("unison.toml").display().to_string();
        let checked = installation.run(&["book", "check", &unison]).good();
        assert!(
            checked.ends_with("unison.toml is fine: Unison in USD, 3 plans, 3 add-ons, 24 features.\n"),
            "{checked}"
        );
        let same = installation.run(&["book", "diff", &unison]).good();
        assert!(same.contains("says the same as version 1, in force in sandbox of Unison"), "{same}");
        let same = installation.run(&["book", "apply", &unison]).good();
        assert!(same.contains("Nothing was changed"), "{same}");

        let dearer = fs::read_to_string(&unison).unwrap().replacen("month = \"49\"", "month = \"59\"", 1);
        fs::write(installation.path("dearer.toml"), dearer).unwrap();
        let changes = installation.run(&["book", "diff", "dearer.toml"]).good();
        assert!(changes.contains("49") && changes.contains("59"), "{changes}");
        let applied = installation.run(&["--env", "live", "book", "apply", "dearer.toml"]).good();
        assert!(
            applied.starts_with("Version 2 is in force in live of Unison for new subscriptions."),
            "{applied}"
        );
        let shown = installation.json(&["book", "diff", "dearer.toml", "--json"]);
        assert_eq!(shown.as_array().unwrap().len(), 1, "the sandbox still has version 1: {shown}");
    });
}
