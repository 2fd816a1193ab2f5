//! What every request passes before it reaches its page: who asks, where, and whether they may.

mod access;
mod answers;
mod desk;
mod failure;
mod headers;
mod session;
mod visitor;

pub(crate) use access::Access;
pub(crate) use answers::{Answers, Asked, Mistakes, Posted, encoded};
pub(crate) use desk::{Desk, Member, Named, Sheet, Staff, enter, role};
pub(crate) use failure::{Answer, Failure, nothing_here};
pub(crate) use headers::{refuse_cross_site, secure};
pub(crate) use session::{COOKIE, Session, session_secret};
pub(crate) use visitor::{OWN, Sent, VISITOR_COOKIE, Visitor, known, quietly};
