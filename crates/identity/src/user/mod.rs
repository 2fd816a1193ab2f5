//! People who sign in to the pages: one-time links, sessions, memberships of merchants.
//!
//! Users belong to the installation; everything here is installation work, in real time.

use jiff::{SignedDuration, Timestamp};
use kernel::{
    Error, Kind, Result,
    ids::{MerchantId, UserId},
};
use store::{Tx, View, params};

use crate::{Permissions, secret, text};

pub(crate) mod sql {
    use store::statements;

    statements! {
        installation INSERT = "INSERT INTO app_user (id, email, created) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING";
        installation BY_EMAIL = "SELECT id, email FROM app_user WHERE email = $1";
        installation JOIN_MERCHANT = "INSERT INTO membership (user_id, merchant_id, role) VALUES ($1, $2, $3)
            ON CONFLICT (user_id, merchant_id) DO UPDATE SET role = excluded.role";
        installation ROLE = "SELECT role FROM membership WHERE user_id = $1 AND merchant_id = $2";
        installation MERCHANTS = "SELECT m.id, m.slug, m.name, m.created FROM merchant m
            JOIN membership s ON s.merchant_id = m.id WHERE s.user_id = $1 ORDER BY m.id";
        installation INSERT_LINK = "INSERT INTO sign_in_link (hash, user_id, expires) VALUES ($1, $2, $3)";
        installation USE_LINK = "DELETE FROM sign_in_link WHERE hash = $1 RETURNING user_id, expires";
        installation INSERT_SESSION = "INSERT INTO user_session (hash, user_id, expires) VALUES ($1, $2, $3)";
        installation SESSION = "SELECT u.id, u.email FROM user_session s JOIN app_user u ON u.id = s.user_id
            WHERE s.hash = $1 AND s.expires > $2";
        installation END_SESSION = "DELETE FROM user_session WHERE hash = $1";
        installation FORGET_LINKS = "DELETE FROM sign_in_link WHERE expires < $1";
        installation FORGET_SESSIONS = "DELETE FROM user_session WHERE expires < $1";
    }
}

/// A sign-in link works once and for this long.
pub const LINK_LIFE: SignedDuration = SignedDuration::from_mins(30);
/// A session lasts this long.
pub const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id, which also stands as the actor in facts.
    pub id: UserId,
    /// Their address, in lower case.
    pub email: String,
}

/// A session just opened.
#[derive(Clone, Debug)]
pub struct Session {
    /// What the cookie holds.
    pub secret: String,
    /// Whose it is.
    pub user: UserId,
}

/// What a member of a merchant's staff may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Owner,
    /// See everything, change nothing.
    Viewer,
}

impl Role {
    /// The word in storage.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Viewer => "viewer",
        }
    }

    /// The inverse of [`Role::word`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Owner, Self::Viewer].into_iter().find(|role| role.word() == word)
    }

    /// The permissions of the role.
    pub const fn permissions(self) -> Permissions {
        match self {
            Self::Owner => Permissions::All,
            Self::Viewer => Permissions::Read,
        }
    }
}

fn read(row: &store::Row<'_>) -> Result<User> {
    Ok(User { id: row.get(0)?, email: row.get(1)? })
}

/// A random secret for a link or a session. Made before the transaction.
pub fn new_secret() -> Result<String> {
    secret::new()
}

/// The user with this address, added when there is none. Errors: `email_malformed`.
pub fn find_or_add(tx: &mut Tx<'_>, email: &str) -> Result<User> {
    let email = text::email(email, "/email")?.to_lowercase();
    let (id, created): (UserId, _) = (tx.new_id(), tx.recorded());
    tx.exec(&sql::INSERT, params![id, email, created])?;
    tx.one(&sql::BY_EMAIL, params![email], read)
}

/// Make a user a member of a merchant's staff, or change their role.
pub fn join(tx: &mut Tx<'_>, user: UserId, merchant: MerchantId, role: Role) -> Result<()> {
    tx.exec_one(&sql::JOIN_MERCHANT, params![user, merchant, role.word()])
}

/// A user's role at a merchant.
pub fn role(view: &mut View<'_>, user: UserId, merchant: MerchantId) -> Result<Option<Role>> {
    view.opt(&sql::ROLE, params![user, merchant], |row| row.parse(0, Role::parse))
}

/// The merchants a user works for.
pub fn merchants(view: &mut View<'_>, user: UserId) -> Result<Vec<crate::Merchant>> {
    view.all(&sql::MERCHANTS, params![user], |row| {
        Ok(crate::Merchant { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)?, created: row.get(3)? })
    })
}

/// Keep a one-time link for a user.
pub fn add_link(tx: &mut Tx<'_>, user: UserId, secret: &str) -> Result<()> {
    let expires = tx.recorded() + LINK_LIFE;
    tx.exec_one(&sql::INSERT_LINK, params![secret::hash(secret), user, expires])
}

/// Use up a link and open a session. Errors: `link_unknown`.
pub fn sign_in(tx: &mut Tx<'_>, link: &str, session: &str) -> Result<Session> {
    let now = tx.recorded();
    let used: Option<(UserId, Timestamp)> =
        tx.opt(&sql::USE_LINK, params![secret::hash(link)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some((user, expires)) = used.filter(|(_, expires)| *expires > now) else {
        return Err(Error::new(
            Kind::Unauthenticated,
            "link_unknown",
            "This sign-in link was used before or has expired. Make a new one with `steelyard sign-in`.",
        ));
    };
    debug_assert!(expires > now);
    tx.exec_one(&sql::INSERT_SESSION, params![secret::hash(session), user, now + SESSION_LIFE])?;
    Ok(Session { secret: session.to_owned(), user })
}

/// Whose session this is, while it lasts.
pub fn of_session(view: &mut View<'_>, session: &str) -> Result<Option<User>> {
    let now = view.recorded();
    view.opt(&sql::SESSION, params![secret::hash(session), now], read)
}

/// End a session.
pub fn sign_out(tx: &mut Tx<'_>, session: &str) -> Result<()> {
    tx.exec(&sql::END_SESSION, params![secret::hash(session)]).map(drop)
}

/// Drop expired links and sessions; how many.
pub fn forget_expired(tx: &mut Tx<'_>) -> Result<u64> {
    let now = tx.recorded();
    Ok(tx.exec(&sql::FORGET_LINKS, params![now])? + tx.exec(&sql::FORGET_SESSIONS, params![now])?)
}
