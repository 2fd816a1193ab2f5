//! The pictures, and the way to each as a person would walk it.

use testkit::browser::Tab;

/// As wide as a desk's window in the tour, and a phone's.
pub const WIDE: u32 = 1440;
const PHONE: u32 = 390;

/// A picture of the tour.
pub struct Picture {
    /// Its file, without the ending.
    pub name: &'static str,
    pub width: u32,
    pub scheme: &'static str,
    /// How one gets there, from the address of the pages.
    pub way: fn(&mut Tab, &str),
}

const fn wide(name: &'static str, way: fn(&mut Tab, &str)) -> Picture {
    Picture { name, width: WIDE, scheme: "light", way }
}

const fn dark(name: &'static str, way: fn(&mut Tab, &str)) -> Picture {
    Picture { name, width: WIDE, scheme: "dark", way }
}

/// In the order of the tour.
pub const ALL: &[Picture] = &[
    wide("home", |tab, at| tab.go(&format!("{at}/unison/sandbox/"))),
    wide("customer", |tab, at| {
        tab.go(&format!("{at}/lumen/sandbox/customers?currency=KWD&subscription=active&sort=oldest"));
        first(tab);
    }),
    wide("subscription", |tab, at| {
        tab.go(&format!("{at}/frontier/sandbox/subscriptions?state=active&plan=growth"));
        last(tab);
    }),
    wide("change", |tab, at| {
        tab.go(&format!("{at}/unison/sandbox/subscriptions?state=active&plan=starter"));
        last(tab);
        tab.follow("Change");
        tab.answer("Plan", "Professional, USD 219.00 a month");
        tab.follow("Preview");
    }),
    wide("invoice", |tab, at| {
        tab.go(&format!("{at}/apex/sandbox/invoices?state=finalized"));
        first(tab);
        tab.click("How this was worked out");
        to(tab, "article.sheet");
    }),
    wide("price-book", |tab, at| tab.go(&format!("{at}/frontier/sandbox/price-book"))),
    wide("ahead", |tab, at| tab.go(&format!("{at}/grosso/sandbox/bill-runs/ahead"))),
    dark("ledger", |tab, at| tab.go(&format!("{at}/unison/sandbox/ledger"))),
    dark("statement", |tab, at| {
        tab.go(&format!("{at}/unison/sandbox/ledger"));
        tab.follow("Deferred revenue");
    }),
    wide("import", import),
    Picture { name: "own-page", width: PHONE, scheme: "light", way: own_page },
];

/// Go on to the first thing of a list.
fn first(tab: &mut Tab) {
    open(tab, "main tbody tr.linked a");
}

/// Go on to the last thing of a list's first page: it has lived longer.
fn last(tab: &mut Tab) {
    open(tab, "main tbody tr.linked:last-child a");
}

fn open(tab: &mut Tab, link: &str) {
    let href = tab.evaluate(&format!("document.querySelector({link:?}).href"));
    tab.go(href.as_str().unwrap_or_default());
}

/// Let a part of the page come to the top.
fn to(tab: &mut Tab, part: &str) {
    tab.evaluate(&format!("document.querySelector({part:?}).scrollIntoView({{ behavior: 'instant' }})"));
}

const CUSTOMERS: &str = include_str!("../../../../examples/import/samples/stripe-customers.csv");
const SUBSCRIPTIONS: &str = include_str!("../../../../examples/import/samples/stripe-subscriptions.csv");

/// Files with rows that cannot be taken, only looked at.
fn import(tab: &mut Tab, at: &str) {
    tab.go(&format!("{at}/unison/sandbox/import"));
    tab.answer("Exported from", "Stripe");
    let spoilt = SUBSCRIPTIONS
        .replace("price_pro_monthly,1,usd,month,199.00,past_due", "price_gold,1,usd,month,199.00,past_due");
    tab.attach("Files", &[("stripe-customers.csv", CUSTOMERS), ("stripe-subscriptions.csv", &spoilt)]);
    tab.follow("Check the files");
}

/// A customer's own page, by a link made on the page of the customer.
fn own_page(tab: &mut Tab, at: &str) {
    tab.go(&format!("{at}/unison/sandbox/customers?subscription=active"));
    first(tab);
    tab.follow("Own page");
    tab.follow("Make a link");
    let link = tab.evaluate("document.querySelector('main .notice code').innerText");
    tab.go(link.as_str().unwrap_or_default());
}
