//! The customer's own page: what they have, what it costs next, their invoices, and changing what the price book lets
//! them change. Reached by a link the merchant makes; it sees one customer and nothing else.

mod change;
mod documents;
mod home;
mod payments;
mod running;
mod subscriptions;

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use billing::subscription::{Subscription, Transition};
use catalog::{Book, CustomerChanges};
use kernel::Error;
use maud::{Markup, html};

use crate::{
    App,
    gate::{self, Answer, Asked, OWN, Sent, VISITOR_COOKIE, Visitor, known},
    ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/my", get(home::page))
        .route("/my/open", get(open))
        .route("/my/leave", post(leave))
        .route("/my/invoices", get(documents::list))
        .route("/my/invoices/{id}", get(documents::invoice))
        .route("/my/credit-notes/{id}", get(documents::credit_note))
        .route("/my/payments", get(payments::list))
        .route("/my/payments/{id}", get(payments::page))
        .route("/my/subscriptions", get(subscriptions::list))
        .route("/my/subscriptions/{id}", get(subscriptions::page))
        .route("/my/subscriptions/{id}/renewal", post(subscriptions::answer))
        .route("/my/subscriptions/{id}/change", get(change::page).post(change::post))
        .route("/my/subscriptions/{id}/change/preview", get(change::again).post(change::preview))
        .route_layer(middleware::from_fn(gate::quietly))
}

/// Keep the secret of a link in a cookie, and out of the address from then on.
async fn open(State(app): State<App>, Asked(asked): Asked) -> Answer {
    let secret = asked.get("link").to_owned();
    let Some(known) = known(&app, &secret).await? else { return Err(gate::Failure::NoLink) };
    let left = known.expires.duration_since(app.db.real_now()).as_secs().max(0);
    Ok(([(header::SET_COOKIE, cookie(&app, &secret, left)?)], Redirect::to(OWN)).into_response())
}

/// Forget the link in this browser. It goes on working until it expires.
async fn leave(State(app): State<App>, Sent(visitor, _): Sent) -> Answer {
    let body = html! {
        h1 { "You have left" }
        p { "This browser has forgotten the link. Open it again to come back to " (visitor.merchant) "." }
    };
    let page = (StatusCode::OK, ui::quiet_page("Left", body));
    Ok(([(header::SET_COOKIE, cookie(&app, "", 0)?)], page).into_response())
}

fn cookie(app: &App, secret: &str, seconds: i64) -> Answer<HeaderValue> {
    let secure = if app.secure_cookies { "; Secure" } else { "" };
    // What was sent is in no way text for a header, unless it is one of ours.
    let secret: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
    let text =
        format!("{VISITOR_COOKIE}={secret}; HttpOnly; SameSite=Lax; Path={OWN}; Max-Age={seconds}{secure}");
    Ok(HeaderValue::from_str(&text)
        .map_err(|error| Error::internal(format!("a link makes no cookie: {error}")))?)
}

/// A page in the customer's frame. `name` is what the customer is called.
fn page(visitor: &Visitor, name: &str, title: &str, crumbs: &[ui::Crumb<'_>], body: Markup) -> Markup {
    let frame = ui::OwnFrame {
        title,
        merchant: &visitor.merchant,
        customer: name,
        home: OWN,
        leave: "/my/leave",
        csrf: &visitor.csrf,
        crumbs,
    };
    ui::own_page(&frame, body)
}

/// What customers may change of a subscription themselves. What was negotiated with them is changed by negotiating.
fn changes(subscription: &Subscription, in_force: &Book) -> CustomerChanges {
    let negotiated = !subscription.agreement.is_empty() || subscription.term.is_some();
    let open = Transition::Change.from(subscription.state).is_some() && subscription.ends.is_none();
    if negotiated || !open { CustomerChanges::None } else { in_force.billing.customer_changes }
}
