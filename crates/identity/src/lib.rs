//! Who is who: merchants and their environments, legal entities, customers and the people behind them,
//! users with their sessions, API keys, and links to customers' own pages.
//!
//! Merchants and users belong to the installation; everything else belongs to one environment. Names,
//! addresses and e-mails stand in `person` rows only, so that erasing a person is blanking a row.

pub mod customer;
pub mod environment;
pub mod key;
pub mod link;
pub mod merchant;
pub mod permission;
mod schema;
mod secret;
pub mod text;
pub mod user;

pub use customer::{Customer, CustomerRef, NewCustomer};
pub use environment::{Environment, LegalEntity};
pub use key::ApiKey;
pub use link::CustomerLink;
pub use merchant::Merchant;
pub use permission::{Permission, Permissions};
pub use schema::CONTEXT;
pub use user::{Session, User};
