//! Business time of an environment, kept where the data is.
//!
//! A live environment has no row here. A sandbox has one: where its clock stands, and where it is
//! being moved to, during which only due work may write.

use jiff::Timestamp;
use kernel::{Error, Result};

use crate::{Tx, View, params, statements};

statements! {
    /// Where the clock stands.
    environment READ = "SELECT at, target FROM sandbox_clock WHERE env_id = $1";
    /// The same, kept from being set moving until this transaction ends.
    environment HOLD = "SELECT at, target FROM sandbox_clock WHERE env_id = $1 FOR SHARE";
    environment SET_UP = "INSERT INTO sandbox_clock (env_id, at) VALUES ($1, $2)";
    /// Waits for every transaction that holds the clock or moves it.
    environment AIM = "UPDATE sandbox_clock SET target = $2 WHERE env_id = $1 AND target IS NULL AND at <= $2";
    environment ARRIVE = "UPDATE sandbox_clock SET at = target, target = NULL WHERE env_id = $1 AND target IS NOT NULL";
}

/// A sandbox clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub at: Timestamp,
    /// Where it is being moved to, during an advance.
    pub target: Option<Timestamp>,
}

/// Where the clock of this sandbox stands; none in a live environment.
pub fn read(view: &mut View<'_>) -> Result<Option<Standing>> {
    view.opt(&READ, params![], |row| Ok(Standing { at: row.get(0)?, target: row.get(1)? }))
}

/// Take business time from the clock at the start of a writing transaction. No lock yet: one taken here
/// would have to be raised by whoever moves the clock, and two of them would wait for each other.
pub(crate) fn begin(tx: &mut Tx<'_>) -> Result<()> {
    let Some(standing) = read(tx)? else { return Ok(()) }; // the environment is being created
    if standing.target.is_some() && !tx.scope().due_work {
        return Err(advancing());
    }
    tx.stand_at(standing);
    Ok(())
}

/// At the end of a writing transaction: the clock must still stand where it stood, and is kept there until
/// the commit. Otherwise the transaction is run again and hears how it is now.
pub(crate) fn hold(tx: &mut Tx<'_>, stood: Standing) -> Result<()> {
    let stands = tx.opt(&HOLD, params![], |row| Ok(Standing { at: row.get(0)?, target: row.get(1)? }))?;
    if stands == Some(stood) { Ok(()) } else { Err(tx.try_again()) }
}

/// The answer to a write while the clock moves.
fn advancing() -> Error {
    Error::conflict(
        "clock_advancing",
        "The clock of this sandbox is being advanced. Write again when it stands still.",
    )
}

/// Give a new sandbox its clock.
pub fn set_up(tx: &mut Tx<'_>, at: Timestamp) -> Result<()> {
    tx.exec_one(&SET_UP, params![at])?;
    tx.move_clock(at);
    Ok(())
}

/// Set the clock moving towards `target`. Other writes are refused until [`arrive`].
///
/// Errors: `clock_is_live`, `clock_backwards`, `clock_advancing`.
pub fn aim(tx: &mut Tx<'_>, target: Timestamp) -> Result<()> {
    let Some(standing) = read(tx)? else {
        return Err(Error::conflict(
            "clock_is_live",
            "A live environment runs on real time; only a sandbox's clock moves by hand.",
        ));
    };
    if target < standing.at {
        let at = standing.at;
        return Err(Error::invalid(
            "clock_backwards",
            format!("The clock stands at {at} and only moves forward."),
        )
        .at("/to"));
    }
    match tx.exec(&AIM, params![target])? {
        1 => {
            tx.move_clock(standing.at);
            Ok(())
        }
        _ => Err(advancing()),
    }
}

/// The advance is over: the clock stands at its target.
pub fn arrive(tx: &mut Tx<'_>) -> Result<()> {
    tx.exec_one(&ARRIVE, params![])
}
