//! Customers: the organisations that buy from a merchant.

mod edit;
mod model;
mod ops;
pub(crate) mod sql;

pub use edit::change;
pub use model::{Buyer, Customer, CustomerRef, Edit, NewCustomer, Party, Person, metadata};
pub use ops::{
    buyers, create, create_all, erase, existing_external_ids, find, list, load, lock, lock_all,
    of_external_ids, parties, person, resolve, sides,
};
