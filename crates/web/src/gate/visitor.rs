//! A customer on its own page, by the link the merchant made.

use std::ops::Deref;

use axum::{
    Form,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use identity::link::{self, Known};
use kernel::{
    Error, Kind, Result,
    ids::{CustomerId, SubscriptionId},
};
use sha2::{Digest, Sha256};
use store::{Scope, View};

use super::{Access, Answers, Failure, failure};
use crate::{App, ui};

/// The cookie that holds the secret of a link. It is sent to the customer's own page and nowhere else.
pub(crate) const VISITOR_COOKIE: &str = "steelyard_customer";
/// Where the customer's own page is.
pub(crate) const OWN: &str = "/my";
/// Longer than any secret we hand out.
const LONGEST: usize = 100;

/// A customer, who sees and changes what is theirs and nothing else.
pub(crate) struct Visitor {
    /// Who.
    pub(crate) customer: CustomerId,
    /// Whose customer.
    pub(crate) merchant: String,
    /// What every form of this visit sends as `csrf`.
    pub(crate) csrf: String,
    access: Access,
}

impl Deref for Visitor {
    type Target = Access;
    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Visitor {
    /// A subscription of theirs. Somebody else's looks like none at all. Errors: `not_found`.
    pub(crate) fn check(
        view: &mut View<'_>,
        customer: CustomerId,
        id: SubscriptionId,
    ) -> Result<billing::subscription::Subscription> {
        let found = billing::subscription::find(view, id)?;
        if found.customer == customer { Ok(found) } else { Err(Error::not_found("subscription")) }
    }
}

/// Whom a secret belongs to, while its link works.
pub(crate) async fn known(app: &App, secret: &str) -> Result<Option<Known>> {
    let secret = secret.to_owned();
    app.db.read(&Scope::installation("customer link"), move |view| link::recognise(view, &secret)).await
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let secret = secret(&parts.headers).ok_or(Failure::NoLink)?.to_owned();
        let known = known(app, &secret).await?.ok_or(Failure::NoLink)?;
        Ok(Self {
            customer: known.customer,
            merchant: known.merchant,
            csrf: token(&secret),
            access: Access::new(app.db.clone(), known.scope),
        })
    }
}

/// The answers of a form that was made for the visit it is sent in.
pub(crate) struct Sent(pub(crate) Visitor, pub(crate) Answers);

impl FromRequest<App> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let form = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), app).await;
        let malformed = || Error::new(Kind::Malformed, "request_malformed", "This form could not be read.");
        let Form(pairs) = form.map_err(|_| malformed())?;
        let answers: Answers = pairs.into_iter().collect();
        let (own, sent) = (visitor.csrf.as_bytes(), answers.get("csrf").as_bytes());
        // Looks at every byte, whatever the first ones say.
        let same =
            own.len() == sent.len() && own.iter().zip(sent).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0;
        if !same {
            let detail = "This form was made for another link. Open the page again and send it from there.";
            return Err(Error::new(Kind::Forbidden, "form_token_wrong", detail).into());
        }
        Ok(Self(visitor, answers))
    }
}

/// The secret in the cookie.
fn secret(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let secret = pairs.find(|(name, _)| *name == VISITOR_COOKIE)?.1;
    (1..=LONGEST).contains(&secret.len()).then_some(secret)
}

/// The token of a visit's forms: follows from its secret and does not lead back to it.
fn token(secret: &str) -> String {
    let digest =
        Sha256::new().chain_update("steelyard customer form token\0").chain_update(secret).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts the customer's quiet frame around errors.
pub(crate) async fn quietly(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(failure::Told(error)) = response.extensions().get() else { return response };
    let (title, body) = failure::body(error);
    (response.status(), ui::quiet_page(title, body)).into_response()
}
