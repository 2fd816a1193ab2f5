//! Who is signed in, by the cookie their browser sends.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use identity::{User, user};
use sha2::{Digest, Sha256};
use store::Scope;

use super::Failure;
use crate::App;

/// The cookie that holds the session's secret.
pub(crate) const COOKIE: &str = "steelyard_session";
/// Longer than any secret we hand out.
const LONGEST: usize = 100;

/// A person signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: User,
    /// What every form of this session sends as `csrf`.
    pub(crate) csrf: String,
}

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let secret = session_secret(&parts.headers).ok_or(Failure::SignIn)?.to_owned();
        let csrf = token(&secret);
        let known =
            app.db.read(&Scope::installation("session"), move |view| user::of_session(view, &secret)).await?;
        let session = Self { user: known.ok_or(Failure::SignIn)?, csrf };
        parts.extensions.insert(session.clone());
        Ok(session)
    }
}

/// The secret in the session cookie.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let secret = pairs.find(|(name, _)| *name == COOKIE)?.1;
    (1..=LONGEST).contains(&secret.len()).then_some(secret)
}

/// The token of a session's forms: follows from its secret and does not lead back to it.
fn token(secret: &str) -> String {
    let digest = Sha256::new().chain_update("steelyard form token\0").chain_update(secret).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Session {
    /// Whether a form was made for this session. Looks at every byte, whatever the first ones say.
    pub(crate) fn made(&self, csrf: &str) -> bool {
        let (own, sent) = (self.csrf.as_bytes(), csrf.as_bytes());
        own.len() == sent.len() && own.iter().zip(sent).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let headers = |line: &'static str| HeaderMap::from_iter([(header::COOKIE, line.parse().unwrap())]);
        assert_eq!(session_secret(&headers("a=b; steelyard_session=abc; c=d")), Some("abc"));
        assert_eq!(session_secret(&headers("steelyard_session=")), None);
        assert_eq!(session_secret(&headers("xsteelyard_session=abc")), None);
        assert_eq!(session_secret(&HeaderMap::new()), None);
    }

    #[test]
    fn a_token_is_of_its_session_only() {
        let user = User { id: kernel::ids::UserId::from_uuid(Default::default()), email: String::new() };
        let session = Session { user, csrf: token("one") };
        assert!(session.made(&token("one")));
        assert!(!session.made(&token("two")) && !session.made("") && !session.made(&token("one")[1..]));
    }
}
