//! The short way. What a merchant's product asks with each call of its own goes past the router, whose layers cost more
//! than the answer, straight to its handler. Handlers and what surrounds them are those of the router.

use axum::{extract::Request, handler::Handler, http::Method, response::Response};

use crate::{
    app::App,
    event, limit,
    problem::envelope,
    rate_limit::{self, say},
};

/// An operation that has a short way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Take events in.
    Events,
    /// May this be used?
    Check,
    /// Use it.
    Consume,
    /// Hold it.
    Reserve,
    /// Take from a token bucket.
    Take,
}

impl Call {
    /// The one that is asked for; none: ask the router.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        let all = [Self::Events, Self::Check, Self::Consume, Self::Reserve, Self::Take];
        all.into_iter().find(|call| method == Method::POST && call.path() == path)
    }

    /// Where it stands.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Events => "/v1/events",
            Self::Check => "/v1/check",
            Self::Consume => "/v1/consume",
            Self::Reserve => "/v1/reserve",
            Self::Take => "/v1/rate-limits/take",
        }
    }

    /// Answer it.
    pub async fn answer(self, app: App, request: Request) -> Response {
        let handle = |request| async move {
            match self {
                Self::Events => Handler::call(event::ingest, request, app).await,
                Self::Check => Handler::call(limit::check, request, app).await,
                Self::Consume => Handler::call(limit::consume, request, app).await,
                Self::Reserve => Handler::call(limit::reserve, request, app).await,
                Self::Take => Handler::call(rate_limit::take, request, app).await,
            }
        };
        say(request, |request| envelope(request, handle)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn every_short_way_is_a_route_too() {
        for call in [Call::Events, Call::Check, Call::Consume, Call::Reserve, Call::Take] {
            assert!(
                ROUTES.iter().any(|route| route.method == "POST" && route.path == call.path()),
                "{call:?}"
            );
            assert_eq!(Call::of(&Method::POST, call.path()), Some(call));
            assert_eq!(Call::of(&Method::GET, call.path()), None);
        }
        assert_eq!(Call::of(&Method::POST, "/v1/checks"), None);
    }
}
