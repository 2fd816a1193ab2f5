//! Customers: the organisations that buy from a merchant.

mod model;
mod ops;
pub(crate) mod sql;

pub use model::{Customer, CustomerRef, NewCustomer, Party, Person, metadata};
pub use ops::{
    create, create_all, erase, existing_external_ids, find, list, load, lock, lock_all, of_external_ids,
    parties, person, resolve,
};
