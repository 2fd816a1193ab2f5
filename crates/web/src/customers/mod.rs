//! Customers.

mod create;
mod edit;
mod erase;
mod form;
mod links;
mod list;
mod one;
mod uses;

use std::collections::HashMap;

use axum::{
    Router,
    routing::{get, post},
};
use identity::customer;
use kernel::{Result, ids::CustomerId};
use store::View;

use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/customers", get(list::page).post(create::post))
        .route("/customers/new", get(create::page))
        .route("/customers/{id}", get(one::page))
        .route("/customers/{id}/edit", get(edit::page).post(edit::post))
        .route("/customers/{id}/links", get(links::page).post(links::create))
        .route("/customers/{id}/links/revoke", post(links::revoke))
        .route("/customers/{id}/features", get(uses::page).post(uses::set))
        .route("/customers/{id}/features/{key}/remove", post(uses::remove))
        .route("/customers/{id}/erase", get(erase::page).post(erase::post))
}

pub(crate) use list::matching;

/// What is shown of a customer without a name.
const ERASED: &str = "(erased)";

/// The names of customers, by id.
pub(crate) fn names(
    view: &mut View<'_>,
    ids: impl IntoIterator<Item = CustomerId>,
) -> Result<HashMap<CustomerId, String>> {
    let mut ids: Vec<CustomerId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let parties = customer::parties(view, ids)?.into_iter();
    Ok(parties.map(|(id, party)| (id, party.name.unwrap_or_else(|| ERASED.to_owned()))).collect())
}
