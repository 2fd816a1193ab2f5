//! The trial balance.

use std::collections::BTreeMap;

use ::ledger::{Account, AccountKind, KindTotal};
use axum::response::IntoResponse;
use jiff::Timestamp;
use kernel::{
    Currency, Result,
    ids::{LedgerAccountId, LegalEntityId},
};
use maud::{Markup, html};
use store::View;

use super::{called::Called, columns, entity_name, figures, filters};
use crate::{
    gate::{Answer, Answers, Desk, Sheet},
    show, ui,
};

type Kind = (LegalEntityId, AccountKind);

/// Everything on the page.
struct Whole {
    totals: Vec<KindTotal>,
    /// How many accounts of each kind there are.
    counts: BTreeMap<Kind, i64>,
    /// The accounts there is one of.
    single: BTreeMap<Kind, LedgerAccountId>,
    called: Called,
}

impl Whole {
    fn load(view: &mut View<'_>, as_of: Option<Timestamp>) -> Result<Self> {
        let totals = ::ledger::totals(view, as_of)?;
        let mut single = BTreeMap::new();
        for one in totals.iter().filter(|one| one.kind.owner().is_none()) {
            let account = Account::single(one.entity, one.kind);
            if let Some(id) = ::ledger::find_account(view, &account)? {
                single.insert((one.entity, one.kind), id);
            }
        }
        Ok(Self {
            counts: ::ledger::account_counts(view)?,
            called: Called::read(view, std::iter::empty())?,
            single,
            totals,
        })
    }
}

pub(super) async fn page(desk: &Desk, asked: &Answers, as_of: Option<Timestamp>) -> Answer {
    let whole = desk.read(move |view| Whole::load(view, as_of)).await?;
    let mut books: BTreeMap<(LegalEntityId, Currency), BTreeMap<AccountKind, [i128; 2]>> = BTreeMap::new();
    for one in &whole.totals {
        let sums = books.entry((one.entity, one.currency)).or_default().entry(one.kind).or_default();
        *sums = [sums[0] + i128::from(one.debit), sums[1] + i128::from(one.credit)];
    }
    let about = "Double entry: every amount stands on two sides, so debits and credits add up to the same. \
                 Nothing is ever changed or taken out.";
    let body = html! {
        (ui::header("Ledger", about, html! {}))
        (asked.summary(&[("as_of", "At the end of")]))
        @if !books.is_empty() || asked.some("as_of").is_some() { (filters(desk, asked)) }
        @for ((entity, currency), kinds) in &books { (book(desk, asked, &whole, *entity, *currency, kinds)) }
        @if books.is_empty() && asked.some("as_of").is_none() {
            (ui::empty("Nothing posted yet", "The first finalized invoice makes the first entries: the customer owes \
                its total, and as much is revenue still to be earned.", html! {}))
        }
        @if books.is_empty() && asked.some("as_of").is_some() {
            (ui::empty("Nothing posted by then", "Nothing in the books counts from this day or before.", html! {}))
        }
    };
    let page = desk.page(Sheet::new(ui::Section::Ledger, "Ledger"), body);
    Ok((asked.status(), page).into_response())
}

fn book(
    desk: &Desk,
    asked: &Answers,
    whole: &Whole,
    entity: LegalEntityId,
    currency: Currency,
    kinds: &BTreeMap<AccountKind, [i128; 2]>,
) -> Markup {
    let name = entity_name(desk, entity);
    // The heading says which currency it is.
    let bare = |sum| show::bare(sum, currency);
    let [debit, credit] = kinds.values().fold([0, 0], |sums, one| [sums[0] + one[0], sums[1] + one[1]]);
    let rows = kinds.iter().map(|(kind, [debit, credit])| {
        let count = whole.counts.get(&(entity, *kind)).copied().unwrap_or_default();
        let note = kind.owner().map(|_| show::count(count, "account"));
        let label = html! { (whole.called.kind_shown(*kind)) @if let Some(note) = note { span class="aside" { (note) } } };
        let href = match whole.single.get(&(entity, *kind)) {
            Some(id) => desk.at(&format!("/ledger/accounts/{id}")),
            None => {
                let of = asked.clone().with("kind", kind.word()).with("entity", &entity.to_string());
                of.link(&desk.at("/ledger"))
            }
        };
        ui::Row::link(href, figures(label, *debit, *credit, &bare))
    });
    let caption = format!("Trial balance of {name} in {currency}");
    let table = ui::table(ui::Table {
        caption: &caption,
        columns: &columns("Account"),
        rows: rows.collect(),
        total: Some(ui::Row::new(figures(html! { "Total" }, debit, credit, &bare))),
        narrow: ui::Narrow::Scroll,
        empty: html! {},
    });
    let proof = match debit == credit {
        true => ui::badge(ui::Tone::Good, "Balanced"),
        false => ui::badge(ui::Tone::Bad, "Not balanced"),
    };
    ui::section(&format!("{name}, {currency}"), proof, table)
}
