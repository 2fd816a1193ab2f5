//! Links that open a customer's own page.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use identity::{
    CustomerLink,
    customer::{self, CustomerRef},
    link,
    permission::may,
};
use jiff::Timestamp;
use kernel::{Result, ids::CustomerLinkId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    page::Page,
    parameters::Path,
};

/// The most links listed: the newest.
const LISTED: i64 = 100;

/// A link to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeLink {
    /// How many days it works, 1 to 90; 7 when left out.
    #[serde(default = "usual_days")]
    #[schema(default = 7, minimum = 1, maximum = 90)]
    days: u16,
}

const fn usual_days() -> u16 {
    link::USUAL_DAYS
}

/// A link that opens a customer's own page, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerLink)]
pub(crate) struct LinkOut {
    #[schema(examples("lnk_01jdd7w000e008000000000001"))]
    id: String,
    /// Whose page it opens.
    customer: String,
    /// Real time it was made.
    created: Timestamp,
    /// Real time from which it opens nothing.
    expires: Timestamp,
    /// Real time it was revoked.
    revoked: Option<Timestamp>,
}

impl From<CustomerLink> for LinkOut {
    fn from(link: CustomerLink) -> Self {
        let CustomerLink { id, customer, created, expires, revoked } = link;
        Self { id: id.to_string(), customer: customer.to_string(), created, expires, revoked }
    }
}

/// A link just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewCustomerLink)]
pub(crate) struct NewLinkOut {
    #[serde(flatten)]
    link: LinkOut,
    /// What to send the customer, behind the address of your pages: `https://billing.example.com` and this. Only a hash
    /// of it is kept; a repetition under the same `Idempotency-Key`, by the same API key, is told it again.
    #[schema(examples("/my/open?link=…"))]
    path: &'static str,
}

/// Make a link that opens the customer's own page: its plan, next invoice and invoices, and changing what the price book
/// lets customers change. Whoever has it sees this customer and nothing else. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/customers/{id}/links", tag = "Customers", request_body = MakeLink,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 201, body = NewLinkOut)),
)]
pub(crate) async fn make_link(
    State(app): State<App>,
    actor: Actor<may::CustomerWrite>,
    Path(customer): Path<CustomerRef>,
    headers: HeaderMap,
    Body { content: MakeLink { days }, request }: Body<MakeLink>,
) -> ApiResult<Changed> {
    let own = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Follows from what only the asker knows, so that the answer kept for repetition need not hold it.
    let secret = match &request {
        Some(request) => link::derived_secret(own, &request.key),
        None => link::new_secret()?,
    };
    let kept = secret.clone();
    let made = app.change(actor.scope(), request, move |tx| {
        let id = customer::resolve(tx, &customer)?;
        let link = link::create(tx, id, days, &kept)?.into();
        Ok((StatusCode::CREATED, NewLinkOut { link, path: "" }))
    });
    made.await?.saying("path", &link::path(&secret))
}

/// List the newest links of a customer, at most 100: all on one page.
#[utoipa::path(
    get, path = "/v1/customers/{id}/links", tag = "Customers",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = Page<LinkOut>)),
)]
pub(crate) async fn links(
    State(app): State<App>,
    actor: Actor<may::CustomerRead>,
    Path(customer): Path<CustomerRef>,
) -> ApiResult<Json<Page<LinkOut>>> {
    app.read(actor.scope(), move |view| {
        let id = customer::resolve(view, &customer)?;
        let id = customer::find(view, id)?.id;
        let links: Result<Vec<_>> = link::of_customer(view, id, LISTED);
        Ok(Page::of(links?.into_iter().map(LinkOut::from).collect(), None))
    })
    .await
}

/// End a link at once. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/customer-links/{id}/revoke", tag = "Customers",
    params(("id" = String, Path, description = "The link's id.")),
    responses((status = 200, body = LinkOut)),
)]
pub(crate) async fn revoke_link(
    State(app): State<App>,
    actor: Actor<may::CustomerWrite>,
    Path(id): Path<CustomerLinkId>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| Ok((StatusCode::OK, LinkOut::from(link::revoke(tx, id)?))))
        .await
}
