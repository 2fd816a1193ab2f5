//! What is kept of one environment.

use std::sync::Arc;

use catalog::version::{self, Version};
use jiff::Timestamp;
use kernel::{Result, ids::CustomerId};
use store::{Db, Scope, View};

use super::{
    fresh::{Changes, Fresh},
    slots::{Slots, Ticket},
};
use crate::{
    Sight, Whom,
    feature::{self, Account},
    sight::{self, Flags},
};

/// Most customers, and most names of customers, kept for an environment.
const MOST: usize = 20_000;

/// What is kept of an environment.
pub(super) struct Room {
    pub(super) fresh: Fresh,
    book: Slots<(), Option<Arc<Version>>>,
    flags: Slots<(), Arc<Flags>>,
    /// The merchant's own ids of customers; none: nobody is called so.
    names: Slots<String, Option<CustomerId>>,
    accounts: Slots<CustomerId, Option<Arc<Account>>>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            fresh: Fresh::default(),
            book: Slots::of(2),
            flags: Slots::of(2),
            names: Slots::of(MOST),
            accounts: Slots::of(MOST),
        }
    }
}

/// What is to be read: each with the right to keep it.
#[derive(Default)]
struct Missing {
    book: Option<Ticket<()>>,
    flags: Option<Ticket<()>>,
    account: Option<Ticket<CustomerId>>,
}

/// What was read of it.
struct Found {
    book: Option<Option<Arc<Version>>>,
    flags: Option<Arc<Flags>>,
    account: Option<Option<Arc<Account>>>,
}

impl Room {
    /// What there is for whoever is meant, from memory where it is there.
    pub(super) async fn sight(&self, db: &Db, scope: &Scope, whom: Whom, now: Timestamp) -> Result<Sight> {
        let customer = self.resolve(db, scope, whom).await?;
        let mut missing = Missing::default();
        let book = self.book.get(&()).map_err(|ticket| missing.book = Some(ticket)).ok();
        let flags = self.flags.get(&()).map_err(|ticket| missing.flags = Some(ticket)).ok();
        let account = match customer {
            None => Some(None),
            Some(id) => self.accounts.get(&id).map_err(|ticket| missing.account = Some(ticket)).ok(),
        };
        let (book, flags, account) = match (book, flags, account) {
            (Some(book), Some(flags), Some(account)) => (book, flags, account),
            (book, flags, account) => {
                let wanted = (book.is_none(), flags.is_none(), customer.filter(|_| account.is_none()));
                let found = db.read(scope, move |view| read(view, wanted)).await?;
                self.keep(missing, &found);
                (
                    book.or(found.book).flatten(),
                    flags.or(found.flags).unwrap_or_default(),
                    account.or(found.account).flatten(),
                )
            }
        };
        Ok(Sight { now, newest: book, flags, account })
    }

    async fn resolve(&self, db: &Db, scope: &Scope, whom: Whom) -> Result<Option<CustomerId>> {
        let external = match whom {
            Whom::Anybody => return Ok(None),
            Whom::Customer(id) => return Ok(Some(id)),
            Whom::External(external) => external,
        };
        match self.names.get(external.as_str()) {
            Ok(found) => Ok(found),
            Err(ticket) => {
                let whom = Whom::External(external);
                let found = db.read(scope, move |view| sight::resolve(view, &whom)).await?;
                self.names.put(ticket, found);
                Ok(found)
            }
        }
    }

    fn keep(&self, missing: Missing, found: &Found) {
        if let (Some(ticket), Some(book)) = (missing.book, &found.book) {
            self.book.put(ticket, book.clone());
        }
        if let (Some(ticket), Some(flags)) = (missing.flags, &found.flags) {
            self.flags.put(ticket, Arc::clone(flags));
        }
        if let (Some(ticket), Some(account)) = (missing.account, &found.account) {
            self.accounts.put(ticket, account.clone());
        }
    }

    /// Forget what changed.
    pub(super) fn heed(&self, changes: &Changes) {
        let Changes { everything, book, flags, names, customers } = changes;
        if *everything || *book {
            self.book.clear();
        }
        if *everything || *flags {
            self.flags.clear();
        }
        if *everything {
            self.names.clear();
            self.accounts.clear();
        } else if *names {
            self.names.drop_if(Option::is_none);
        }
        for customer in customers {
            self.accounts.drop(customer);
        }
    }
}

fn read(view: &mut View<'_>, wanted: (bool, bool, Option<CustomerId>)) -> Result<Found> {
    let (book, flags, account) = wanted;
    let account = match account {
        None => None,
        Some(id) => Some(match sight::resolve(view, &Whom::Customer(id))? {
            Some(id) => Some(Arc::new(feature::account(view, id)?)),
            None => None,
        }),
    };
    Ok(Found {
        book: if book { Some(version::newest(view)?) } else { None },
        flags: if flags { Some(Arc::new(sight::flags(view)?)) } else { None },
        account,
    })
}
