//! The ledger.

use std::str::FromStr;

use axum::{Json, extract::State, http::StatusCode};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{Error, Result, ids::LedgerAccountId, time};
use ledger::{ChartEntry, Cursor, Entry, JournalPlace};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::Body,
    page::{Page, PageQuery, cursor},
    parameters::{Path, Query},
};

mod out;
pub(crate) use out::EntryOut;
use out::{AccountOut, ChartOut, SetChart, StatementLineOut, TrialBalanceOut};

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsOf {
    /// Business time, RFC 3339: postings effective at or before it. Every posting when left out.
    as_of: Option<String>,
}

impl AsOf {
    fn instant(&self) -> Result<Option<Timestamp>> {
        self.as_of.as_deref().map(|text| time::instant(text).map_err(|error| error.at("?as_of"))).transpose()
    }
}

/// Sum up every account. The balances of a legal entity in one currency come to zero.
#[utoipa::path(
    get, path = "/v1/ledger/trial-balance", tag = "Ledger", params(AsOf),
    responses((status = 200, body = TrialBalanceOut)),
)]
pub(crate) async fn trial_balance(
    State(app): State<App>,
    actor: Actor<may::LedgerRead>,
    Query(query): Query<AsOf>,
) -> ApiResult<Json<TrialBalanceOut>> {
    let as_of = query.instant()?;
    app.read(actor.scope(), move |view| TrialBalanceOut::of(ledger::trial_balance(view, as_of)?, as_of)).await
}

/// List every account ever posted to, by legal entity, kind and owner: all on one page.
#[utoipa::path(get, path = "/v1/ledger/accounts", tag = "Ledger", responses((status = 200, body = Page<AccountOut>)))]
pub(crate) async fn accounts(
    State(app): State<App>,
    actor: Actor<may::LedgerRead>,
) -> ApiResult<Json<Page<AccountOut>>> {
    app.read(actor.scope(), |view| {
        let accounts = ledger::accounts(view)?;
        Ok(Page::of(accounts.iter().map(|known| AccountOut::new(known.id, &known.account)).collect(), None))
    })
    .await
}

/// List the postings on an account in order of recording, with the running balance of their currency.
#[utoipa::path(
    get, path = "/v1/ledger/accounts/{id}/statement", tag = "Ledger", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = Page<StatementLineOut>)),
)]
pub(crate) async fn statement(
    State(app): State<App>,
    actor: Actor<may::LedgerRead>,
    Path(id): Path<LedgerAccountId>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<StatementLineOut>>> {
    let (limit, after) = (page.limit()?, page.after::<Place>()?);
    app.read(actor.scope(), move |view| {
        let page = ledger::statement(view, id, after.as_ref().map(|place| place.0), limit)?;
        let next = page.next.map(|at| cursor(format_args!("{}:{}", at.transaction, at.ordinal)));
        Ok(Page::of(page.lines.into_iter().map(StatementLineOut::from).collect(), next))
    })
    .await
}

/// Which part of the journal.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JournalQuery {
    /// Business time, RFC 3339: transactions that count from then on. From the first when left out.
    from: Option<String>,
    /// Business time, RFC 3339: transactions that count from before then. To the last when left out.
    until: Option<String>,
    /// How many, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    after: Option<String>,
}

/// List transactions by the time they count from, with their postings.
#[utoipa::path(
    get, path = "/v1/ledger/transactions", tag = "Ledger", params(JournalQuery),
    responses((status = 200, body = Page<EntryOut>)),
)]
pub(crate) async fn transactions(
    State(app): State<App>,
    actor: Actor<may::LedgerRead>,
    Query(query): Query<JournalQuery>,
) -> ApiResult<Json<Page<EntryOut>>> {
    let JournalQuery { from, until, limit, after } = query;
    let instant = |text: Option<String>, place: &'static str| {
        text.map(|text| time::instant(&text).map_err(|error| error.at(place))).transpose()
    };
    let (from, until) = (instant(from, "?from")?, instant(until, "?until")?);
    let page = PageQuery { limit, after };
    let (limit, after) = (page.limit()?, page.after::<JournalCursor>()?.map(|cursor| cursor.0));
    app.read(actor.scope(), move |view| {
        let entries = ledger::journal(view, from, until, after, limit + 1)?;
        let place = |entry: &Entry| format!("{}:{}", entry.effective.as_microsecond(), entry.id);
        Ok(Page::cut(entries, limit, place, EntryOut::from))
    })
    .await
}

/// A place in the journal, as its cursor holds it.
struct JournalCursor(JournalPlace);

impl FromStr for JournalCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("cursor_malformed", "This is no place in the journal.");
        let (micros, transaction) = text.split_once(':').ok_or_else(wrong)?;
        let effective = micros.parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Ok(Self(JournalPlace { effective: effective.ok_or_else(wrong)?, transaction: transaction.parse()? }))
    }
}

/// Show the chart of accounts: numbers and names of kinds of accounts and of single ones.
#[utoipa::path(get, path = "/v1/ledger/chart", tag = "Ledger", responses((status = 200, body = ChartOut)))]
pub(crate) async fn chart(
    State(app): State<App>,
    actor: Actor<may::LedgerRead>,
) -> ApiResult<Json<ChartOut>> {
    app.read(actor.scope(), |view| ledger::chart(view).map(ChartOut::from)).await
}

/// Put a chart of accounts in place of the one before. Books and balances stay as they are.
#[utoipa::path(
    put, path = "/v1/ledger/chart", tag = "Ledger", request_body = SetChart,
    responses((status = 200, body = ChartOut)),
)]
pub(crate) async fn set_chart(
    State(app): State<App>,
    actor: Actor<may::LedgerWrite>,
    Body { content: SetChart { accounts }, request }: Body<SetChart>,
) -> ApiResult<Changed> {
    let entries: Vec<ChartEntry> = accounts.into_iter().map(ChartEntry::from).collect();
    app.change(actor.scope(), request, move |tx| {
        let chart = ledger::set_chart(tx, entries.clone())?;
        Ok((StatusCode::OK, ChartOut::from(chart)))
    })
    .await
}

/// A place in a statement, as its cursor holds it.
struct Place(Cursor);

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("cursor_malformed", "This is no place in a statement.");
        let (transaction, ordinal) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self(Cursor { transaction: transaction.parse()?, ordinal: ordinal.parse().map_err(|_| wrong())? }))
    }
}
