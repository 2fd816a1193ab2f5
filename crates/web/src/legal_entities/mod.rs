//! Legal entities: who issues documents and collects tax.

mod edit;
mod list;

use axum::{Router, routing::get};

use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/legal-entities", get(list::page))
        .route("/legal-entities/{id}", get(edit::page).post(edit::post))
}
