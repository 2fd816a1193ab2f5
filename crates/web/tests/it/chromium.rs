//! What people come for, in a browser.

use identity::user::Role;
use kernel::ids::SubscriptionId;
use testkit::{TestDb, browser::Tab};

use crate::world::{CONTEXTS, World};

/// A business with a customer on Starter, two months old, and somebody signed in.
struct Visit<'w> {
    tab: Tab,
    world: &'w World,
    subscription: SubscriptionId,
}

const BASE: &str = "/unison/rehearsal";

impl<'w> Visit<'w> {
    fn begin(world: &'w World) -> Option<Self> {
        Self::with(world, "Brandt & Sohn")
    }

    /// The same with a customer of that name.
    fn with(world: &'w World, name: &str) -> Option<Self> {
        let mut tab = Tab::open()?;
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, name);
        let subscription = world.subscription(&scope, customer);
        let to = "2026-03-10T09:00:00Z".parse().unwrap();
        world.db.write(&scope, move |tx| billing::clock::request_advance(tx, to)).wait().unwrap();
        world.run_jobs();
        let token = world.link("ann@example.com", "unison", Role::Owner);
        tab.go(&format!("{}/sign-in?token={token}", world.address));
        tab.follow("Sign in");
        Some(Self { tab, world, subscription })
    }

    fn go(&mut self, path: &str) {
        self.tab.go(&format!("{}{BASE}{path}", self.world.address));
    }

    fn end(mut self) {
        assert_eq!(self.tab.complaints(), Vec::<String>::new(), "no page complained");
    }
}

/// The same journey twice, each time in a fresh world: pages need no scripts. Says whether they run.
fn with_and_without_scripts(journey: impl Fn(&mut Visit<'_>, bool)) {
    for scripts in [true, false] {
        let test = TestDb::sqlite(CONTEXTS);
        let world = World::new(&test);
        let Some(mut visit) = Visit::begin(&world) else { return };
        if !scripts {
            visit.tab.without_scripts();
        }
        journey(&mut visit, scripts);
        visit.end();
    }
}

/// On a desk and on a phone, in light and dark.
const LOOKS: [(u32, &str); 2] = [(1440, "light"), (390, "dark")];

#[test]
fn a_name_of_one_long_word_fits_on_every_page() {
    let test = TestDb::sqlite(CONTEXTS);
    let world = World::new(&test);
    let name = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(2);
    let Some(mut visit) = Visit::with(&world, &name) else { return };
    let subscription = format!("/subscriptions/{}", visit.subscription);
    for (width, scheme) in LOOKS {
        visit.tab.look(width, scheme);
        for page in ["/", "/customers", "/subscriptions", "/invoices", "/bill-runs/ahead", "/facts"] {
            visit.go(page);
            visit.tab.is_open_to_everybody();
        }
        visit.go("/invoices");
        visit.tab.follow("UN-000001");
        visit.tab.sees(&["Billed to"]);
        visit.tab.is_open_to_everybody();
        visit.go(&subscription);
        visit.tab.is_open_to_everybody();
        visit.tab.follow(&name);
        visit.tab.sees(&["Owes"]);
        visit.tab.is_open_to_everybody();
    }
    visit.end();
}

#[test]
fn an_invoice_is_read_down_to_its_reason() {
    let test = TestDb::sqlite(CONTEXTS);
    let world = World::new(&test);
    let Some(mut visit) = Visit::begin(&world) else { return };
    for (width, scheme) in LOOKS {
        visit.tab.look(width, scheme);
        visit.go("/");
        visit.tab.sees(&["Brandt & Sohn", "Billed in March", "Falls due next", "Nothing is stuck"]);
        visit.tab.is_open_to_everybody();

        // What customers owe, which invoices that is, and why this one is what it is.
        visit.tab.follow("USD 98.00");
        visit.tab.sees(&["UN-000001", "UN-000002", "Finalized"]);
        visit.tab.is_open_to_everybody();
        visit.tab.follow("UN-000002");
        visit.tab.sees(&["Invoice", "Brandt & Sohn", "Starter", "USD 49.00"]);
        assert!(!visit.tab.text().contains("price book version 1"), "the explanation is closed");
        visit.tab.click("How this was worked out");
        visit.tab.sees(&["Price for a month", "Starter, price book version 1", "Amount, without rounding"]);
        visit.tab.is_open_to_everybody();

        // And the other way: what this customer owes, posting by posting, back to the invoice.
        visit.tab.follow("Brandt & Sohn");
        visit.tab.sees(&["Owes", "What happened", "Subscribed to Starter, monthly", "By the command line"]);
        visit.tab.is_open_to_everybody();
        visit.tab.follow("USD 98.00");
        visit.tab.sees(&["Receivable: Brandt & Sohn", "Invoice finalized", "USD 98.00 Dr"]);
        visit.tab.is_open_to_everybody();
        visit.tab.follow("UN-000001");
        visit.tab.sees(&["Invoice", "UN-000001"]);
    }
    visit.end();
}

#[test]
fn a_plan_change_is_previewed_and_made() {
    with_and_without_scripts(|visit, _| {
        let path = format!("/subscriptions/{}", visit.subscription);
        visit.go(&path);
        visit.tab.sees(&["Starter, monthly", "Next invoice"]);
        visit.tab.follow("Change");
        visit.tab.answer("Plan", "Professional, USD 199.00 a month");
        visit.tab.answer("Extra user", "4");
        visit.tab.is_open_to_everybody();
        visit.tab.follow("Preview");
        visit.tab.sees(&[
            "Preview of the change",
            "Credited",
            "Charged",
            "Starter, monthly",
            "Professional, monthly",
        ]);
        visit.tab.is_open_to_everybody();
        let charged = figure(&mut visit.tab, "Charged");
        let credited = figure(&mut visit.tab, "Credited");
        visit.tab.click("How this was worked out");
        visit.tab.follow("Make the change");
        visit.tab.sees(&["Subscription changed", "Professional, monthly", "Extra user"]);
        // What was shown before is what happened.
        visit.tab.sees(&[charged.as_str(), credited.as_str()]);
        visit.go("/invoices");
        visit.tab.sees(&[charged.as_str()]);
    });
}

/// With Tab and Enter alone, and the focus always to be seen.
#[test]
fn a_plan_is_changed_with_the_keyboard_alone() {
    with_and_without_scripts(|visit, _| {
        visit.tab.look(1440, "light");
        visit.go("/");
        visit.tab.reach("Skip to the content");
        visit.tab.key("Enter");
        visit.tab.reach("New customer");
        visit.go("/");
        visit.tab.reach("Customers");
        visit.tab.enter();
        visit.tab.reach("Name, e-mail address or id");
        visit.tab.write("soh");
        visit.tab.enter();
        visit.tab.reach("Brandt & Sohn");
        visit.tab.enter();
        visit.tab.reach("Starter, monthly");
        visit.tab.enter();
        visit.tab.reach("Change");
        visit.tab.enter();
        visit.tab.reach("Plan");
        // The first letter leads to the next choice that begins with it.
        visit.tab.write("P");
        visit.tab.reach("Extra user");
        visit.tab.write("4");
        visit.tab.reach("Preview");
        visit.tab.enter();
        visit.tab.sees(&["Preview of the change", "Professional, monthly"]);
        assert!(!visit.tab.text().contains("Billed for the whole time"));
        visit.tab.reach("How this was worked out");
        visit.tab.key("Enter");
        visit.tab.sees(&["Billed for the whole time"]);
        // The button stands before what it does, so the way goes on around the page.
        visit.tab.key("Escape");
        visit.tab.back_to("Make the change");
        visit.tab.enter();
        visit.tab.sees(&["Subscription changed", "Professional, monthly", "Extra user"]);
    });
}

/// The figure under a name.
fn figure(tab: &mut Tab, name: &str) -> String {
    let find = format!(
        "[...document.querySelectorAll('.stats dt')].find(one => one.innerText === {name:?})?.nextElementSibling.innerText"
    );
    tab.evaluate(&find).as_str().unwrap_or_else(|| panic!("no figure {name}")).to_owned()
}

#[test]
fn a_customer_is_found_by_a_part_of_its_name() {
    let test = TestDb::sqlite(CONTEXTS);
    let world = World::new(&test);
    let Some(mut visit) = Visit::begin(&world) else { return };
    visit.go("/customers");
    visit.tab.answer("Name, e-mail address or id", "soh");
    visit.tab.follow("Show");
    visit.tab.sees(&["Brandt & Sohn", "Active"]);
    visit.tab.answer("Name, e-mail address or id", "nobody");
    visit.tab.follow("Show");
    visit.tab.sees(&["No customer matches"]);
    visit.tab.is_open_to_everybody();
    visit.tab.follow("Show all customers");
    visit.tab.follow("Brandt & Sohn");
    visit.tab.sees(&["Owes"]);
    visit.end();
}

#[test]
fn a_bill_run_is_watched() {
    with_and_without_scripts(|visit, scripts| {
        visit.go("/bill-runs/ahead");
        visit.tab.sees(&["Brandt & Sohn", "USD 49.00"]);
        visit.tab.is_open_to_everybody();
        visit.go("/clock");
        visit.tab.follow("A month");
        visit.tab.sees(&["The clock is moving"]);
        visit.tab.is_open_to_everybody();
        visit.world.run_jobs();
        // Without a script the page is the state at its time, and is opened again.
        if scripts {
            visit.tab.comes_to_say("Its last move ran");
        } else {
            visit.go("/clock");
        }
        visit.tab.sees(&["Its last move ran 1 due item"]);
        visit.go("/bill-runs");
        visit.tab.sees(&["31 Mar 2026", "Done", "USD 49.00"]);
        visit.tab.is_open_to_everybody();
        visit.tab.follow("31 Mar 2026");
        visit.tab.sees(&["Bill run of 31 Mar 2026", "UN-000003", "Brandt & Sohn"]);
        visit.tab.is_open_to_everybody();
        visit.tab.follow("UN-000003");
        visit.tab.sees(&["Invoice", "USD 49.00"]);
    });
}

const ROWS: &str = include_str!("../../../../examples/import/samples/stripe-subscriptions.csv");
const PARTIES: &str = include_str!("../../../../examples/import/samples/stripe-customers.csv");

#[test]
fn a_file_with_bad_rows_is_imported() {
    let test = TestDb::sqlite(CONTEXTS);
    let world = World::new(&test);
    let Some(mut visit) = Visit::begin(&world) else { return };
    // The clock stands on 10 March: what the sample tells of January goes on in March.
    let late = ROWS
        .replace("trialing", "active")
        .replace("2026-01-31 17:40,2023", "2026-03-31 17:40,2023")
        .replace("2026-01-22 11:00,2026-01-08", "2026-03-22 11:00,2026-01-08");
    let spoilt = late
        .replace("price_pro_monthly,1,usd,month,199.00,past_due", "price_gold,1,usd,month,199.00,past_due");
    visit.go("/customers");
    visit.tab.follow("Import");
    visit.tab.answer("Exported from", "Stripe");
    visit.tab.is_open_to_everybody();
    visit.tab.attach("Files", &[("stripe-customers.csv", PARTIES), ("stripe-subscriptions.csv", &spoilt)]);
    visit.tab.follow("Check the files");
    visit.tab.sees(&["stripe-subscriptions.csv, line 5", "price_gold", "know no such plan"]);
    visit.tab.is_open_to_everybody();
    visit.go("/customers");
    assert!(!visit.tab.text().contains("Alder Tools"), "only looked at");
    visit.tab.follow("Import");
    visit.tab.answer("Exported from", "Stripe");
    visit.tab.attach("Files", &[("stripe-customers.csv", PARTIES), ("stripe-subscriptions.csv", &spoilt)]);
    visit.tab.follow("Check the files");
    visit.tab.follow("leave the bad rows out");
    visit.tab.sees(&["Loaded", "could not be loaded"]);
    visit.tab.is_open_to_everybody();
    visit.go("/customers");
    visit.tab.sees(&["Alder Tools", "Cedar GmbH"]);
    visit.end();
}

#[test]
fn a_customer_changes_its_plan_on_its_own_page() {
    with_and_without_scripts(|visit, _| {
        visit.go("/customers");
        visit.tab.follow("Brandt & Sohn");
        visit.tab.follow("Own page");
        visit.tab.sees(&["No links yet"]);
        visit.tab.is_open_to_everybody();
        visit.tab.follow("Make a link");
        visit.tab.sees(&["Copy it now", "Works"]);
        visit.tab.is_open_to_everybody();
        let address = visit.tab.evaluate("document.querySelector('main .notice code').innerText");
        for (width, scheme) in LOOKS {
            visit.tab.look(width, scheme);
            visit.tab.go(address.as_str().expect("an address"));
            assert_eq!(visit.tab.path(), "/my", "the secret does not stay in the address");
            visit.tab.sees(&["Brandt & Sohn", "Starter, monthly", "Next invoice", "USD 49.00", "UN-000002"]);
            assert!(!visit.tab.text().contains("Ledger"), "nothing of the back office");
            visit.tab.is_open_to_everybody();
        }
        visit.tab.follow("UN-000002");
        visit.tab.click("How this was worked out");
        visit.tab.is_open_to_everybody();
        visit.tab.go(&format!("{}/my", visit.world.address));
        visit.tab.follow("Change plan");
        visit.tab.answer("Plan", "Professional, USD 199.00 a month");
        visit.tab.is_open_to_everybody();
        visit.tab.follow("Preview");
        visit.tab.sees(&["Preview of the change", "Credited", "Charged"]);
        visit.tab.is_open_to_everybody();
        let charged = figure(&mut visit.tab, "Charged");
        visit.tab.follow("Make the change");
        visit.tab.sees(&["Professional, monthly", "Changed", charged.as_str()]);
        visit.tab.is_open_to_everybody();
    });
}
