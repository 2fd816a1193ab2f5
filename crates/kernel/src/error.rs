//! One error type for the whole house: a kind that decides the answer's status, a stable code for
//! programs, a sentence for people, and the fields it is about.

use std::fmt;

/// What sort of failure this is. The kind alone decides the HTTP status and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request could not be read at all (not JSON, not UTF-8). HTTP 400.
    Malformed,
    /// Nobody, or nobody known, is asking. HTTP 401.
    Unauthenticated,
    /// The asker is known and may not do this. HTTP 403.
    Forbidden,
    /// There is no such thing, or it belongs to somebody else: the two look alike on purpose. HTTP 404.
    NotFound,
    /// The thing is in a state that does not allow this now. HTTP 409.
    Conflict,
    /// The request is over a size limit. HTTP 413.
    TooLarge,
    /// The request was read and its content is wrong. HTTP 422.
    Invalid,
    /// Too many requests. HTTP 429.
    RateLimited,
    /// A fault of ours. HTTP 500. The detail is logged, never shown to an API client.
    Internal,
    /// Not now: the store is full, away or handing over. HTTP 503; asking again later is right.
    Unavailable,
}

impl Kind {
    /// The HTTP status that says this.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Invalid => 422,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// One field of a request that is wrong, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request body, such as `/items/0/quantity`.
    pub pointer: String,
    /// Stable code of what is wrong with it.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
}

/// The error of every operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Decides the status.
    pub kind: Kind,
    /// Stable, machine-readable, snake case. Codes are part of the API and only ever added.
    pub code: &'static str,
    /// One sentence for a person: what is wrong and, where it can be said, what to do.
    pub detail: String,
    /// The fields concerned, when the request had any.
    pub fields: Vec<FieldError>,
}

/// Result with the house's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), fields: Vec::new() }
    }

    /// The request's content is wrong (422).
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, detail)
    }

    /// The state does not allow it (409).
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, detail)
    }

    /// No such thing here (404). `what` is the noun: "customer", "invoice".
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("There is no such {what}."))
    }

    /// A fault of ours (500).
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(Kind::Internal, "internal", detail)
    }

    /// Not now (503).
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, code, detail)
    }

    /// Name the field this is about. `pointer` is a JSON pointer such as `/quantity`.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        let field = FieldError { pointer: pointer.into(), code: self.code, detail: self.detail.clone() };
        self.fields.push(field);
        self
    }

    /// Put `prefix` before every pointer, when a part of a request was checked on its own.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        for field in &mut self.fields {
            field.pointer.insert_str(0, prefix);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}

impl std::error::Error for Error {}
