//! What changed from one book to another.

use super::{
    super::{Book, diff},
    UNISON, good, unison,
};

fn changes(edits: &[(&str, &str)]) -> Vec<String> {
    let mut text = UNISON.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    diff(&unison(), &good(&text)).into_iter().map(|change| format!("[{}] {change}", change.place)).collect()
}

#[test]
fn equal_books_have_no_difference() {
    assert_eq!(diff(&unison(), &unison()), []);
    assert_eq!(
        changes(&[("# The price book", "# Our price book"), ("month = \"49\"", "month = 49")]),
        [""; 0]
    );
}

#[test]
fn every_change_is_a_sentence() {
    let seen = changes(&[
        ("\"Unison\"", "\"Unison ERP\""),
        ("proration = \"day\" ", "proration = \"second\" "),
        ("days = 14", "days = 30"),
        ("without = \"suspend\"", "without = \"downgrade:starter\""),
        ("inventory = \"Inventory\"", "inventory = \"Stock\""),
        ("sla = \"Service level agreement\"\n", ""),
        ("    \"sla\",\n", ""),
        ("month = \"49\", year = \"529\"", "month = \"59\", quarter = \"150.5\""),
        ("users = 25,", "users = \"unlimited\","),
        ("\n    \"data_export\",", ""),
        ("features = [\"basic_production\"", "features = [\"data_export\", \"basic_production\""),
        ("[addons.extra_user]", "[addons.more_users]"),
        ("per = \"plant\", month = \"25\"", "month = \"20\""),
        ("raises = { storage = 1 }\nplans = [\"starter\", \"professional\"]", "raises = { storage = 10 }"),
        ("per = \"GB\"", "per = \"pack\""),
        ("plans = [\"starter\", \"professional\"]", "plans = [\"starter\"]"),
    ]);
    let expected = [
        "[book] book: name Unison → Unison ERP",
        "[billing] billing: proration day → second",
        "[trial] trial: days 14 → 30",
        "[trial] trial: at the end without a payment method suspend → downgrade to starter",
        "[features.sla] feature Service level agreement: removed",
        "[features.inventory] feature Stock: name Inventory → Stock",
        "[plans.starter] plan Starter: yearly price USD 529 removed",
        "[plans.starter] plan Starter: monthly price USD 49 → USD 59",
        "[plans.starter] plan Starter: quarterly price USD 150.50 added",
        "[plans.starter] plan Starter: feature data_export added",
        "[plans.professional] plan Professional: users 25 → unlimited",
        "[plans.enterprise] plan Enterprise: feature sla removed",
        "[addons.extra_user] add-on Extra user: removed",
        "[addons.more_users] add-on Extra user: added",
        "[addons.extra_plant] add-on Extra plant: monthly price USD 25 per plant → USD 20",
        "[addons.extra_storage] add-on Extra storage: monthly price USD 0.50 per GB → USD 0.50 per pack",
        "[addons.extra_storage] add-on Extra storage: storage raised by 1 → raised by 10",
        "[addons.extra_storage] add-on Extra storage: sold with professional, starter → every plan",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn another_order_on_the_page_is_a_difference() {
    let seen = changes(&[
        ("work_orders = \"Work orders\"\n", ""),
        ("inventory = \"Inventory\"\n", "inventory = \"Inventory\"\nwork_orders = \"Work orders\"\n"),
    ]);
    assert_eq!(seen, ["[features] features: in another order"]);
}

#[test]
fn a_trial_comes_and_goes() {
    let mut without = unison();
    without.trial = None;
    let sentences =
        |old: &Book, new: &Book| diff(old, new).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(sentences(&unison(), &without), ["trial: removed"]);
    assert_eq!(sentences(&without, &unison()), ["trial: added, 14 days"]);
}
