//! Credit notes.

use axum::{Json, extract::State};
use billing::credit_note;
use identity::permission::may;
use kernel::ids::CreditNoteId;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    parameters::Path,
};

mod out;
pub(crate) use out::{CreditNoteOut, CreditNoteWithLines, CreditOut};

/// Show a credit note with its lines and how each came to be.
#[utoipa::path(
    get, path = "/v1/credit-notes/{id}", tag = "Credit notes", params(("id" = String, Path)),
    responses((status = 200, body = CreditNoteWithLines)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(id): Path<CreditNoteId>,
) -> ApiResult<Json<CreditNoteWithLines>> {
    app.read(actor.scope(), move |view| {
        let note = credit_note::find(view, id)?;
        CreditNoteWithLines::load(view, note)
    })
    .await
}
