//! Who is asking, in which environment, and why: every transaction has one.

use std::fmt;

use kernel::{
    Error, Result,
    ids::{ApiKeyId, CustomerId, EnvironmentId, JobId, UserId},
};

use crate::File;

/// Who does something. Stored with every fact; never a name or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A program with an API key.
    Key(ApiKeyId),
    /// A signed-in person.
    User(UserId),
    /// A customer on its own page.
    Customer(CustomerId),
    /// A job of ours, due work included.
    Job(JobId),
    /// Somebody with a shell on the server.
    CommandLine,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::User(id) => id.fmt(f),
            Self::Customer(id) => id.fmt(f),
            Self::Job(id) => id.fmt(f),
            Self::CommandLine => f.write_str("command_line"),
        }
    }
}

/// Which clock an environment lives by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Business time is real time.
    Live,
    /// Business time stands still until the API moves it.
    Sandbox,
}

impl Mode {
    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sandbox => "sandbox",
        }
    }

    /// The inverse of [`Mode::word`].
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "live" => Some(Self::Live),
            "sandbox" => Some(Self::Sandbox),
            _ => None,
        }
    }
}

/// A reason as a code, because facts hold no free text: lower-case words joined by `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Check and wrap a code. Errors: `reason_malformed`.
    pub fn parse(text: &str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
            return Err(Error::invalid(
                "reason_malformed",
                "A reason is a code of up to 64 lower-case letters, digits and underscores, such as customer_request.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a transaction may see and on whose behalf it writes.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(crate) place: Place,
    /// Who asks.
    pub actor: Actor,
    /// Why, when it was said.
    pub reason: Option<Reason>,
    /// Due work runs at its own effective time and while a sandbox clock advances.
    pub(crate) due_work: bool,
    /// Which file the work is in; set by the handle it is given to.
    pub(crate) file: File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Environment {
        env: EnvironmentId,
        mode: Mode,
    },
    /// Named system work across environments; the name is for logs.
    Installation(&'static str),
}

impl Scope {
    /// One environment, for one actor.
    pub const fn environment(env: EnvironmentId, mode: Mode, actor: Actor) -> Self {
        Self {
            place: Place::Environment { env, mode },
            actor,
            reason: None,
            due_work: false,
            file: File::Core,
        }
    }

    /// System work across the installation, under a name. It reaches only the tables contexts list
    /// as `system_tables`, and the installation's own.
    pub const fn installation(work: &'static str) -> Self {
        let actor = Actor::CommandLine;
        Self { place: Place::Installation(work), actor, reason: None, due_work: false, file: File::Core }
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, reason: Option<Reason>) -> Self {
        self.reason = reason;
        self
    }

    /// The same, for work that fell due: it may set its effective time, and runs while the clock advances.
    #[must_use]
    pub const fn for_due_work(mut self) -> Self {
        self.due_work = true;
        self
    }

    /// The environment, unless this is installation work.
    pub const fn env(&self) -> Option<EnvironmentId> {
        match self.place {
            Place::Environment { env, .. } => Some(env),
            Place::Installation(_) => None,
        }
    }

    /// Whether business time of this work comes from a sandbox clock. That clock is core data, so work on
    /// usage runs in real time and is told business time by its caller.
    pub(crate) fn stands(&self) -> bool {
        self.mode() == Mode::Sandbox && self.file == File::Core
    }

    /// The environment's clock; installation work lives in real time.
    pub const fn mode(&self) -> Mode {
        match self.place {
            Place::Environment { mode, .. } => mode,
            Place::Installation(_) => Mode::Live,
        }
    }
}
