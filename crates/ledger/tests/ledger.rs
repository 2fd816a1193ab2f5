//! The ledger on both databases.

use std::thread;

use jiff::Timestamp;
use kernel::{
    Currency, Money, SystemIds,
    ids::{Invoice, LedgerTransactionId, LegalEntityId},
    new_id,
};
use ledger::{Account, AccountKind, ChartEntry, JournalPlace, KindTotal, Posting, Transaction};
use proptest::{prelude::*, test_runner::TestRunner};
use store::{Db, Mode, Pending, Scope, ToValue, Tx, params};
use testkit::{TestDb, on_both};

static CONTEXTS: &[&store::Context] = &[&store::CONTEXT, &ledger::CONTEXT];

store::statements! {
    environment RAISE_AMOUNTS = "UPDATE posting SET amount = amount + 1 WHERE env_id = $1";
    environment DROP_POSTINGS = "DELETE FROM posting WHERE env_id = $1";
    environment MOVE_TRANSACTIONS = "UPDATE ledger_transaction SET effective = $2 WHERE env_id = $1";
    environment DROP_TRANSACTIONS = "DELETE FROM ledger_transaction WHERE env_id = $1";
    environment RENAME_ACCOUNTS = "UPDATE ledger_account SET owner = 'x' WHERE env_id = $1";
    environment DROP_ACCOUNTS = "DELETE FROM ledger_account WHERE env_id = $1";
    environment DROP_SUMS = "DELETE FROM ledger_day WHERE env_id = $1 AND kind = 'receivable'";
}

store::bulks! {
    FORGE = insert "posting" { transaction_id: uuid, ordinal: int, account_id: uuid, currency: text, amount: int };
}

fn usd(minor: i64) -> Money {
    money(minor, "USD")
}
fn money(minor: i64, currency: &str) -> Money {
    Money::new(minor, Currency::parse(currency).unwrap()).unwrap()
}
fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Test accounts of one legal entity.
#[derive(Clone, Copy)]
struct Books(LegalEntityId);

impl Books {
    fn new() -> Self {
        Self(new_id(&SystemIds))
    }
    fn receivable(self, customer: &str) -> Account {
        Account::owned(self.0, AccountKind::Receivable, customer)
    }
    fn revenue(self, product: &str) -> Account {
        Account::owned(self.0, AccountKind::Revenue, product)
    }
    /// An invoice of one customer for one product.
    fn sale(self, customer: &str, minor: i64, effective: &str) -> Transaction {
        Transaction {
            effective: instant(effective),
            document: new_id::<Invoice>(&SystemIds).any(),
            kind: "invoice.finalized",
            postings: vec![
                Posting::debit(self.receivable(customer), usd(minor)),
                Posting::credit(self.revenue("plan"), usd(minor)),
            ],
        }
    }
}

fn post(db: &Db, scope: &Scope, transactions: Vec<Transaction>) -> Pending<Vec<LedgerTransactionId>> {
    db.write(scope, move |tx| ledger::post(tx, &transactions))
}

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(CONTEXTS);
}

#[test]
fn a_posted_document_reads_back() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        let mut sale = books.sale("cus_a", 1_000, "2026-01-01T00:00:00Z");
        sale.postings.push(Posting::debit(books.receivable("cus_a"), usd(200)));
        sale.postings.push(Posting::credit(Account::owned(books.0, AccountKind::TaxPayable, "DE"), usd(200)));
        let document = sale.document;
        let ids = post(&test.db, &scope, vec![sale.clone(), books.sale("cus_b", 1, "2026-01-01T00:00:00Z")]);
        let ids = ids.wait().unwrap();
        let entries = test.db.read(&scope, move |view| ledger::of_document(view, document)).wait().unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].id, entries[0].document), (ids[0], document));
        assert_eq!((entries[0].kind.as_str(), entries[0].effective), (sale.kind, sale.effective));
        assert_eq!(entries[0].recorded, test.db.real_now());
        assert_eq!(entries[0].postings, sale.postings);

        // Another kind of document with the same raw id is another document, and so is another environment's.
        let other = kernel::AnyId { prefix: "sub", ..document };
        assert!(
            test.db.read(&scope, move |view| ledger::of_document(view, other)).wait().unwrap().is_empty()
        );
        let elsewhere = test.environment(Mode::Live);
        assert!(
            test.db
                .read(&elsewhere, move |view| ledger::of_document(view, document))
                .wait()
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn one_wrong_transaction_refuses_all() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        let good = books.sale("cus_a", 1_000, "2026-01-01T00:00:00Z");
        let mut bad = books.sale("cus_a", 1_000, "2026-01-01T00:00:00Z");
        bad.postings[0].amount = usd(999);
        let refused = post(&test.db, &scope, vec![good, bad]).wait().unwrap_err();
        assert_eq!(refused.code, "ledger_unbalanced");
        let report = test.db.read(&scope, ledger::check).wait().unwrap();
        assert_eq!((report.transactions, report.postings, report.accounts), (0, 0, 0));
        assert!(post(&test.db, &scope, Vec::new()).wait().unwrap().is_empty());
    });
}

#[test]
fn the_trial_balance_stands_at_any_instant() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        let sales = vec![
            books.sale("cus_a", 1_000, "2026-01-01T00:00:00Z"),
            books.sale("cus_b", 500, "2026-02-01T00:00:00Z"),
            books.sale("cus_a", -300, "2026-03-01T00:00:00Z"),
        ];
        post(&test.db, &scope, sales).wait().unwrap();
        let shown = |as_of: Option<&str>| -> Vec<(String, i64, i64, i64)> {
            let as_of = as_of.map(instant);
            let balances =
                test.db.read(&scope, move |view| ledger::trial_balance(view, as_of)).wait().unwrap();
            assert_eq!(balances.iter().map(|b| b.balance).sum::<i64>(), 0);
            balances.into_iter().map(|b| (b.account.to_string(), b.debit, b.credit, b.balance)).collect()
        };
        let row = |account: &str, debit, credit| (account.to_owned(), debit, credit, debit - credit);
        assert_eq!(shown(Some("2025-12-31T23:59:59.999999Z")), []);
        assert_eq!(
            shown(Some("2026-01-01T00:00:00Z")),
            [row("receivable:cus_a", 1_000, 0), row("revenue:plan", 0, 1_000)]
        );
        let whole = [
            row("receivable:cus_a", 1_000, 300),
            row("receivable:cus_b", 500, 0),
            row("revenue:plan", 300, 1_500),
        ];
        assert_eq!(shown(Some("2026-03-01T00:00:00Z")), whole);
        assert_eq!(shown(None), whole);
    });
}

#[test]
fn a_statement_pages_with_a_running_balance() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        let (customer, revenue) = (books.receivable("cus_a"), books.revenue("plan"));
        let euros = Transaction {
            postings: vec![
                Posting::debit(customer.clone(), money(70, "EUR")),
                Posting::credit(revenue, money(70, "EUR")),
                Posting::debit(customer.clone(), usd(5)),
                Posting::credit(customer.clone(), usd(5)),
            ],
            ..books.sale("cus_a", 1, "2026-01-05T00:00:00Z")
        };
        let sale = |minor| books.sale("cus_a", minor, "2026-01-01T00:00:00Z");
        post(
            &test.db,
            &scope,
            vec![sale(100), euros, sale(-40), books.sale("cus_b", 9, "2026-01-01T00:00:00Z")],
        )
        .wait()
        .unwrap();
        let id =
            test.db.read(&scope, move |view| ledger::find_account(view, &customer)).wait().unwrap().unwrap();

        let (mut after, mut lines) = (None, Vec::new());
        let pages = (1..).find(|_| {
            let page =
                test.db.read(&scope, move |view| ledger::statement(view, id, after, 2)).wait().unwrap();
            lines.extend(page.lines.iter().map(|line| (line.amount, line.balance)));
            after = page.next;
            after.is_none()
        });
        assert_eq!(pages, Some(3));
        assert_eq!(
            lines,
            [(usd(100), 100), (money(70, "EUR"), 70), (usd(5), 105), (usd(-5), 100), (usd(-40), 60)]
        );
        let whole = test.db.read(&scope, move |view| ledger::statement(view, id, None, 5)).wait().unwrap();
        assert_eq!((whole.lines.len(), whole.next), (5, None));

        let elsewhere = test.environment(Mode::Live);
        let foreign =
            test.db.read(&elsewhere, move |view| ledger::statement(view, id, None, 5)).wait().unwrap_err();
        assert_eq!(foreign.code, "not_found");
    });
}

#[test]
fn accounts_are_listed_in_order() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        let sale = |customer| books.sale(customer, 1, "2026-01-01T00:00:00Z");
        post(&test.db, &scope, vec![sale("b"), sale("a_"), sale("aa"), sale("Z")]).wait().unwrap();
        let accounts = test.db.read(&scope, ledger::accounts).wait().unwrap();
        let shown: Vec<String> = accounts.iter().map(|known| known.account.to_string()).collect();
        assert_eq!(shown, ["receivable:Z", "receivable:a_", "receivable:aa", "receivable:b", "revenue:plan"]);
        let id = accounts[0].id;
        let account = test.db.read(&scope, move |view| ledger::account(view, id)).wait().unwrap();
        assert_eq!(account, accounts[0].account);
        let unknown = books.receivable("nobody");
        assert_eq!(
            test.db.read(&scope, move |view| ledger::find_account(view, &unknown)).wait().unwrap(),
            None
        );
    });
}

/// Books of two legal entities over four days, with postings at the edges of days.
fn some_days(test: &TestDb) -> (Scope, [Books; 2]) {
    let (scope, books) = (test.environment(Mode::Live), [Books::new(), Books::new()]);
    let times = [
        "2026-01-01T00:00:00Z",
        "2026-01-01T23:59:59.999999Z",
        "2026-01-02T00:00:00Z",
        "2026-01-02T12:00:00Z",
        "2026-01-05T23:00:00Z",
    ];
    let mut sales = Vec::new();
    for (at, time) in times.into_iter().enumerate() {
        for (place, books) in books.into_iter().enumerate() {
            let mut sale = books.sale(["cus_a", "cus_b", "cus_c"][at % 3], 100 + 7 * at as i64, time);
            let euros = money(3 + place as i64, "EUR");
            let product = ["plan", "addon"][at % 2];
            sale.postings.push(Posting::debit(Account::single(books.0, AccountKind::Refunds), euros));
            sale.postings.push(Posting::credit(books.revenue(product), euros));
            sales.push(sale);
        }
    }
    post(&test.db, &scope, sales).wait().unwrap();
    (scope, books)
}

#[test]
fn sums_of_days_say_what_the_postings_say_at_any_instant() {
    on_both(CONTEXTS, |test| {
        let (scope, _) = some_days(test);
        let instants = [
            "2025-12-31T23:59:59.999999Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T23:59:59.999999Z",
            "2026-01-02T00:00:00Z",
            "2026-01-02T11:59:59Z",
            "2026-01-03T00:00:00Z",
            "2026-01-06T00:00:00Z",
        ];
        for as_of in instants.map(|text| Some(instant(text))).into_iter().chain([None]) {
            let (summed, single) = test
                .db
                .read(&scope, move |view| {
                    Ok((ledger::totals(view, as_of)?, ledger::trial_balance(view, as_of)?))
                })
                .wait()
                .unwrap();
            let of = |total: &KindTotal| {
                let mine = single.iter().filter(|balance| {
                    (balance.account.entity, balance.account.kind, balance.currency)
                        == (total.entity, total.kind, total.currency)
                        && (total.owner.is_none() || balance.account.owner == total.owner)
                });
                mine.fold((0, 0), |(debit, credit), one| (debit + one.debit, credit + one.credit))
            };
            for total in &summed {
                assert_eq!((total.debit, total.credit), of(total), "{as_of:?}: {total:?}");
                assert_eq!(total.owner.is_some(), total.kind == AccountKind::Revenue);
            }
            let sum = |debit: bool| {
                summed.iter().map(|one| if debit { one.debit } else { one.credit }).sum::<i64>()
            };
            assert_eq!(sum(true), single.iter().map(|one| one.debit).sum::<i64>());
            assert_eq!(sum(true), sum(false));
        }
    });
}

#[test]
fn lost_sums_are_noticed_and_added_up_anew() {
    on_both(CONTEXTS, |test| {
        let (scope, _) = some_days(test);
        let whole = test.db.read(&scope, |view| ledger::totals(view, None)).wait().unwrap();
        assert!(!test.db.write(&scope, ledger::renew_sums).wait().unwrap(), "nothing to do");
        test.db.write(&scope, |tx| tx.exec(&DROP_SUMS, params![])).wait().unwrap();
        assert!(!test.db.read(&scope, ledger::check).wait().unwrap().is_sound());
        assert!(test.db.write(&scope, ledger::renew_sums).wait().unwrap());
        assert!(test.db.read(&scope, ledger::check).wait().unwrap().is_sound());
        assert_eq!(test.db.read(&scope, |view| ledger::totals(view, None)).wait().unwrap(), whole);
    });
}

#[test]
fn a_statement_reads_backwards_to_the_same_balances() {
    on_both(CONTEXTS, |test| {
        let (scope, _) = some_days(test);
        for known in test.db.read(&scope, ledger::accounts).wait().unwrap() {
            let id = known.id;
            let forwards = test.db.read(&scope, move |view| ledger::statement(view, id, None, 1_000));
            let mut expected = forwards.wait().unwrap().lines;
            expected.reverse();
            let (mut lines, mut before) = (Vec::new(), None);
            loop {
                let page = test.db.read(&scope, move |view| ledger::statement_back(view, id, before, 2));
                let page = page.wait().unwrap();
                lines.extend(page.lines);
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(lines, expected, "{}", known.account);
        }
    });
}

#[test]
fn accounts_of_a_kind_are_read_page_by_page_with_what_they_hold() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = some_days(test);
        let as_of = Some(instant("2026-01-02T00:00:00Z"));
        for kind in [AccountKind::Receivable, AccountKind::Revenue, AccountKind::Refunds, AccountKind::Cash] {
            let entity = books[1].0;
            let (mut accounts, mut after) = (Vec::new(), String::new());
            loop {
                let behind = after.clone();
                let page =
                    test.db.read(&scope, move |view| ledger::accounts_of(view, entity, kind, &behind, 2));
                let page = page.wait().unwrap();
                let Some(owner) = page.last().and_then(|last| last.account.owner.clone()) else {
                    accounts.extend(page);
                    break;
                };
                accounts.extend(page);
                after = owner;
            }
            let known = accounts.clone();
            let read = test.db.read(&scope, move |view| {
                let counts = ledger::account_counts(view)?;
                let balances = ledger::balances(view, known.clone(), as_of)?;
                Ok((balances, ledger::trial_balance(view, as_of)?, counts.get(&(entity, kind)).copied()))
            });
            let (mut balances, mut expected, count) = read.wait().unwrap();
            expected.retain(|one| one.account.entity == entity && one.account.kind == kind);
            let order = |one: &ledger::Balance| (one.account.clone(), one.currency);
            balances.sort_by_key(order);
            assert_eq!(balances, expected, "{kind}");
            assert_eq!(accounts.len() as i64, count.unwrap_or_default(), "{kind}");
        }
    });
}

/// Whatever is posted: the books balance, and each balance is the sum of what was posted to the account.
#[test]
fn random_books_balance() {
    // (which account, which currency, amount) of each posting but the balancing one.
    let posting = (
        0..6_usize,
        0..3_usize,
        (-1_000_000_000_000..1_000_000_000_000_i64).prop_filter("zero", |n| *n != 0),
    );
    let transactions = prop::collection::vec(prop::collection::vec(posting, 1..6), 1..12);
    on_both(CONTEXTS, |test| {
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 24, failure_persistence: None, ..<_>::default() });
        runner.run(&transactions, |drawn| holds_for(test, &drawn)).unwrap();
    });
}

fn holds_for(test: &TestDb, drawn: &[Vec<(usize, usize, i64)>]) -> Result<(), TestCaseError> {
    let (scope, books) = (test.environment(Mode::Live), Books::new());
    let mut expected = std::collections::BTreeMap::<(String, String), i64>::new();
    let mut transactions = Vec::new();
    for drawn in drawn {
        let mut transaction = books.sale("cus_a", 1, "2026-01-01T00:00:00Z");
        transaction.postings.clear();
        for (account, currency, minor) in drawn {
            let amount = money(*minor, ["USD", "EUR", "JPY"][*currency]);
            let account = if *account < 3 {
                books.receivable(&account.to_string())
            } else {
                books.revenue(&account.to_string())
            };
            let balancing = Account::single(books.0, AccountKind::Unbilled);
            for posting in [Posting::debit(account, amount), Posting::credit(balancing, amount)] {
                let key = (posting.account.to_string(), amount.currency().to_string());
                *expected.entry(key).or_default() += posting.amount.minor();
                transaction.postings.push(posting);
            }
        }
        transactions.push(transaction);
    }
    let count = transactions.len() as i64;
    let document = transactions[0].document;
    let first = transactions[0].postings.clone();
    post(&test.db, &scope, transactions).wait()?;

    let balances = test.db.read(&scope, |view| ledger::trial_balance(view, None)).wait()?;
    let found: std::collections::BTreeMap<_, _> =
        balances.iter().map(|b| ((b.account.to_string(), b.currency.to_string()), b.balance)).collect();
    prop_assert_eq!(found, expected);
    let report = test.db.read(&scope, ledger::check).wait()?;
    prop_assert!(report.is_sound(), "{:?}", report);
    prop_assert_eq!(report.transactions, count);
    let entries = test.db.read(&scope, move |view| ledger::of_document(view, document)).wait()?;
    prop_assert_eq!(&entries[0].postings, &first);
    Ok(())
}

/// Eight threads of each of two processes (on SQLite there is one) post to the same new accounts, each in
/// an order of its own.
#[test]
fn concurrent_posting_makes_each_account_once() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        let mut processes = vec![test.db.clone()];
        if test.db.engine() == store::Engine::Postgres {
            processes.push(test.second_process(CONTEXTS));
        }
        const ROUNDS: usize = 5;
        thread::scope(|threads| {
            for number in 0..8 {
                for db in &processes {
                    let scope = &scope;
                    threads.spawn(move || {
                        for round in 0..ROUNDS {
                            let customer = |n: usize| format!("cus_{round}_{}", (n * (number + 1)) % 11);
                            let sales = (0..11)
                                .map(|n| books.sale(&customer(n), 7, "2026-01-01T00:00:00Z"))
                                .collect();
                            post(db, scope, sales).wait().unwrap();
                        }
                    });
                }
            }
        });
        let report = test.db.read(&scope, ledger::check).wait().unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.accounts as usize, ROUNDS * 11 + 1);
        assert_eq!(report.transactions as usize, ROUNDS * 11 * 8 * processes.len());
    });
}

#[test]
fn the_check_finds_forged_rows() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        let sale = || books.sale("cus_a", 10, "2026-01-01T00:00:00Z");
        let ids = post(&test.db, &scope, vec![sale(), sale(), sale()]).wait().unwrap();
        assert!(test.db.read(&scope, ledger::check).wait().unwrap().is_sound());
        let account = test.db.read(&scope, ledger::accounts).wait().unwrap()[0].id;
        let headless: LedgerTransactionId = new_id(&SystemIds);
        let nowhere: kernel::ids::LedgerAccountId = new_id(&SystemIds);
        let forged = [
            (ids[0], 2_i64, account, "USD", 1_i64),
            (ids[1], 2, nowhere, "USD", 3),
            (ids[1], 3, nowhere, "USD", -3),
            (headless, 0, account, "EUR", 5),
            (headless, 1, account, "EUR", -5),
        ];
        let insert = move |tx: &mut Tx<'_>| {
            let rows = forged.iter().map(|(id, n, account, currency, amount)| {
                [id.to_value(), n.to_value(), account.to_value(), currency.to_value(), amount.to_value()]
            });
            tx.bulk_all(&FORGE, rows)
        };
        test.db.write(&scope, insert).wait().unwrap();
        let report = test.db.read(&scope, ledger::check).wait().unwrap();
        assert!(!report.is_sound());
        assert_eq!(report.unbalanced, [ids[0], ids[1], headless]);
        let totals: Vec<_> =
            report.totals.iter().map(|total| (total.currency.code(), total.amount)).collect();
        assert_eq!(totals, [("EUR", 0), ("USD", 1)]);
    });
}

#[test]
fn the_database_refuses_to_change_the_books() {
    on_both(CONTEXTS, |test| {
        let (scope, books) = (test.environment(Mode::Live), Books::new());
        post(&test.db, &scope, vec![books.sale("cus_a", 10, "2026-01-01T00:00:00Z")]).wait().unwrap();
        for statement in
            [&RAISE_AMOUNTS, &DROP_POSTINGS, &DROP_TRANSACTIONS, &RENAME_ACCOUNTS, &DROP_ACCOUNTS]
        {
            let refused = test.db.write(&scope, move |tx| tx.exec(statement, params![])).wait().unwrap_err();
            assert!(refused.detail.contains("append-only"), "{}: {refused}", statement.name);
        }
        let at = instant("2027-01-01T00:00:00Z");
        let refused =
            test.db.write(&scope, move |tx| tx.exec(&MOVE_TRANSACTIONS, params![at])).wait().unwrap_err();
        assert!(refused.detail.contains("append-only"), "{refused}");
        assert!(test.db.read(&scope, ledger::check).wait().unwrap().is_sound());
    });
}

#[test]
fn the_journal_reads_on_from_page_to_page_by_the_time_transactions_count_from() {
    on_both(CONTEXTS, |test| {
        let (db, scope, books) = (&test.db, test.environment(Mode::Live), Books::new());
        // Recorded in another order than they count; three at one instant.
        let days = ["2026-03-05", "2026-01-05", "2026-02-05", "2026-02-05", "2026-02-05", "2026-04-05"];
        let sales =
            days.iter().zip(1..).map(|(day, minor)| books.sale("cus", minor, &format!("{day}T00:00:00Z")));
        post(db, &scope, sales.collect()).wait().unwrap();
        let mut read = Vec::new();
        let mut after = None;
        loop {
            let page =
                db.read(&scope, move |view| ledger::journal(view, None, None, after, 2)).wait().unwrap();
            assert!(page.iter().all(|entry| entry.postings.len() == 2));
            let Some(last) = page.last() else { break };
            after = Some(JournalPlace::from(last));
            read.extend(page.iter().map(|entry| entry.postings[0].amount.minor()));
        }
        assert_eq!(read, [2, 3, 4, 5, 1, 6]);

        let (from, until) = (Some(instant("2026-02-05T00:00:00Z")), Some(instant("2026-03-05T00:00:00Z")));
        let part = db.read(&scope, move |view| ledger::journal(view, from, until, None, 100)).wait().unwrap();
        assert_eq!(part.iter().map(|entry| entry.postings[0].amount.minor()).collect::<Vec<_>>(), [3, 4, 5]);
    });
}

#[test]
fn accounts_are_called_what_the_chart_says() {
    on_both(CONTEXTS, |test| {
        let (db, scope, books) = (&test.db, test.environment(Mode::Live), Books::new());
        let entry = |account: &str, code: &str, name: &str| ChartEntry {
            account: account.into(),
            code: code.into(),
            name: name.into(),
        };
        let set = |entries: Vec<ChartEntry>| {
            db.write(&scope, move |tx| ledger::set_chart(tx, entries.clone())).wait()
        };
        let entries = vec![entry("revenue", "4400", "Sales"), entry("revenue:plan", "4410", "Subscriptions")];
        set(entries.clone()).unwrap();
        let chart = db.read(&scope, ledger::chart).wait().unwrap();
        assert_eq!(chart.entries().cloned().collect::<Vec<_>>(), entries);
        let code = |account: &Account| chart.of(account).map(|entry| entry.code.clone());
        assert_eq!(code(&books.revenue("plan")).as_deref(), Some("4410"));
        assert_eq!(code(&books.revenue("setup")).as_deref(), Some("4400"));
        assert_eq!(code(&books.receivable("cus")), None);

        let refused = |entries: Vec<ChartEntry>| {
            let error = set(entries).unwrap_err();
            (error.code, error.fields.first().map(|field| field.pointer.clone()).unwrap_or_default())
        };
        let twice = vec![entry("refunds", "1", "A"), entry("refunds", "2", "B")];
        assert_eq!(refused(twice), ("chart_malformed", "/accounts/1/account".into()));
        assert_eq!(
            refused(vec![entry("sales", "1", "A")]),
            ("chart_malformed", "/accounts/0/account".into())
        );
        assert_eq!(refused(vec![entry("refunds", "", "A")]), ("chart_malformed", "/accounts/0/code".into()));
        assert_eq!(
            refused(vec![entry("refunds", "1", " A")]),
            ("chart_malformed", "/accounts/0/name".into())
        );
        let many = (0..=ledger::MAX_CHART).map(|n| entry(&format!("revenue:{n}"), "1", "A"));
        assert_eq!(refused(many.collect()).0, "chart_too_large");
        // What was refused changed nothing, and another environment has a chart of its own.
        assert_eq!(db.read(&scope, ledger::chart).wait().unwrap(), chart);
        let other = db.read(&test.environment(Mode::Live), ledger::chart).wait().unwrap();
        assert_eq!(other.entries().count(), 0);
    });
}
