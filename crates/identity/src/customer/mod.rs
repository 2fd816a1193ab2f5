//! Customers: the organisations that buy from a merchant.

pub(crate) mod domain;
mod edit;
mod model;
mod ops;
mod search;
pub(crate) mod sql;
mod words;

pub use domain::{domain_of, domains, of_domain};
pub use edit::change;
pub use model::{Buyer, Customer, CustomerRef, Edit, NewCustomer, Party, Person, metadata};
pub use ops::{
    buyers, create, create_all, erase, existing_external_ids, find, index_words, list, load, lock, lock_all,
    of_external_ids, parties, person, resolve, sides,
};
pub use search::{Find, Found, Place, Sort, count, count_again, counted_again, load as load_found, search};
pub use words::SHORTEST as SHORTEST_WORD;
