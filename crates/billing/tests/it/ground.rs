//! What every test stands on: an environment with a legal entity and Unison's price book.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use billing::{
    invoice::{Invoice, Line, State},
    subscription::{self, Start, Started},
};
use catalog::version;
use identity::{Customer, NewCustomer, customer, environment};
use jiff::Timestamp;
use jobs::Runner;
use kernel::{
    Currency, Cycle, Error, Id, Result, Zone,
    ids::{CustomerId, InvoiceId, MerchantId},
};
use ledger::AccountKind;
use store::{Actor, Mode, Scope, View, facts};
use testkit::TestDb;

pub const UNISON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/unison.toml");

/// An environment whose clock stands at `at` (a sandbox) or runs with the test's real time (live).
pub fn environment(test: &TestDb, mode: Mode, at: &str) -> Scope {
    let book = std::fs::read_to_string(UNISON).unwrap();
    environment_with(test, mode, at, &book)
}

pub fn environment_with(test: &TestDb, mode: Mode, at: &str, book: &str) -> Scope {
    let scope = Scope::environment(kernel::new_id(&kernel::SystemIds), mode, Actor::CommandLine);
    let (at, book): (Timestamp, _) = (at.parse().unwrap(), book.to_owned());
    let entity = environment::NewLegalEntity {
        name: "Unison GmbH".into(),
        country: "DE".into(),
        region: None,
        tax_id: None,
        registrations: Vec::new(),
        currency: Currency::parse("USD").unwrap(),
        zone: Zone::parse("Europe/Berlin").unwrap(),
        series: "INV".into(),
    };
    test.db
        .write(&scope, move |tx| {
            let merchant: MerchantId = Id::from_uuid(uuid::Uuid::from_u128(1));
            environment::create(tx, merchant, &format!("e{}", tx.env()?.uuid().simple())[..20], Some(at))?;
            environment::add_entity(tx, &entity)?;
            version::apply(tx, "book.toml", &book).map(drop)
        })
        .wait()
        .unwrap();
    scope
}

pub fn new_customer(name: &str, zone: &str) -> NewCustomer {
    NewCustomer {
        name: name.into(),
        email: Some("billing@example.com".into()),
        address: Some("1 Main Street, Springfield".into()),
        country: "US".into(),
        region: None,
        tax_id: None,
        tax_exempt: false,
        currency: Currency::parse("USD").unwrap(),
        zone: Some(Zone::parse(zone).unwrap()),
        external_id: None,
        metadata: serde_json::Value::Null,
    }
}

pub fn customer_in(test: &TestDb, scope: &Scope, zone: &str) -> Customer {
    // Each with an address of its own: who has the same one is the same customer to trials.
    static MADE: AtomicU32 = AtomicU32::new(0);
    let email = format!("billing{}@example.com", MADE.fetch_add(1, Ordering::Relaxed));
    let new = NewCustomer { email: Some(email), ..new_customer("Acme", zone) };
    test.db.write(scope, move |tx| customer::create(tx, new.clone())).wait().unwrap()
}

/// A monthly Starter from now on, its first invoice issued at once.
pub fn starter(customer: CustomerId) -> Start {
    Start::of(customer, "starter", Cycle::MONTH)
}

pub fn start(test: &TestDb, scope: &Scope, start: Start) -> Result<Started> {
    test.db.write(scope, move |tx| subscription::start(tx, &start)).wait()
}

/// Advance a sandbox clock and run the job that does it.
pub fn advance(test: &TestDb, scope: &Scope, to: &str) -> Result<(), Error> {
    let to: Timestamp = to.parse().unwrap();
    test.db.write(scope, move |tx| billing::clock::request_advance(tx, to)).wait()?;
    let runner = Runner::new(test.db.clone(), vec![billing::clock::advance_job_kind()], vec![]);
    runner.run_until_idle().map(drop)
}

/// Invoices oldest first, as `number issued total`.
pub fn issued(test: &TestDb, scope: &Scope) -> Vec<String> {
    let mut invoices = test.db.read(scope, |view| billing::invoice::list(view, None, 10_000)).wait().unwrap();
    invoices.reverse();
    let text = |invoice: &Invoice| {
        let date = invoice.issued.map(|date| date.to_string()).unwrap_or_default();
        format!("{} {date} {}", invoice.number.as_deref().unwrap_or("draft"), invoice.totals.total)
    };
    invoices.iter().map(text).collect()
}

/// The periods an invoice's lines pay for, in local dates, and their amounts.
pub fn lines(test: &TestDb, scope: &Scope, id: InvoiceId) -> Vec<String> {
    let lines = test.db.read(scope, move |view| billing::invoice::lines(view, id)).wait().unwrap();
    lines
        .iter()
        .map(|line| {
            let (start, end) = (line.period.start.date, line.period.end.date);
            format!("{} {start}..{end} ×{} {}", line.description, line.quantity, line.amount.decimal())
        })
        .collect()
}

/// What is counted with every write is what is there.
fn counted(view: &mut View<'_>) -> Result<()> {
    let sorted = |mut counts: Vec<_>| {
        counts.sort_unstable();
        counts
    };
    let kept = sorted(subscription::group_counts(view)?);
    assert_eq!(kept, sorted(subscription::group_counts_again(view)?));
    assert_eq!(ledger::account_counts(view)?, ledger::accounts_counted_again(view)?);
    assert_eq!(customer::count(view)?, customer::counted_again(view)?);
    Ok(())
}

/// What must hold after anything: the chain of facts, the ledger, every explanation, no credit beyond what
/// was billed, taxes that add up, and balances that are exactly what the documents say.
pub fn sound(test: &TestDb, scope: &Scope) {
    let renewed = test.db.write(&scope.clone().for_due_work(), billing::figures::renew).wait().unwrap();
    assert!(!renewed, "the sums of the months are those of their documents");
    test.db
        .read(scope, |view| {
            facts::verify(view)?;
            assert!(ledger::check(view)?.is_sound());
            grouped(view)?;
            counted(view)?;
            let mut sums = Sums::default();
            for invoice in billing::invoice::list(view, None, 100_000)? {
                sums.invoice(view, &invoice)?;
            }
            let payments = billing::payment::list(view, None, None, 100_000)?;
            let stayed = payments.iter().filter(|one| one.reversed.is_none());
            let received: i64 = stayed.map(|one| one.amount.minor()).sum();
            sums.credit += received - sums.paid;
            let balances = ledger::trial_balance(view, None)?;
            let held = |kind| -> i64 {
                balances.iter().filter(|one| one.account.kind == kind).map(|one| one.balance).sum()
            };
            assert_eq!(held(AccountKind::Cash), received);
            assert_eq!(held(AccountKind::Receivable), sums.owed);
            assert_eq!(held(AccountKind::BadDebt), sums.given_up);
            assert_eq!(-held(AccountKind::CustomerCredit), sums.credit);
            assert_eq!(-held(AccountKind::DeferredRevenue) - held(AccountKind::Revenue), sums.net);
            for one in balances.iter().filter(|one| one.account.kind == AccountKind::TaxPayable) {
                let place = one.account.owner.clone().unwrap();
                assert_eq!(-one.balance, sums.tax.remove(&place).unwrap_or(0), "{place}");
            }
            assert!(sums.tax.values().all(|left| *left == 0), "{:?} was never posted", sums.tax);
            Ok(())
        })
        .wait()
        .unwrap();
}

/// Subscriptions are counted under what they agreed to and where they stand.
fn grouped(view: &mut View<'_>) -> Result<()> {
    let counts = subscription::group_counts(view)?;
    let mut counts: BTreeMap<_, _> =
        counts.into_iter().map(|(one, count)| ((one.book, one.state.word(), one.plan), count)).collect();
    for one in subscription::list(view, None, 100_000)? {
        let count = counts.entry((one.book, one.state.word(), one.plan().to_owned())).or_default();
        *count -= 1;
    }
    assert!(counts.values().all(|left| *left == 0), "counted and listed differ by {counts:?}");
    Ok(())
}

/// What payments have settled of an invoice: what it says itself, and what they say.
fn paid_of(view: &mut View<'_>, invoice: &Invoice) -> Result<()> {
    let settled = billing::payment::of_invoice(view, invoice.id)?;
    let settled: i64 = settled.iter().map(|(_, settlement)| settlement.amount.minor()).sum();
    assert_eq!(invoice.paid.minor(), settled, "{}", invoice.id);
    let due = invoice.amount_due()?;
    assert!(!due.is_negative(), "{} is overpaid", invoice.id);
    match invoice.state {
        State::Paid => assert!(due.is_zero(), "{}", invoice.id),
        State::Finalized => assert!(!due.is_zero(), "{}", invoice.id),
        _ => {}
    }
    Ok(())
}

/// What documents say that balances are, in minor units.
#[derive(Default)]
struct Sums {
    owed: i64,
    given_up: i64,
    credit: i64,
    paid: i64,
    net: i64,
    tax: BTreeMap<String, i64>,
}

impl Sums {
    fn invoice(&mut self, view: &mut View<'_>, invoice: &Invoice) -> Result<()> {
        let lines = billing::invoice::lines(view, invoice.id)?;
        for line in &lines {
            assert_eq!(line.explanation.recompute()?, line.amount, "{}", invoice.id);
        }
        paid_of(view, invoice)?;
        let taxes = billing::invoice::taxes(view, invoice.id)?;
        let totals = invoice.totals;
        let sum = |amounts: Vec<kernel::Money>| amounts.iter().map(|amount| amount.minor()).sum::<i64>();
        assert_eq!(sum(lines.iter().map(|line| line.amount).collect()), totals.subtotal.minor());
        assert_eq!(sum(lines.iter().map(|line| line.tax).collect()), totals.tax.minor(), "{}", invoice.id);
        assert_eq!(sum(taxes.iter().map(|tax| tax.amount).collect()), totals.tax.minor());
        assert_eq!(sum(taxes.iter().map(|tax| tax.base).collect()), totals.subtotal.minor());
        assert_eq!(totals.subtotal.minor() + totals.tax.minor(), totals.total.minor());
        if invoice.number.is_some() && invoice.state != State::Void {
            self.net += totals.subtotal.minor();
            self.credit -= invoice.credit.minor();
            self.paid += invoice.paid.minor();
            let left = totals.total.minor() - invoice.amount_paid()?.minor();
            match invoice.state {
                State::Uncollectible => self.given_up += left,
                _ => self.owed += left,
            }
            for tax in &taxes {
                *self.tax.entry(tax.treatment.jurisdiction.to_string()).or_default() += tax.amount.minor();
            }
        }
        self.corrections(view, invoice, &lines)
    }

    /// What credit notes take back of an invoice.
    fn corrections(&mut self, view: &mut View<'_>, invoice: &Invoice, lines: &[Line]) -> Result<()> {
        let mut back: BTreeMap<i64, [i64; 2]> = BTreeMap::new();
        for note in billing::credit_note::of_invoice(view, invoice.id)? {
            assert_ne!(invoice.state, State::Void, "a corrected invoice stands");
            let of_note = billing::credit_note::lines(view, note.id)?;
            let sum: i64 = of_note.iter().map(|line| line.credit.amount.minor()).sum();
            let tax: i64 = of_note.iter().map(|line| line.credit.tax.minor()).sum();
            assert_eq!([sum, tax], [note.totals.subtotal.minor(), note.totals.tax.minor()], "{}", note.id);
            assert_eq!(sum + tax, note.totals.total.minor());
            for line in of_note {
                let [net, tax] = back.entry(line.credit.invoice_line).or_default();
                (*net, *tax) = (*net + line.credit.amount.minor(), *tax + line.credit.tax.minor());
            }
            self.net -= sum;
            self.credit += note.totals.total.minor();
            for tax in billing::credit_note::taxes(view, note.id)? {
                *self.tax.entry(tax.treatment.jurisdiction.to_string()).or_default() -= tax.amount.minor();
            }
        }
        for (line, [net, tax]) in back {
            let billed = &lines[usize::try_from(line).unwrap()];
            assert!(net <= billed.amount.minor(), "more than was billed");
            let share = kernel::cumulative_share(billed.tax.minor(), net, billed.amount.minor());
            assert_eq!(tax, share, "tax is credited in proportion, whatever the steps");
        }
        Ok(())
    }
}
