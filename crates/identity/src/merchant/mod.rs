//! Merchants: the businesses of an installation.

use jiff::Timestamp;
use kernel::{Error, Result, ids::MerchantId};
use store::{Tx, View, params};

use crate::text;

pub(crate) mod sql {
    use store::statements;

    statements! {
        installation INSERT = "INSERT INTO merchant (id, slug, name, created) VALUES ($1, $2, $3, $4) ON CONFLICT (slug) DO NOTHING";
        installation BY_SLUG = "SELECT id, slug, name, created FROM merchant WHERE slug = $1";
        installation LIST = "SELECT id, slug, name, created FROM merchant ORDER BY id";
    }
}

/// A business that sells through Steelyard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// Its name in URLs, unique in the installation.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Real time it was set up.
    pub created: Timestamp,
}

fn read(row: &store::Row<'_>) -> Result<Merchant> {
    Ok(Merchant { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)?, created: row.get(3)? })
}

/// Set up a merchant. Installation work. Errors: `slug_malformed`, `slug_taken`, `text_invalid`.
pub fn create(tx: &mut Tx<'_>, slug: &str, name: &str) -> Result<Merchant> {
    let merchant = Merchant {
        id: tx.new_id(),
        slug: text::slug(slug)?,
        name: text::line(name, 100, "/name")?,
        created: tx.recorded(),
    };
    let params = params![merchant.id, merchant.slug, merchant.name, merchant.created];
    if tx.exec(&sql::INSERT, params)? == 0 {
        return Err(Error::conflict("slug_taken", format!("There is already a merchant called {slug}.")));
    }
    Ok(merchant)
}

/// A merchant by its name in URLs. Installation work.
pub fn by_slug(view: &mut View<'_>, slug: &str) -> Result<Option<Merchant>> {
    view.opt(&sql::BY_SLUG, params![slug], read)
}

/// Every merchant, oldest first. Installation work.
pub fn list(view: &mut View<'_>) -> Result<Vec<Merchant>> {
    view.all(&sql::LIST, params![], read)
}
