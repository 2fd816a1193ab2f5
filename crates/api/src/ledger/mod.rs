//! The ledger.

use std::str::FromStr;

use axum::{Json, extract::State};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{Error, Result, ids::LedgerAccountId, time};
use ledger::Cursor;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::{Page, PageQuery, cursor},
    parameters::{Path, Query},
};

mod out;
pub(crate) use out::EntryOut;
use out::{AccountOut, StatementLineOut, TrialBalanceOut};

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
