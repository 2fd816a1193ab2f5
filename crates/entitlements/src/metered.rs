//! What metering has to know beside what customers agreed to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use catalog::version::{self, Version};
use jiff::Timestamp;
use kernel::{Result, ids::CustomerId};
use store::View;

use crate::{
    Sight, feature,
    override_::{self, Given},
    sight::{self, Flags},
};

/// What is the same for every customer, to be read once for many.
pub struct Metered {
    newest: Option<Arc<Version>>,
    flags: Arc<Flags>,
}

/// What was said about the meters of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// How much of a meter it may use in place of what a plan's limit says; none: without a limit.
    pub amounts: BTreeMap<String, Option<u64>>,
    /// Meters it may not use: their flag is switched off or serves `false`.
    pub withheld: BTreeSet<String>,
    /// Until when this is so, as far as it is known.
    pub until: Option<Timestamp>,
}

impl Metered {
    /// Read it.
    pub fn read(view: &mut View<'_>) -> Result<Self> {
        let (newest, mut flags) = (version::newest(view)?, sight::flags(view)?);
        let meters = newest.iter().flat_map(|version| &version.book.meters);
        let meters: BTreeSet<&str> = meters.map(|meter| meter.key.as_str()).collect();
        flags.retain(|key, _| meters.contains(key.as_str()));
        Ok(Self { newest: newest.clone(), flags: Arc::new(flags) })
    }

    /// What was said about customers.
    pub fn of(&self, view: &mut View<'_>, customers: &[CustomerId]) -> Result<HashMap<CustomerId, Beside>> {
        let now = view.now();
        if !self.flags.is_empty() {
            // What a flag serves depends on all there is of a customer.
            let each = customers.iter().map(|customer| Ok((*customer, self.with_flags(view, *customer)?)));
            return each.collect();
        }
        let mut overrides = override_::of_customers(view, customers.to_vec())?;
        let beside = |customer: &CustomerId| {
            let overrides = overrides.remove(customer).unwrap_or_default();
            (*customer, Self::beside(&overrides, BTreeSet::new(), now, None))
        };
        Ok(customers.iter().map(beside).collect())
    }

    fn with_flags(&self, view: &mut View<'_>, customer: CustomerId) -> Result<Beside> {
        let (now, account) = (view.now(), Arc::new(feature::account(view, customer)?));
        let overrides = account.overrides.clone();
        let (newest, flags) = (self.newest.clone(), Arc::clone(&self.flags));
        let sight = Sight { now, newest, flags, account: Some(account) };
        Ok(Self::beside(&overrides, sight.withheld().into_iter().collect(), now, sight.turns()))
    }

    fn beside(
        overrides: &[override_::Override],
        withheld: BTreeSet<String>,
        now: Timestamp,
        turns: Option<Timestamp>,
    ) -> Beside {
        let holding = overrides.iter().filter(|one| one.holds(now));
        let amounts = holding.clone().filter_map(|one| match one.given {
            Given::UpTo(amount) => Some((one.key.clone(), Some(amount))),
            Given::Unlimited => Some((one.key.clone(), None)),
            Given::Bool(_) | Given::Value(_) => None,
        });
        let until = holding.clone().filter_map(|one| one.expires).chain(turns).min();
        Beside { amounts: amounts.collect(), withheld, until }
    }
}
