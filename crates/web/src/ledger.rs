//! The books: what every account holds, and how it came to.

use std::collections::{BTreeMap, HashMap};

use ::ledger::{Account, AccountKind, Balance, Cursor, Entry, StatementLine};
use axum::{Router, routing::get};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{
    Currency, Error, Result,
    ids::{self, CustomerId, LegalEntityId},
    time,
};
use maud::{Markup, html};
use store::View;

use crate::{
    App, customers,
    gate::{Answer, Answers, Asked, Desk, Named, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/ledger", get(page)).route("/ledger/accounts/{id}", get(account))
}

/// The trial balance, or the accounts of one kind.
async fn page(staff: Staff<may::LedgerRead>, Asked(asked): Asked) -> Answer<Markup> {
    let (asked, as_of) = match as_of(&staff, &asked) {
        Ok(as_of) => (asked, as_of),
        Err(error) => (asked.refused(error)?, None),
    };
    let kind = asked
        .some("kind")
        .map(|word| AccountKind::parse(word).ok_or_else(|| Error::not_found("kind of account")));
    let kind = kind.transpose()?;
    let read = staff.read(move |view| {
        let balances = ::ledger::trial_balance(view, as_of)?;
        let shown =
            balances.into_iter().filter(|balance| kind.is_none_or(|kind| balance.account.kind == kind));
        let shown: Vec<Balance> = shown.collect();
        let names = if kind.is_some() {
            owners(view, shown.iter().map(|balance| &balance.account))?
        } else {
            HashMap::new()
        };
        Ok((shown, names))
    });
    let (balances, names) = read.await?;
    Ok(match kind {
        None => trial_balance(&staff, &asked, &balances),
        Some(kind) => of_kind(&staff, &asked, kind, &balances, &names),
    })
}

/// The end of the day asked for, which is the last instant that counts.
fn as_of(desk: &Desk, asked: &Answers) -> Result<Option<Timestamp>> {
    let Some(text) = asked.some("as_of") else { return Ok(None) };
    let day = time::date(text).map_err(|error| error.at("/as_of"))?;
    let next = day
        .tomorrow()
        .map_err(|_| Error::invalid("time_out_of_range", "This day is too late.").at("/as_of"))?;
    Ok(Some(desk.zone.start_of_day(next) - jiff::SignedDuration::from_micros(1)))
}

fn filters(desk: &Desk, asked: &Answers) -> Markup {
    let field = ui::Field::new("At the end of", "as_of", ui::Input::Date)
        .value(asked.get("as_of"))
        .error(asked.error("as_of"));
    let kind = asked.some("kind").map(|kind| ui::hidden_field("kind", kind));
    ui::filters(
        &desk.at("/ledger"),
        html! { (ui::field(&field)) @if let Some(kind) = kind { (kind) } },
        "Show",
    )
}

fn trial_balance(desk: &Desk, asked: &Answers, balances: &[Balance]) -> Markup {
    let mut books: BTreeMap<(LegalEntityId, Currency), BTreeMap<AccountKind, Vec<&Balance>>> =
        BTreeMap::new();
    for balance in balances {
        let book = books.entry((balance.account.entity, balance.currency)).or_default();
        book.entry(balance.account.kind).or_default().push(balance);
    }
    let about = "Double entry: every amount stands on two sides, so debits and credits add up to the same. \
                 Nothing is ever changed or taken out.";
    let body = html! {
        (ui::header("Ledger", about, html! {}))
        @if !balances.is_empty() || asked.some("as_of").is_some() { (filters(desk, asked)) }
        @for ((entity, currency), kinds) in &books { (book(desk, asked, *entity, *currency, kinds)) }
        @if books.is_empty() {
            (ui::empty("Nothing posted yet", "The first finalized invoice makes the first entries: the customer owes \
                its total, and as much is revenue still to be earned.", html! {}))
        }
    };
    desk.page(Sheet::new(ui::Section::Ledger, "Ledger"), body)
}

fn book(
    desk: &Desk,
    asked: &Answers,
    entity: LegalEntityId,
    currency: Currency,
    kinds: &BTreeMap<AccountKind, Vec<&Balance>>,
) -> Markup {
    let name = desk.entities.iter().find(|known| known.id == entity).map_or("", |known| known.name.as_str());
    // The heading says which currency it is.
    let bare = |sum| show::bare(sum, currency);
    let mut sums = (0, 0);
    let mut rows = Vec::new();
    for (kind, balances) in kinds {
        let (debit, credit) = balances.iter().fold((0, 0), |(debit, credit), one| {
            (debit + i128::from(one.debit), credit + i128::from(one.credit))
        });
        sums = (sums.0 + debit, sums.1 + credit);
        let label = show::sentence(kind.word());
        let note = kind.owner().map(|_| show::count(balances.len() as i128, "account"));
        let name = html! { (label) @if let Some(note) = note { span class="aside" { (note) } } };
        rows.push(ui::Row::link(of(desk, asked, *kind, balances), figures(name, debit, credit, &bare)));
    }
    let caption = format!("Trial balance of {name} in {currency}");
    let table = ui::table(ui::Table {
        caption: &caption,
        columns: &columns("Account"),
        rows,
        total: Some(ui::Row::new(figures(html! { "Total" }, sums.0, sums.1, &bare))),
        narrow: ui::Narrow::Scroll,
        empty: html! {},
    });
    ui::section(&format!("{name}, {currency}"), html! {}, table)
}

/// The accounts of a kind, or the one account there is.
fn of(desk: &Desk, asked: &Answers, kind: AccountKind, balances: &[&Balance]) -> String {
    match (kind.owner(), balances) {
        (None, [only]) => desk.at(&format!("/ledger/accounts/{}", only.id)),
        _ => asked.clone().with("kind", kind.word()).link(&desk.at("/ledger")),
    }
}

fn columns(first: &str) -> [ui::Column<'_>; 4] {
    [
        ui::Column::text(first),
        ui::Column::number("Debit"),
        ui::Column::number("Credit"),
        ui::Column::number("Balance").lead(),
    ]
}

fn figures(name: Markup, debit: i128, credit: i128, text: &dyn Fn(i128) -> String) -> Vec<Markup> {
    let balance = ui::amount(&balance(debit - credit, text));
    vec![name, ui::amount(&text(debit)), ui::amount(&text(credit)), balance]
}

/// A balance with its side, as books have it: `Dr`, `Cr`. A credit balance is nothing to be alarmed at.
fn balance(sum: i128, text: &dyn Fn(i128) -> String) -> String {
    let side = match sum.signum() {
        1 => " Dr",
        -1 => " Cr",
        _ => "",
    };
    format!("{}{side}", text(sum.saturating_abs()))
}

fn of_kind(
    desk: &Desk,
    asked: &Answers,
    kind: AccountKind,
    balances: &[Balance],
    names: &HashMap<CustomerId, String>,
) -> Markup {
    let crumbs = [ui::Crumb { label: "Ledger", href: &desk.at("/ledger") }];
    let title = show::sentence(kind.word());
    let rows = balances.iter().map(|balance| {
        let path = desk.at(&format!("/ledger/accounts/{}", balance.id));
        let name = html! { (label(&balance.account, names)) };
        let text = |sum| show::minor(sum, balance.currency);
        ui::Row::link(path, figures(name, balance.debit.into(), balance.credit.into(), &text))
    });
    let body = html! {
        (ui::header(&title, "Each account of this kind with what it holds.", html! {}))
        (filters(desk, asked))
        (ui::table(ui::Table {
            caption: &title,
            columns: &columns(kind.owner().map_or("Account", |_| "Of")),
            rows: rows.collect(),
            total: None,
            narrow: ui::Narrow::Stack,
            empty: ui::empty("No such account", "Nothing has been posted to an account of this kind.", html! {}),
        }))
    };
    desk.page(Sheet::new(ui::Section::Ledger, &title).below(&crumbs), body)
}

/// The names of the customers among the owners of accounts.
fn owners<'a>(
    view: &mut View<'_>,
    accounts: impl Iterator<Item = &'a Account>,
) -> Result<HashMap<CustomerId, String>> {
    customers::names(view, accounts.filter_map(customer))
}

fn customer(account: &Account) -> Option<CustomerId> {
    account.owner.as_deref()?.parse().ok()
}

/// What an account is called on its own.
fn label(account: &Account, names: &HashMap<CustomerId, String>) -> String {
    let name = customer(account).and_then(|id| names.get(&id)).or(account.owner.as_ref());
    name.cloned().unwrap_or_else(|| show::sentence(account.kind.word()))
}

/// The statement of one account.
async fn account(
    staff: Staff<may::LedgerRead>,
    Named(id): Named<ids::LedgerAccount>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let after = asked.some("after").map(cursor).transpose()?;
    let read = staff.read(move |view| {
        let account = ::ledger::account(view, id)?;
        let names = owners(view, std::iter::once(&account))?;
        Ok((::ledger::statement(view, id, after, PAGE)?, account, names))
    });
    let (statement, account, names) = read.await?;
    let path = staff.at(&format!("/ledger/accounts/{id}"));
    let next = statement.next.map(|next| format!("{path}?after={}.{}", next.transaction, next.ordinal));
    let kind = show::sentence(account.kind.word());
    let title = account
        .owner
        .as_ref()
        .map_or_else(|| kind.clone(), |_| format!("{kind}: {}", label(&account, &names)));
    let crumbs = [
        ui::Crumb { label: "Ledger", href: &staff.at("/ledger") },
        ui::Crumb { label: &kind, href: &staff.at(&format!("/ledger?kind={}", account.kind)) },
    ];
    let crumbs = if account.owner.is_some() { &crumbs[..] } else { &crumbs[..1] };
    let of = customer(&account).and_then(|customer| parts::page_of(&staff, customer.any()));
    let open = html! { @if let Some(href) = of { (ui::button_link(ui::Button::Plain, "Customer", &href)) } };
    let body = html! {
        (ui::header(&title, "Every posting in the order it was recorded, with the balance after it.", open))
        (lines(&staff, &statement.lines))
        (ui::pagination(after.is_some().then_some(path.as_str()), next.as_deref()))
        p { "Account " (ui::copyable(&id.to_string())) }
    };
    Ok(staff.page(Sheet::new(ui::Section::Ledger, &title).below(crumbs), body))
}

/// Where a page of a statement ended: `txn_….0`.
fn cursor(text: &str) -> Result<Cursor> {
    let (transaction, ordinal) = text.split_once('.').ok_or_else(|| Error::not_found("page"))?;
    let ordinal = ordinal.parse().map_err(|_| Error::not_found("page"))?;
    Ok(Cursor { transaction: transaction.parse()?, ordinal })
}

fn lines(desk: &Desk, lines: &[StatementLine]) -> Markup {
    let rows = lines.iter().map(|line| {
        let currency = line.amount.currency();
        let [debit, credit] = sides(line.amount.minor(), currency);
        ui::Row::new(vec![
            desk.time(line.effective),
            html! { (show::sentence(&line.kind)) },
            parts::id_link(desk, line.document),
            debit,
            credit,
            ui::amount(&balance(line.balance.into(), &|sum| show::minor(sum, currency))),
        ])
    });
    ui::table(ui::Table {
        caption: "Statement",
        columns: &[
            ui::Column::text("Effective"),
            ui::Column::text("What happened"),
            ui::Column::text("Document"),
            ui::Column::number("Debit"),
            ui::Column::number("Credit"),
            ui::Column::number("Balance").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("Nothing posted", "There is no posting on this part of the statement.", html! {}),
    })
}

/// A posting in the column of its side; the other one is empty.
fn sides(minor: i64, currency: Currency) -> [Markup; 2] {
    let figure = ui::amount(&show::minor(i128::from(minor).abs(), currency));
    if minor < 0 { [html! {}, figure] } else { [figure, html! {}] }
}

/// What a document has posted.
pub(crate) fn postings(desk: &Desk, entries: &[Entry], names: &HashMap<CustomerId, String>) -> Markup {
    html! {
        @for posted in entries {
            p { (show::sentence(&posted.kind)) ", effective " (desk.time(posted.effective)) " · " code { (posted.id) } }
            (entry(posted, names))
        }
    }
}

/// The postings of one transaction.
fn entry(entry: &Entry, names: &HashMap<CustomerId, String>) -> Markup {
    let rows = entry.postings.iter().map(|posting| {
        let [debit, credit] = sides(posting.amount.minor(), posting.amount.currency());
        let kind = show::sentence(posting.account.kind.word());
        let owner = posting.account.owner.as_ref().map(|_| label(&posting.account, names));
        ui::Row::new(vec![html! { (kind) @if let Some(owner) = owner { ": " (owner) } }, debit, credit])
    });
    ui::table(ui::Table {
        caption: &format!("Postings: {}", show::sentence(&entry.kind)),
        columns: &[ui::Column::text("Account"), ui::Column::number("Debit"), ui::Column::number("Credit")],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Scroll,
        empty: html! {},
    })
}
