//! Kill switches of our own: flags by agreed names that stop a thing everywhere.

use kernel::{Error, Result, ids::CustomerId};
use serde_json::Value as Json;
use store::View;

use crate::{Context, Source, Whom, sight};

/// What can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// `trial_enabled`: starting a trial.
    Trial,
    /// `payments_enabled`: recording that a customer paid.
    Payments,
}

impl Switch {
    /// The key of its flag.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Trial => "trial_enabled",
            Self::Payments => "payments_enabled",
        }
    }
}

/// Refuse what was switched off, for a customer or for all: the flag of the switch is a boolean one, and serves `false`
/// to the customer. Without such a flag nothing is switched off.
///
/// Error: `switched_off`.
pub fn open(view: &mut View<'_>, switch: Switch, customer: Option<CustomerId>) -> Result<()> {
    let key = switch.key();
    if !crate::flag::exists(view, key)? {
        return Ok(());
    }
    let whom = customer.map_or(Whom::Anybody, Whom::Customer);
    let sight = sight(view, &whom)?;
    let closed = match sight.served(key, &Context::default()) {
        Some(Ok(served)) => served.value == Json::Bool(false) && matches!(served.source, Source::Flag { .. }),
        Some(Err(_)) | None => false,
    };
    if !closed {
        return Ok(());
    }
    let what = match switch {
        Switch::Trial => "Trials are",
        Switch::Payments => "Recording payments is",
    };
    let detail = format!("{what} switched off by the flag {key}. Switch it on again to go on.");
    Err(Error::conflict("switched_off", detail))
}
