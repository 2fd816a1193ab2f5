//! Taxes of invoices and credit notes, from whom they concern to what they post.

use billing::{
    credit_note,
    invoice::{self, Invoice, finalize},
    subscription::{Change, Start, Timing, cancel, change, pause, preview, preview_change, resume},
};
use identity::{NewCustomer, customer, environment};
use kernel::{
    AnyId, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, environment_with, new_customer, sound, starter},
};

/// Odd prices, so that tax has something to round; a part that is exempt.
const BOOK: &str = r#"
    book = 1
    name = "Odd"
    currency = "EUR"
    [billing]
    proration = "day"
    [features]
    users = { name = "Users", kind = "limit", unit = "user" }
    [plans.starter]
    name = "Small"
    price = { month = "31.03" }
    [plans.large]
    name = "Large"
    price = { month = "61.01" }
    [addons.extra]
    name = "Extra"
    price = { per = "user", month = "1.03" }
    raises = { users = 1 }
    [addons.cover]
    name = "Insurance"
    price = { per = "user", month = "10" }
    raises = { users = 1 }
    tax = "exempt"
"#;

/// An environment whose legal entity collects tax in these places.
pub fn collecting(test: &TestDb, at: &str, book: &str, registrations: &str) -> Scope {
    let scope = environment_with(test, Mode::Sandbox, at, book);
    let registrations = registrations.split(' ').map(|code| code.parse().unwrap()).collect();
    let edit = environment::EntityEdit {
        registrations: Some(registrations),
        tax_id: Some(Some("DE123456789".into())),
        ..Default::default()
    };
    let change = test.db.write(&scope, move |tx| {
        let id = environment::entity(tx, None)?.id;
        environment::change_entity(tx, id, edit.clone())
    });
    change.wait().unwrap();
    scope
}

/// A customer of that country, with a tax id when there is one.
pub fn buyer(test: &TestDb, scope: &Scope, country: &str, tax_id: Option<&str>) -> CustomerId {
    let new = NewCustomer {
        country: country.into(),
        tax_id: tax_id.map(str::to_owned),
        currency: kernel::Currency::parse("EUR").unwrap(),
        ..new_customer("Meyer", "Europe/Berlin")
    };
    test.db.write(scope, move |tx| customer::create(tx, new.clone())).wait().unwrap().id
}

fn start(test: &TestDb, scope: &Scope, command: Start) -> (SubscriptionId, InvoiceId) {
    let started = ground::start(test, scope, command).unwrap();
    (started.subscription.id, started.invoice.unwrap())
}

fn find(test: &TestDb, scope: &Scope, id: InvoiceId) -> Invoice {
    test.db.read(scope, move |view| invoice::find(view, id)).wait().unwrap()
}

/// Each tax as `DE standard 19 % of 31.03: 5.90`.
fn taxes(test: &TestDb, scope: &Scope, id: InvoiceId) -> Vec<String> {
    shown(test.db.read(scope, move |view| invoice::taxes(view, id)).wait().unwrap())
}

fn shown(taxes: Vec<tax::Tax>) -> Vec<String> {
    let one = |tax: &tax::Tax| {
        let treatment = &tax.treatment;
        let (place, kind, rate) = (&treatment.jurisdiction, treatment.kind.word(), treatment.rate);
        format!("{place} {kind} {rate} % of {}: {}", tax.base.decimal(), tax.amount.decimal())
    };
    taxes.iter().map(one).collect()
}

/// Postings of a document, without the customer's id.
pub fn postings(test: &TestDb, scope: &Scope, document: AnyId) -> Vec<String> {
    let entries = test.db.read(scope, move |view| ledger::of_document(view, document)).wait().unwrap();
    let posting = |posting: &ledger::Posting| {
        let account = posting.account.to_string();
        let account = account.split(":cus_").next().unwrap_or_default().to_owned();
        format!("{account} {}", posting.amount.decimal())
    };
    entries.iter().flat_map(|entry| entry.postings.iter().map(posting)).collect()
}

fn to_plan(key: &str) -> Change {
    Change { plan: Some(key.into()), ..Change::default() }
}

#[test]
fn an_invoice_carries_the_tax_of_its_place_and_the_preview_says_so_before() {
    on_both(ALL, |test| {
        let scope = collecting(test, "2026-01-01T09:00:00Z", BOOK, "DE");
        let command = Start {
            addons: [("extra".to_owned(), 3), ("cover".to_owned(), 1)].into(),
            ..starter(buyer(test, &scope, "DE", None))
        };
        let asked = command.clone();
        let seen = test.db.read(&scope, move |view| preview(view, &asked)).wait().unwrap();
        let (draft, totals) = seen.invoice.unwrap();
        let (_, id) = start(test, &scope, command);
        let invoice = find(test, &scope, id);
        assert_eq!(invoice.totals, totals, "the preview is what is billed");
        assert_eq!(shown(draft.taxes), taxes(test, &scope, id));
        // 31.03 + 3.09 = 34.12, of which 19 % are 6.4828; the insurance is exempt.
        assert_eq!(
            taxes(test, &scope, id),
            ["DE exempt 0 % of 10.00: 0.00", "DE standard 19 % of 34.12: 6.48"]
                .iter()
                .map(ToString::to_string)
                .rev()
                .collect::<Vec<_>>()
        );
        assert_eq!(invoice.totals.total.decimal(), "50.60");
        let lines = test.db.read(&scope, move |view| invoice::lines(view, id)).wait().unwrap();
        let parts: Vec<String> =
            lines.iter().map(|line| format!("{} {}", line.key, line.tax.decimal())).collect();
        // 5.8957 and 0.5871: rounded so that they add up to 6.48.
        assert_eq!(parts, ["starter 5.89", "cover 0.00", "extra 0.59"]);
        assert_eq!(
            postings(test, &scope, id.any()),
            ["receivable 50.60", "deferred_revenue -44.12", "tax_payable:DE -6.48"]
        );
        let seller = invoice.seller.unwrap();
        assert_eq!(seller.tax_id.as_deref(), Some("DE123456789"));
        sound(test, &scope);
    });
}

#[test]
fn who_buys_and_where_decides() {
    on_both(ALL, |test| {
        let scope = collecting(test, "2026-01-01T09:00:00Z", BOOK, "DE OSS");
        for (country, tax_id, expected, note) in [
            ("FR", Some("FR12345678901"), "FR reverse_charge 0 % of 31.03: 0.00", "Reverse charge"),
            ("FR", None, "FR standard 20 % of 31.03: 6.21", ""),
            ("US", None, "DE export 0 % of 31.03: 0.00", "Not subject to VAT"),
        ] {
            let (_, id) = start(test, &scope, starter(buyer(test, &scope, country, tax_id)));
            assert_eq!(taxes(test, &scope, id), [expected]);
            let of = test.db.read(&scope, move |view| invoice::taxes(view, id)).wait().unwrap();
            assert!(of[0].treatment.note.as_deref().unwrap_or_default().contains(note), "{country}");
            assert_eq!(find(test, &scope, id).party.unwrap().tax_id.as_deref(), tax_id);
        }
        sound(test, &scope);
    });
}

#[test]
fn a_draft_is_taxed_by_what_is_known_when_it_is_finalized() {
    on_both(ALL, |test| {
        let scope = collecting(test, "2026-01-01T09:00:00Z", BOOK, "DE OSS");
        let buyer = buyer(test, &scope, "FR", None);
        let (_, id) = start(test, &scope, Start { finalize: false, ..starter(buyer) });
        assert_eq!(taxes(test, &scope, id), ["FR standard 20 % of 31.03: 6.21"]);
        let edit = customer::Edit { tax_id: Some(Some("FR12345678901".into())), ..Default::default() };
        test.db.write(&scope, move |tx| customer::change(tx, buyer, edit.clone())).wait().unwrap();
        let issued = test.db.write(&scope, move |tx| finalize(tx, id)).wait().unwrap();
        assert_eq!(issued.totals.total.decimal(), "31.03");
        assert_eq!(find(test, &scope, id), issued);
        assert_eq!(taxes(test, &scope, id), ["FR reverse_charge 0 % of 31.03: 0.00"]);
        assert_eq!(postings(test, &scope, id.any()), ["receivable 31.03", "deferred_revenue -31.03"]);
        // What is issued stays as it was, whatever becomes of the customer.
        let back = customer::Edit { tax_id: Some(None), ..Default::default() };
        test.db.write(&scope, move |tx| customer::change(tx, buyer, back.clone())).wait().unwrap();
        assert_eq!(find(test, &scope, id), issued);
        sound(test, &scope);
    });
}

#[test]
fn credit_notes_give_tax_back_and_post_it_back() {
    on_both(ALL, |test| {
        let scope = collecting(test, "2026-01-01T09:00:00Z", BOOK, "DE");
        let (id, first) = start(test, &scope, starter(buyer(test, &scope, "DE", None)));
        advance(test, &scope, "2026-01-11T12:00:00Z").unwrap();
        let command = to_plan("large");
        let asked = command.clone();
        let seen = test.db.read(&scope, move |view| preview_change(view, id, &asked, Timing::Now));
        let seen = seen.wait().unwrap();
        let changed = test.db.write(&scope, move |tx| change(tx, id, &command, Timing::Now)).wait().unwrap();
        let note = changed.credit_notes[0];
        let of_note = test.db.read(&scope, move |view| credit_note::find(view, note)).wait().unwrap();
        // 21 of 31 days: 31.03 × 21/31 = 21.0203…; of the tax of 5.90 the part 21.02 ÷ 31.03 is 3.9967….
        assert_eq!(of_note.totals.subtotal.decimal(), "21.02");
        assert_eq!(of_note.totals.tax.decimal(), "4.00");
        assert_eq!(seen.credited, of_note.totals.total);
        let back = test.db.read(&scope, move |view| credit_note::taxes(view, note)).wait().unwrap();
        assert_eq!(shown(back), ["DE standard 19 % of 21.02: 4.00"]);
        assert_eq!(
            postings(test, &scope, note.any()),
            ["deferred_revenue 21.02", "tax_payable:DE 4.00", "customer_credit -25.02"]
        );
        let bill = find(test, &scope, changed.invoice.unwrap());
        assert_eq!(seen.invoice.unwrap().1, bill.totals);
        assert_eq!(bill.credit.decimal(), "25.02", "credit pays gross");
        assert_eq!(find(test, &scope, first).totals.tax.decimal(), "5.90");
        sound(test, &scope);
        // Ended in several steps, a line gives back no more tax than it had.
        for day in ["2026-01-20T12:00:00Z", "2026-01-25T12:00:00Z"] {
            advance(test, &scope, day).unwrap();
            let add =
                Change { addons: [("extra".into(), day.len() as i64 % 7 + 1)].into(), ..Change::default() };
            let _ = test.db.write(&scope, move |tx| change(tx, id, &add, Timing::Now)).wait();
            sound(test, &scope);
        }
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::Now)).wait().unwrap();
        sound(test, &scope);
    });
}

#[test]
fn a_rate_changes_with_the_day() {
    let test = TestDb::sqlite(ALL);
    let scope = collecting(&test, "2020-05-15T09:00:00Z", BOOK, "DE");
    start(&test, &scope, starter(buyer(&test, &scope, "DE", None)));
    advance(&test, &scope, "2021-02-01T00:00:00Z").unwrap();
    let mut invoices = test.db.read(&scope, |view| invoice::list(view, None, 100)).wait().unwrap();
    invoices.reverse();
    let rates: Vec<String> = invoices
        .iter()
        .map(|invoice| {
            let tax = &taxes(&test, &scope, invoice.id)[0];
            format!("{} {}", invoice.issued.unwrap(), tax.split(' ').nth(2).unwrap())
        })
        .collect();
    assert_eq!(
        rates[1..4].iter().chain(&rates[7..]).map(String::as_str).collect::<Vec<_>>(),
        ["2020-06-15 19", "2020-07-15 16", "2020-08-15 16", "2020-12-15 16", "2021-01-15 19"]
    );
    sound(&test, &scope);
}

#[test]
fn the_book_says_where_tax_is_rounded() {
    let test = TestDb::sqlite(ALL);
    for (rounding, tax) in [("category", "0.39"), ("line", "0.40"), ("document", "0.39")] {
        let book = BOOK.replace("proration = \"day\"", &format!("tax_rounding = {rounding:?}"));
        let book = book.replace("31.03", "1.03").replace("61.01", "2.05");
        let scope = collecting(&test, "2026-01-01T09:00:00Z", &book, "DE");
        let customer = buyer(&test, &scope, "DE", None);
        // Twice 1.03: 0.1957 each, 0.3914 together.
        let (_, id) =
            start(&test, &scope, Start { addons: [("extra".into(), 1)].into(), ..starter(customer) });
        let invoice = find(&test, &scope, id);
        assert_eq!(invoice.totals.tax.decimal(), tax, "{rounding}");
        // A draft remembers it.
        let command = Start { addons: [("extra".into(), 1)].into(), finalize: false, ..starter(customer) };
        let (_, draft) = start(&test, &scope, command);
        let issued = test.db.write(&scope, move |tx| finalize(tx, draft)).wait().unwrap();
        assert_eq!(issued.totals.tax.decimal(), tax, "{rounding}");
    }
}

/// A small generator: the same seed makes the same life.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Random lives of a customer who pays tax: whatever is changed, paused, resumed and canceled, documents, taxes and
/// ledger agree, and what was credited whole has given back its whole tax.
#[test]
fn random_lives_keep_tax_exact() {
    for seed in 1..=12_u64 {
        let test = TestDb::sqlite(ALL);
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let scope = collecting(&test, "2026-01-01T09:00:00Z", BOOK, "DE OSS");
        let country = ["DE", "FR", "HU", "FI"][dice.roll(4) as usize];
        let (id, _) = start(&test, &scope, starter(buyer(&test, &scope, country, None)));
        let mut day: jiff::Timestamp = "2026-01-01T09:00:00Z".parse().unwrap();
        for _ in 0..10 {
            day += jiff::SignedDuration::from_hours(24 * dice.roll(9) as i64 + 1);
            advance(&test, &scope, &day.to_string()).unwrap();
            let what = dice.roll(6);
            let count = dice.roll(7) as i64;
            let done: Result<()> = test
                .db
                .write(&scope, move |tx| {
                    let addons =
                        |key: &str| Change { addons: [(key.into(), count)].into(), ..Change::default() };
                    match what {
                        0 => change(tx, id, &to_plan("large"), Timing::Now).map(drop),
                        1 => change(tx, id, &to_plan("starter"), Timing::Now).map(drop),
                        2 => change(tx, id, &addons("extra"), Timing::Now).map(drop),
                        3 => change(tx, id, &addons("cover"), Timing::Now).map(drop),
                        4 => pause(tx, id).map(drop),
                        _ => resume(tx, id).map(drop),
                    }
                })
                .wait();
            assert!(done.is_ok() || done.as_ref().is_err_and(|error| error.kind.status() == 409), "{done:?}");
            sound(&test, &scope);
        }
        let _ = test.db.write(&scope, move |tx| cancel(tx, id, Timing::Now)).wait();
        sound(&test, &scope);
    }
}
