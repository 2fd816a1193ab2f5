//! Importing through the pages: choose files, look at what they come to, load them.

use std::collections::BTreeMap;

use identity::user::Role;
use testkit::on_both;

use crate::world::{CONTEXTS, Page, World};

const SUBSCRIPTIONS: &str = include_str!("../../../../examples/import/samples/stripe-subscriptions.csv");
const CUSTOMERS: &str = include_str!("../../../../examples/import/samples/stripe-customers.csv");

/// A form as browsers send it when it has files.
fn send(world: &World, cookie: &str, fields: &[(&str, &str)], files: &[(&str, &str)]) -> Page {
    const EDGE: &str = "----edge-of-a-part";
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    for (name, content) in files {
        body += &format!(
            "--{EDGE}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\
             Content-Type: text/csv\r\n\r\n{content}\r\n"
        );
    }
    body += &format!("--{EDGE}--\r\n");
    let request = world.agent.post(format!("{}/unison/rehearsal/import", world.address));
    let kind = format!("multipart/form-data; boundary={EDGE}");
    let mut response = request.header("cookie", cookie).header("content-type", &kind).send(body).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    Page { status: response.status().as_u16(), headers: BTreeMap::new(), text }
}

/// The values of hidden fields of a name, each once.
fn hidden(page: &Page, name: &str) -> Vec<String> {
    let start = format!("name=\"{name}\" value=\"");
    let values = page.text.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    let mut values: Vec<String> = values
        .map(|value| value.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&"))
        .collect();
    values.dedup();
    values
}

#[test]
fn files_are_looked_at_first_and_then_loaded_once() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let first = world.get("/unison/rehearsal/import", &cookie);
        assert_eq!(first.status, 200, "{}", first.text);
        let csrf = first.hidden("csrf");
        let csrf = ("csrf", csrf.as_str());
        // The clock stands on 31 January: the trial is over, and the next periods have begun.
        let late = SUBSCRIPTIONS
            .replace("trialing", "active")
            .replace("2026-01-31 17:40,2023", "2026-02-28 17:40,2023")
            .replace("2026-01-22 11:00,2026-01-08", "2026-02-22 11:00,2026-01-08");
        let spoilt = late.replace(
            "price_pro_monthly,1,usd,month,199.00,past_due",
            "price_gold,1,usd,month,199.00,past_due",
        );
        let files = [("stripe-customers.csv", CUSTOMERS), ("stripe-subscriptions.csv", &spoilt)];

        let looked =
            send(&world, &cookie, &[csrf, ("system", "stripe"), ("mapping", ""), ("step", "check")], &files);
        assert_eq!(looked.status, 200, "{}", looked.text);
        for words in [
            "1 row cannot be loaded",
            "stripe-subscriptions.csv, line 5",
            "price_gold",
            "The mapping and the price book know no such plan.",
            "Start Date (UTC)",
            "sub_alder_old · sub_alder · sub_birch",
            "Load 4 customers and 5 subscriptions, leave the bad rows out",
        ] {
            assert!(looked.text.contains(words), "{words}: {}", looked.text);
        }
        let list = world.get("/unison/rehearsal/customers", &cookie);
        assert!(!list.text.contains("Alder Tools"), "only looked at");

        let kept = hidden(&looked, "kept");
        let mapping = &hidden(&looked, "mapping")[0];
        let fields = [csrf, ("mapping", mapping), ("kept", &kept[0]), ("kept", &kept[1])];
        let load = |step| send(&world, &cookie, &[&fields[..], &[("step", step)]].concat(), &[]);
        let stopped = load("load");
        assert!(stopped.text.contains("1 row cannot be loaded"), "nothing is loaded behind one's back");
        let loaded = load("load-good");
        assert!(
            loaded.text.contains("Loaded") && loaded.text.contains("1 row could not be loaded."),
            "{}",
            loaded.text
        );
        let list = world.get("/unison/rehearsal/customers", &cookie);
        assert!(list.text.contains("Alder Tools") && list.text.contains("Cedar GmbH"));
        let again = load("load-good");
        assert!(
            again.text.contains("4 there before") && again.text.contains("5 there before"),
            "{}",
            again.text
        );
    });
}

#[test]
fn what_is_wrong_with_a_form_is_said_and_the_files_are_kept() {
    let test = testkit::TestDb::sqlite(CONTEXTS);
    let world = World::new(&test);
    let scope = world.merchant("unison");
    world.book(&scope);
    let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
    let csrf = world.get("/unison/rehearsal/import", &cookie).hidden("csrf");
    let csrf = ("csrf", csrf.as_str());
    let none = send(&world, &cookie, &[csrf, ("system", "stripe"), ("step", "check")], &[]);
    assert_eq!((none.status, none.text.contains("Choose the files to bring in.")), (422, true));
    let files = [("rows.csv", "id,name\n1,Acme\n")];
    let torn = send(&world, &cookie, &[csrf, ("system", "own"), ("mapping", "[customer\n")], &files);
    assert_eq!((torn.status, torn.text.contains("mapping:1:")), (422, true), "{}", torn.text);
    assert_eq!(hidden(&torn, "kept").len(), 1);
    let unfit = send(&world, &cookie, &[csrf, ("system", "lago"), ("mapping", "")], &files);
    assert_eq!(unfit.status, 422);
    assert!(unfit.text.contains("rows.csv lacks columns the mapping names"), "{}", unfit.text);
    assert!(unfit.text.contains("[subscription]"), "the mapping is there to be changed");
    let large = format!("id,name\n{}", "x,y\n".repeat(600_000));
    let refused = send(&world, &cookie, &[csrf, ("system", "lago")], &[("rows.csv", &large)]);
    assert_eq!(refused.status, 413);
    assert!(refused.text.contains("steelyard import subscriptions"), "{}", refused.text);
    let forged = send(&world, &cookie, &[("csrf", "wrong"), ("system", "lago")], &files);
    assert_eq!(forged.status, 403);
    let viewer = world.sign_in("viv@example.com", "unison", Role::Viewer);
    assert_eq!(world.get("/unison/rehearsal/import", &viewer).status, 403);
}
