//! Every page, with data and without, and what every answer carries.

use billing::subscription::{self, Start, Timing};
use identity::user::Role;
use kernel::Cycle;
use store::{Scope, Tx};
use testkit::on_both;

use crate::world::{CONTEXTS, World};

const PLAIN: [&str; 24] = [
    "/",
    "/customers",
    "/customers/new",
    "/import",
    "/subscriptions",
    "/subscriptions/new",
    "/invoices",
    "/price-book",
    "/price-book/versions",
    "/price-book/apply",
    "/legal-entities",
    "/ledger",
    "/ledger?kind=receivable&as_of=2026-01-31",
    "/facts",
    "/jobs",
    "/bill-runs",
    "/advice",
    "/advice/teams",
    "/usage",
    "/usage/rejected",
    "/bill-runs/ahead",
    "/bill-runs/ahead?until=2026-02-28",
    "/clock",
    "/api",
];

/// A page of each kind of thing.
fn things(world: &World, scope: &Scope) -> Vec<String> {
    world.book(scope);
    let customer = world.customer(scope, "Brandt & Sohn");
    let start = move |finalize: bool, trial: bool| Start {
        addons: [("extra_user".to_owned(), 4)].into(),
        finalize,
        trial,
        ..Start::of(customer, "professional", Cycle::MONTH)
    };
    let started =
        world.db.write(scope, move |tx| subscription::start(tx, &start(true, false))).wait().unwrap();
    let drafted =
        world.db.write(scope, move |tx| subscription::start(tx, &start(false, false))).wait().unwrap();
    let tried = world.db.write(scope, move |tx| subscription::start(tx, &start(false, true))).wait().unwrap();
    let ending = world.subscription(scope, customer);
    let cancel = move |tx: &mut Tx<'_>| subscription::cancel(tx, ending, Timing::Now);
    let ended = world.db.write(scope, cancel).wait().unwrap();
    let (active, tried) = (started.subscription.id, tried.subscription.id);
    let (version, account, job) = world
        .db
        .write(scope, |tx| {
            let job = jobs::enqueue(tx, jobs::NewJob::new("nothing.at_all", serde_json::json!({})))?;
            Ok((catalog::version::in_force(tx)?.id, ledger::accounts(tx)?[0].id, job))
        })
        .wait()
        .unwrap();
    vec![
        format!("/customers/{customer}"),
        format!("/customers/{customer}/edit"),
        format!("/customers/{customer}/erase"),
        format!("/customers?search={customer}x"),
        "/customers?search=brandt&country=DE&currency=USD&subscription=active&sort=name".to_owned(),
        format!("/subscriptions?state=active&plan=professional&customer={customer}&currency=USD"),
        "/subscriptions?due_from=2026-01-01&due_to=2026-12-31".to_owned(),
        format!("/invoices?state=finalized&customer={customer}&from=2026-01-01&to=2026-02-28"),
        "/?currency=USD".to_owned(),
        format!("/facts?customer={customer}"),
        format!("/facts?about={active}"),
        format!("/subscriptions/{active}"),
        format!("/subscriptions/{active}/change"),
        format!("/subscriptions/{active}/cancel"),
        format!("/subscriptions/{active}/pause"),
        format!("/subscriptions/{active}/suspend"),
        format!("/subscriptions/{tried}"),
        format!("/subscriptions/{tried}/change"),
        format!("/subscriptions/{tried}/cancel"),
        format!("/subscriptions/{tried}/convert"),
        format!("/subscriptions/{tried}/extend-trial"),
        format!("/subscriptions/{}", ended.subscription.id),
        format!("/credit-notes/{}", ended.credit_notes[0]),
        format!("/subscriptions/new?customer={customer}&plan=starter/year"),
        format!("/invoices/{}", started.invoice.unwrap()),
        format!("/invoices/{}/void", started.invoice.unwrap()),
        format!("/invoices/{}/uncollectible", drafted.invoice.unwrap()),
        format!("/invoices/{}", drafted.invoice.unwrap()),
        format!("/price-book/versions/{version}"),
        format!("/ledger/accounts/{account}"),
        format!("/jobs/{job}"),
        "/facts/1".to_owned(),
    ]
}

#[test]
fn every_page_opens_with_a_session_and_not_without() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let empty = PLAIN.iter().map(|path| (*path).to_owned());
        let full: Vec<String> = empty.clone().chain(things(&world, &scope)).collect();
        // Before there is anything, in the live environment, which has nothing in it and no clock.
        for path in empty.filter(|path| path != "/clock") {
            let page = world.get(&format!("/unison/live{path}"), &cookie);
            assert_eq!(page.status, 200, "{path} without data: {}", page.text);
        }
        assert_eq!(world.get("/unison/live/clock", &cookie).status, 404);
        for path in full {
            let address = format!("/unison/rehearsal{path}");
            let page = world.get(&address, &cookie);
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            well_formed(&path, &page.text);
            assert_eq!(page.headers["cache-control"], "no-store");
            for without in [world.get(&address, ""), world.get(&address, "steelyard_session=wrong")] {
                assert_eq!((without.status, without.location()), (303, "/sign-in"), "{path}");
            }
        }
        assert_eq!(world.get("/unison/rehearsal", &cookie).status, 200);
        let chooser = world.get("/", &cookie);
        assert!(chooser.status == 200 && chooser.text.contains("/unison/live/"));
    });
}

/// No id twice, no inline script or style, every table cell in its place.
fn well_formed(path: &str, page: &str) {
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "{path}: an id stands twice");
    assert!(
        !page.contains(" style=\"") && !page.contains("<style") && !page.contains("javascript:"),
        "{path}"
    );
    assert!(page.matches("<script").count() == page.matches("<script src=\"/assets/").count(), "{path}");
    assert_eq!(page.matches("<h1").count(), 1, "{path} has one title");
}

#[test]
fn every_class_is_styled() {
    let sources = [
        include_str!("../../src/api.rs"),
        include_str!("../../src/clock.rs"),
        include_str!("../../src/facts/mod.rs"),
        include_str!("../../src/home/mod.rs"),
        include_str!("../../src/home/ahead.rs"),
        include_str!("../../src/home/money.rs"),
        include_str!("../../src/customers/list.rs"),
        include_str!("../../src/ledger/mod.rs"),
        include_str!("../../src/ledger/kind.rs"),
        include_str!("../../src/invoices/one.rs"),
        include_str!("../../src/price_book/apply.rs"),
        include_str!("../../src/price_book/book.rs"),
        include_str!("../../src/price_book/versions.rs"),
        include_str!("../../src/customers/one.rs"),
        include_str!("../../src/credit_notes/one.rs"),
        include_str!("../../src/subscriptions/cancel.rs"),
        include_str!("../../src/subscriptions/change.rs"),
        include_str!("../../src/subscriptions/coming.rs"),
        include_str!("../../src/subscriptions/deed.rs"),
        include_str!("../../src/subscriptions/items.rs"),
        include_str!("../../src/subscriptions/one.rs"),
        include_str!("../../src/subscriptions/outcome.rs"),
    ];
    let css = include_str!("../../assets/style.css");
    for source in sources {
        let classes = source.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for class in classes.flat_map(str::split_whitespace) {
            assert!(
                css.contains(&format!(".{class} ")) || css.contains(&format!(".{class}:")),
                "nothing styles .{class}"
            );
        }
    }
}

#[test]
fn lists_go_on_page_by_page() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        for number in 0..101 {
            world.customer(&scope, &format!("Customer {number:03}"));
        }
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let (mut address, mut seen) = ("/unison/rehearsal/customers".to_owned(), Vec::new());
        loop {
            let page = world.get(&address, &cookie);
            let names = page.text.split(">Customer ").skip(1).filter_map(|rest| rest.split('<').next());
            seen.extend(names.map(str::to_owned));
            let next = page.text.split("rel=\"next\"").next().filter(|_| page.text.contains("rel=\"next\""));
            let Some(next) = next.and_then(|before| before.rsplit("href=\"").next()) else { break };
            address = next.split('"').next().unwrap().to_owned();
        }
        let expected: Vec<String> = (0..101).rev().map(|number| format!("{number:03}")).collect();
        assert_eq!(seen, expected);
        assert_eq!(world.get("/unison/rehearsal/customers?after=nonsense", &cookie).status, 422);
    });
}

#[test]
fn answers_say_what_a_browser_may_do() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        for path in ["/sign-in", "/design", "/nothing/here/at/all", "/assets/style.css", "/favicon.svg"] {
            let page = world.get(path, "");
            let policy = &page.headers["content-security-policy"];
            assert!(
                policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
                "{path}"
            );
            assert_eq!(page.headers["x-content-type-options"], "nosniff");
            assert_eq!(page.headers["referrer-policy"], "no-referrer");
        }
        let page = world.get("/sign-in", "");
        let link = page.text.split("href=\"/assets/style.css").nth(1).unwrap().split('"').next().unwrap();
        let style = world.get(&format!("/assets/style.css{link}"), "");
        assert!(style.headers["cache-control"].contains("immutable"));
        assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
        assert_eq!(world.get("/assets/style.css?v=other", "").headers["cache-control"], "no-cache");
        assert_eq!(world.get("/assets/nothing.css", "").status, 404);
        assert_eq!(world.get("/nothing", "").status, 404);
        let known = world
            .agent
            .get(format!("{}/assets/style.css", world.address))
            .header("if-none-match", &style.headers["etag"]);
        assert_eq!(known.call().unwrap().status().as_u16(), 304);
    });
}

#[test]
fn forms_have_a_size() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        world.merchant("unison");
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let csrf = world.get("/unison/rehearsal/customers/new", &cookie).hidden("csrf");
        let long = "x".repeat(300 * 1024);
        let fields = [("csrf", csrf.as_str()), ("name", &long)];
        assert_eq!(world.post("/unison/rehearsal/customers", &cookie, &fields).status, 413);
        let fields = [("csrf", csrf.as_str()), ("source", &long)];
        assert_eq!(
            world.post("/unison/rehearsal/price-book/apply", &cookie, &fields).status,
            422,
            "a book may be longer"
        );
    });
}
