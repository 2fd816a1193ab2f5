//! The accounts of one kind.

use std::collections::{BTreeMap, HashMap};

use ::ledger::{AccountKind, Balance, KnownAccount};
use axum::response::IntoResponse;
use jiff::Timestamp;
use kernel::{
    Currency, Error, Result,
    ids::{LedgerAccountId, LegalEntityId},
};
use maud::{Markup, html};
use store::View;

use super::{balance, called::Called, columns, entity_name, figures, filters};
use crate::{
    gate::{Answer, Answers, Desk, Sheet},
    parts::{self, PAGE},
    show, ui,
};

/// Everything on the page.
struct Whole {
    accounts: Vec<KnownAccount>,
    balances: HashMap<LedgerAccountId, Vec<Balance>>,
    called: Called,
    /// What they come to all together.
    sums: BTreeMap<Currency, i128>,
    next: Option<String>,
}

impl Whole {
    fn load(
        view: &mut View<'_>,
        entity: LegalEntityId,
        kind: AccountKind,
        after: &str,
        as_of: Option<Timestamp>,
    ) -> Result<Self> {
        let mut accounts = ::ledger::accounts_of(view, entity, kind, after, PAGE + 1)?;
        let next = parts::cut(&mut accounts, |known| known.account.owner.clone().unwrap_or_default());
        let mut balances: HashMap<LedgerAccountId, Vec<Balance>> = HashMap::new();
        for one in ::ledger::balances(view, accounts.clone(), as_of)? {
            balances.entry(one.id).or_default().push(one);
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for one in ::ledger::totals(view, as_of)? {
            if (one.entity, one.kind) == (entity, kind) {
                *sums.entry(one.currency).or_default() += i128::from(one.debit) - i128::from(one.credit);
            }
        }
        let called = Called::read(view, accounts.iter().map(|known| &known.account))?;
        Ok(Self { accounts, balances, called, sums, next })
    }
}

pub(super) async fn page(
    desk: &Desk,
    asked: &Answers,
    kind: AccountKind,
    as_of: Option<Timestamp>,
) -> Answer {
    let entity = match asked.some("entity") {
        Some(text) => text.parse().map_err(|_| Error::not_found("legal entity"))?,
        None => {
            desk.entities.first().map(|entity| entity.id).ok_or_else(|| Error::not_found("legal entity"))?
        }
    };
    let after = asked.get("after").to_owned();
    let whole = desk.read(move |view| Whole::load(view, entity, kind, &after, as_of)).await?;
    let crumbs = [ui::Crumb { label: "Ledger", href: &desk.at("/ledger") }];
    let title = whole.called.kind(kind);
    let about = format!("Each account of this kind in the books of {}.", entity_name(desk, entity));
    let body = html! {
        (ui::header(&title, &about, html! {}))
        (asked.summary(&[("as_of", "At the end of")]))
        (entities(desk, asked, entity))
        (filters(desk, asked))
        (sums(&whole.sums))
        (ui::anchored("accounts", table(desk, &title, kind, &whole)))
        (parts::pages(&desk.at("/ledger"), asked, whole.next))
    };
    let page = desk.page(Sheet::new(ui::Section::Ledger, &title).below(&crumbs), body);
    Ok((asked.status(), page).into_response())
}

/// The other books there are.
fn entities(desk: &Desk, asked: &Answers, shown: LegalEntityId) -> Markup {
    html! {
        @if desk.entities.len() > 1 {
            ul class="tabs" {
                @for entity in &desk.entities {
                    @let of = asked.clone().without(&["after"]).with("entity", &entity.id.to_string());
                    li { a href=(of.link(&desk.at("/ledger"))) aria-current=[(entity.id == shown).then_some("true")] { (entity.name) } }
                }
            }
        }
    }
}

fn sums(sums: &BTreeMap<Currency, i128>) -> Markup {
    let texts: Vec<String> =
        sums.iter().map(|(currency, sum)| balance(*sum, &|sum| show::minor(sum, *currency))).collect();
    let tile = |value| (ui::Stat { label: "All together", value, note: "" }, Some("#accounts"));
    let tiles: Vec<_> = texts.iter().map(|value| tile(value)).collect();
    html! { @if !tiles.is_empty() { (ui::figures(&tiles)) } }
}

fn table(desk: &Desk, title: &str, kind: AccountKind, whole: &Whole) -> Markup {
    let rows = whole.accounts.iter().flat_map(|known| {
        let path = desk.at(&format!("/ledger/accounts/{}", known.id));
        let held = whole.balances.get(&known.id).map_or(&[][..], Vec::as_slice);
        let name = whole.called.owner(&known.account);
        held.iter()
            .map(|one| {
                let text = |sum| show::minor(sum, one.currency);
                let cells = figures(html! { (name) }, one.debit.into(), one.credit.into(), &text);
                ui::Row::link(path.clone(), cells)
            })
            .collect::<Vec<_>>()
    });
    ui::table(ui::Table {
        caption: title,
        columns: &columns(kind.owner().map_or("Account", |_| "Of")),
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No such account", "Nothing has been posted to an account of this kind.", html! {}),
    })
}
