//! Customers by the domain of their mail.

use kernel::{Result, ids::CustomerId};
use store::{View, params, statements};

statements! {
    /// The next persons by their domain, counted: the last domain may have more than are counted.
    environment DOMAINS = "SELECT domain, count(*) FROM (SELECT domain FROM person
            WHERE env_id = $1 AND domain IS NOT NULL AND domain > $2 ORDER BY domain LIMIT $3) AS looked
        GROUP BY domain ORDER BY domain";
    environment OF_DOMAIN = "SELECT c.id FROM person p JOIN customer c ON c.env_id = p.env_id AND c.person_id = p.id
        WHERE p.env_id = $1 AND p.domain = $2 ORDER BY p.id LIMIT $3";
    environment DOMAIN_OF = "SELECT p.domain FROM customer c JOIN person p ON p.env_id = c.env_id AND p.id = c.person_id
        WHERE c.env_id = $1 AND c.id = $2";
}

/// Customers by the domain of their e-mail address, as it is written in lower case, in order of the domains behind
/// `after`: how many there are of each among the next `looked` persons. Of the last domain there may be more.
pub fn domains(view: &mut View<'_>, after: &str, looked: i64) -> Result<Vec<(String, i64)>> {
    view.all(&DOMAINS, params![after, looked], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The customers with an e-mail address at a domain, the oldest first, at most `limit`.
pub fn of_domain(view: &mut View<'_>, domain: &str, limit: i64) -> Result<Vec<CustomerId>> {
    view.all(&OF_DOMAIN, params![domain, limit], |row| row.get(0))
}

/// The domain of an address, in lower case.
pub(super) fn of_email(email: &str) -> Option<String> {
    email.split_once('@').map(|(_, domain)| domain.to_lowercase())
}

/// The domain of a customer's e-mail address; none without one, or without such a customer.
pub fn domain_of(view: &mut View<'_>, customer: CustomerId) -> Result<Option<String>> {
    Ok(view.opt(&DOMAIN_OF, params![customer], |row| row.get(0))?.flatten())
}
