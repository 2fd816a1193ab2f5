//! By what somebody is recognised, and the trial they had.

use catalog::Sameness;
use jiff::Timestamp;
use kernel::{
    Error,
    ids::{CustomerId, SubscriptionId},
};

/// One sign that somebody is recognised by: a hash, which says nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sign {
    /// Of what.
    pub sameness: Sameness,
    /// 64 hexadecimal digits.
    pub mark: String,
}

/// A trial that somebody had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Had {
    /// In what they are the same.
    pub because: Sameness,
    /// Who had it.
    pub customer: CustomerId,
    /// The subscription that began with it.
    pub subscription: SubscriptionId,
    /// When it began, in business time.
    pub began: Timestamp,
}

impl Had {
    /// Why there is no second trial, in words.
    pub const fn sentence(&self) -> &'static str {
        sentence(self.because)
    }

    /// The refusal of a second trial.
    pub(crate) fn refusal(&self) -> Error {
        Self::refusal_of(self.because)
    }

    /// The refusal of a trial to somebody who is the same as another in this.
    pub(crate) fn refusal_of(because: Sameness) -> Error {
        let detail = format!("{} Start without one, or let staff allow another.", sentence(because));
        Error::conflict("trial_used", detail)
    }
}

const fn sentence(because: Sameness) -> &'static str {
    match because {
        Sameness::Customer => "This customer had a trial before.",
        Sameness::Email => "A customer with the same e-mail address had a trial before.",
        Sameness::EmailDomain => "A customer with an e-mail address of the same domain had a trial before.",
        Sameness::TaxId => "A customer with the same tax id had a trial before.",
        Sameness::Fingerprint => "A customer with the same method of payment had a trial before.",
    }
}
