//! `steelyard subscriptions …`, and explanations of what it makes.

use jiff::{ToSpan, civil::Date};
use serde_json::{Value as Json, json};

use crate::program::{Installation, on_both};

/// A subscription to Starter with two more users, billed as INV-000001; its id.
fn meyer(installation: &Installation) -> String {
    subscribe(installation, json!({ "finalize": true }))
}

/// A subscription of a new customer to Starter with two more users, and what else is wished; its id.
fn subscribe(installation: &Installation, mut wish: Json) -> String {
    let server = installation.serve();
    let key = server.key.clone().unwrap();
    let body = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "A-1" });
    assert_eq!(server.post("/v1/customers", &key, &body).0, 201);
    let usual = json!({
        "customer": "ext:A-1", "plan": "starter", "cycle": "month", "addons": { "extra_user": 2 },
        "external_id": "S-1",
    });
    wish.as_object_mut().unwrap().extend(usual.as_object().unwrap().clone());
    let (status, started) = server.post("/v1/subscriptions", &key, &wish);
    assert_eq!(status, 201, "{started}");
    server.stop();
    started["subscription"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_subscription_changes_ends_and_goes_on_from_the_command_line() {
    on_both(|installation| {
        let id = meyer(installation);
        let subscriptions =
            |arguments: &[&str]| installation.run(&[&["subscriptions"][..], arguments].concat());
        // On the day of the start nothing was used yet: all of Starter is credited.
        let upgrade = ["change", "ext:S-1", "--plan", "professional", "--addon", "extra_user=1"];
        let dry = subscriptions(&[&upgrade[..], &["--dry-run"]].concat()).good();
        assert!(dry.starts_with("Nothing was changed. From "), "{dry}");
        assert!(
            dry.contains(&format!("{id} would be active: professional, extra_user, every month")),
            "{dry}"
        );
        assert!(
            dry.contains("Credited would be USD 59.00:") && dry.contains("Billed would be USD 204.00:"),
            "{dry}"
        );
        let listed = installation.json(&["subscriptions", "list", "--json"]);
        assert_eq!(listed[0]["plan"], "starter", "a dry run changes nothing");

        let changed = subscriptions(&upgrade).good();
        assert!(
            changed.starts_with(&format!("{id} is active: professional, extra_user, every month")),
            "{changed}"
        );
        assert!(changed.contains("\nCredit note INV-CN-000001: USD 59.00.\n"), "{changed}");
        assert!(
            changed.contains("\nInvoice INV-000002: USD 204.00; credit pays USD 59.00, USD 145.00 is due.\n"),
            "{changed}"
        );
        let note = installation.run(&["explain", "INV-CN-000001"]).good();
        assert!(
            note.starts_with("Credit note INV-CN-000001 to Meyer for invoice INV-000001 (change, "),
            "{note}"
        );
        assert!(
            note.contains("USD 49.00 was billed for this line") && note.contains("total USD 59.00"),
            "{note}"
        );
        let invoice = installation.run(&["explain", "INV-000002"]).good();
        assert!(invoice.contains("Paid by credit USD 59.00, due USD 145.00"), "{invoice}");
        installation.run(&["explain", "INV-CN-000002"]).refused();
        installation.run(&["explain", "crn_1"]).refused();

        // An add-on that ended is not listed any more.
        subscriptions(&["change", &id, "--addon", "extra_user=0"]).good();
        let listed = installation.json(&["subscriptions", "list", "--json"]);
        assert_eq!(listed[0]["items"].as_array().unwrap().len(), 1);

        let waiting = subscriptions(&["change", &id, "--cycle", "year", "--at", "period-end"]).good();
        assert!(waiting.contains(" Waiting for ") && waiting.contains(": every year."), "{waiting}");
        let ending = subscriptions(&["cancel", &id]).good();
        assert!(ending.contains(" is active: ") && ending.contains(" It ends on "), "{ending}");
        let kept = subscriptions(&["keep-on", &id]).good();
        assert!(!kept.contains("It ends on") && !kept.contains("Waiting"), "{kept}");
        let paused = subscriptions(&["pause", &id]).good();
        assert!(paused.contains(" is paused: ") && paused.contains("Credit note INV-CN-"), "{paused}");
        let resumed = subscriptions(&["resume", &id]).good();
        assert!(resumed.contains(" is active: ") && resumed.contains("paid by credit."), "{resumed}");
        let canceled = subscriptions(&["cancel", &id, "--at", "now"]).good();
        assert!(canceled.contains(" is canceled: "), "{canceled}");
        installation.run(&["ledger", "check"]).good();
        installation.run(&["facts", "verify"]).good();

        for (arguments, sentence) in [
            (&["pause", &id][..], "that is canceled cannot be paused"),
            (&["change", "ext:none", "--plan", "starter"], "There is no such subscription"),
            (&["change", "inv_1", "--plan", "starter"], "sub_"),
        ] {
            let refused = subscriptions(arguments).refused();
            assert!(refused.contains(sentence), "{refused}");
        }
        for arguments in
            [&["change", &id, "--addon", "extra_user"][..], &["change", &id, "--cycle", "fortnight"]]
        {
            let misread = subscriptions(arguments);
            assert_eq!(misread.code, Some(2), "{misread:?}");
        }
    });
}

#[test]
fn a_trial_is_lengthened_converted_and_access_switched_from_the_command_line() {
    on_both(|installation| {
        let id = subscribe(installation, json!({ "trial": true }));
        let subscriptions =
            |arguments: &[&str]| installation.run(&[&["subscriptions"][..], arguments].concat());
        let trial_end = |said: &str| -> Date {
            assert!(said.starts_with(&format!("{id} is trialing: starter, 2 × extra_user")), "{said}");
            said.split_once("Its trial ends on ").unwrap().1[..10].parse().unwrap()
        };
        let suspended = subscriptions(&["suspend", "ext:S-1"]).good();
        assert!(suspended.starts_with(&format!("{id} is suspended: ")), "{suspended}");
        let first = trial_end(&subscriptions(&["reinstate", &id]).good());
        let extended = subscriptions(&["extend-trial", &id, "--days", "7"]).good();
        assert_eq!(trial_end(&extended), first + 7.days());
        assert!(!extended.contains("Invoice"), "nothing is billed yet: {extended}");

        let on_file = "A method of payment is on file.";
        let told = subscriptions(&["payment-method", "--on-file", "true", &id]).good();
        assert!(told.contains(on_file), "{told}");
        let told = subscriptions(&["payment-method", "--on-file", "false", &id]).good();
        assert!(!told.contains(on_file), "{told}");
        let converted = subscriptions(&["convert", &id]).good();
        assert!(converted.starts_with(&format!("{id} is active: ")), "{converted}");
        assert!(converted.contains("\nInvoice INV-000001: USD 59.00.\n"), "{converted}");
        installation.run(&["ledger", "check"]).good();
        installation.run(&["facts", "verify"]).good();

        for (arguments, sentence) in [
            (&["convert", &id][..], "that is active cannot be converted"),
            (&["extend-trial", &id, "--days", "7"], "that is active cannot be extended"),
            (&["reinstate", &id], "that is active cannot be reinstated"),
            (&["suspend", "ext:none"], "There is no such subscription"),
        ] {
            let refused = subscriptions(arguments).refused();
            assert!(refused.contains(sentence), "{refused}");
        }
        for arguments in [
            &["extend-trial", &id][..],
            &["extend-trial", &id, "--days", "-1"],
            &["payment-method", &id],
            &["payment-method", &id, "--on-file", "yes"],
        ] {
            let misread = subscriptions(arguments);
            assert_eq!(misread.code, Some(2), "{misread:?}");
        }
    });
}

#[test]
fn something_is_charged_once_and_a_start_lies_ahead() {
    on_both(|installation| {
        let id = meyer(installation);
        let book = std::fs::read_to_string(crate::program::books().join("unison.toml")).unwrap();
        let setup = "\n[addons.setup]\nname = \"Setup\"\nprice = { once = \"250\" }\n";
        std::fs::write(installation.path("book.toml"), book + setup).unwrap();
        installation.run(&["book", "apply", "book.toml"]).good();
        let charges =
            |arguments: &[&str]| installation.run(&[&["subscriptions", "charges"][..], arguments].concat());
        let dry = charges(&["add", "ext:S-1", "--addon", "setup", "--now", "--dry-run"]).good();
        assert!(dry.starts_with("Nothing was charged.\n\nBilled would be USD 250.00:"), "{dry}");
        let now =
            charges(&["add", "ext:S-1", "--description", "Training", "--amount", "99.5", "--now"]).good();
        assert!(now.contains("Charge 0: Training, USD 99.50.\nInvoice INV-000002: USD 99.50."), "{now}");
        let later = charges(&["add", "ext:S-1", "--addon", "setup", "--quantity", "2"]).good();
        assert!(later.contains("Charge 1: Setup, USD 500.00.\nIt comes with the next invoice"), "{later}");
        let listed = charges(&["list", "ext:S-1"]).good();
        assert!(listed.contains("the next one") && listed.contains("INV-000002"), "{listed}");
        let removed = charges(&["remove", "ext:S-1", "1"]).good();
        assert!(removed.ends_with("It was taken back.\n"), "{removed}");
        let refused = charges(&["remove", "ext:S-1", "0"]).refused();
        assert!(refused.contains("on an invoice"), "{refused}");

        let ahead = ["start", "ext:A-1", "starter", "--start", "2099-01-01", "--charge", "setup=1"];
        let subscriptions =
            |arguments: &[&str]| installation.run(&[&["subscriptions"][..], arguments].concat());
        let dry = subscriptions(&[&ahead[..], &["--dry-run"]].concat()).good();
        assert!(dry.contains("would be scheduled") && dry.contains("Billed would be USD 299.00:"), "{dry}");
        let scheduled = subscriptions(&ahead).good();
        assert!(
            scheduled.contains("is scheduled: starter, every month. It begins on 2099-01-01."),
            "{scheduled}"
        );
        let day = installation.run(&["day", "--at", "2099-01-01", "--dry-run"]).good();
        assert!(day.contains("start") && day.contains("USD 299.00"), "{day}");
        assert_ne!(id, "");
    });
}

#[test]
fn who_leaves_says_why_comes_back_and_is_offered_another_term() {
    on_both(|installation| {
        let id = meyer(installation);
        let subscriptions =
            |arguments: &[&str]| installation.run(&[&["subscriptions"][..], arguments].concat());
        let cancel = ["cancel", "ext:S-1", "--at", "now", "--reason", "unused"];
        let dry = subscriptions(&[&cancel[..], &["--dry-run"]].concat()).good();
        assert!(dry.starts_with("Nothing was changed. It would end on "), "{dry}");
        // The day itself is used: 29 thirtieths of USD 59.00, or as many days as the month has.
        assert!(
            dry.contains("Credited would be USD 57.") || dry.contains("Credited would be USD 56."),
            "{dry}"
        );
        let canceled = subscriptions(&cancel).good();
        assert!(canceled.contains(&format!("{id} is canceled")), "{canceled}");
        let reasons = subscriptions(&["reasons"]).good();
        assert!(reasons.contains("We do not use it"), "{reasons}");
        // The credit pays the invoice that was open.
        let applied = installation.run(&["customers", "apply-credit", "ext:A-1"]).good();
        assert!(applied.starts_with("Credit paid USD 5"), "{applied}");
        assert!(applied.contains(" of invoice INV-000001; USD "), "{applied}");
        assert!(applied.contains("Left is USD 0.00"), "{applied}");

        let back = subscriptions(&["reactivate", "ext:S-1"]).good();
        assert!(back.contains("is active: starter, 2 × extra_user, every month"), "{back}");
        let new = back.split_whitespace().next().unwrap();
        let offer = ["renewals", "offer", new, "--cycle", "year", "--term", "12", "--renews"];
        let shown = subscriptions(&[&offer[..], &["--dry-run"]].concat()).good();
        assert!(shown.starts_with("Once accepted, from "), "{shown}");
        let made = subscriptions(&offer).good();
        assert!(made.starts_with("Offer 0 was made: every year, a term of 12 months that renews."), "{made}");
        let accepted = subscriptions(&["renewals", "accept", new]).good();
        assert!(accepted.contains("Waiting for "), "{accepted}");
        let listed = subscriptions(&["renewals", "list", new]).good();
        assert!(listed.contains("accepted"), "{listed}");
    });
}
