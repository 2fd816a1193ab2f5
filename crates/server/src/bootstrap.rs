//! The first start on an empty database: a merchant with an owner, a live environment and a sandbox.
//!
//! Each step is one transaction that happens wholly or not at all, and is left out when it was done
//! before: a start that was cut short is completed by the next one.

use identity::{
    Merchant, Permissions,
    environment::{self, NewLegalEntity},
    key, merchant, text,
    user::{self, Role},
};
use kernel::{Currency, Result, SystemIds, Zone, ids::EnvironmentId};
use store::{Actor, Db, Mode, Scope, Tx};

const SCOPE: Scope = Scope::installation("bootstrap");

/// What the merchant is called when no price book says.
const NAMELESS: &str = "My company";

/// A price book's file.
#[derive(Clone, Debug)]
pub struct BookFile {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What a new installation begins with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The e-mail address of the first user.
    pub owner: String,
    /// The price book of both environments, whose name and currency are the merchant's; none: a merchant
    /// called "My company" without prices, in US dollars.
    pub book: Option<BookFile>,
}

/// What is there after the first start.
#[derive(Clone, Debug)]
pub struct Foundation {
    /// The first merchant.
    pub merchant: Merchant,
    /// The text of an API key of the sandbox, when the sandbox was made by this call. It is shown once.
    pub key: Option<String>,
}

/// Whether nobody has set up this database, or not to the end.
pub fn is_empty(db: &Db) -> Result<bool> {
    let missing = db.read(&SCOPE, |view| {
        let Some(first) = merchant::list(view)?.into_iter().next() else { return Ok(true) };
        let modes: Vec<Mode> = environment::of_merchant(view, first.id)?.iter().map(|one| one.mode).collect();
        Ok([Mode::Live, Mode::Sandbox].iter().any(|mode| !modes.contains(mode)))
    });
    missing.wait()
}

/// Set up what is missing of the first merchant: itself with its owner, then the environments `live` and
/// `sandbox`, each with a legal entity (country US, zone UTC, series INV) and the price book; the sandbox
/// with its clock at the present and an API key that may do everything.
///
/// Errors: `book_invalid`, `email_malformed`, those of the database.
pub fn bootstrap(db: &Db, setup: &Setup) -> Result<Foundation> {
    // Before anything is made, so that a mistake in the file leaves the database empty.
    let book = setup.book.as_ref().map(|file| {
        catalog::read(&file.name, &file.text).map_err(|mistakes| catalog::version::refused(&mistakes))
    });
    let book = book.transpose()?;
    let name = book.as_ref().map_or(NAMELESS, |book| book.name.as_str());
    let currency = match &book {
        Some(book) => book.currency,
        None => Currency::parse("USD")?,
    };
    let merchant = ensure_merchant(db, name, &setup.owner)?;
    let secret = key::new_secret(Mode::Sandbox)?;
    ensure_environment(db, &merchant, Mode::Live, currency, setup.book.as_ref(), None)?;
    let made =
        ensure_environment(db, &merchant, Mode::Sandbox, currency, setup.book.as_ref(), Some(&secret))?;
    Ok(Foundation { merchant, key: made.then_some(secret) })
}

fn first_merchant(db: &Db) -> Result<Option<Merchant>> {
    Ok(db.read(&SCOPE, merchant::list).wait()?.into_iter().next())
}

fn ensure_merchant(db: &Db, name: &str, owner: &str) -> Result<Merchant> {
    if let Some(merchant) = first_merchant(db)? {
        return Ok(merchant);
    }
    let (name, owner) = (name.to_owned(), owner.to_owned());
    let slug = text::slug(&text::slug_of(&name)).unwrap_or_else(|_| "company".to_owned());
    let made = db.write(&SCOPE, move |tx| {
        let merchant = merchant::create(tx, &slug, &name)?;
        let user = user::find_or_add(tx, &owner)?;
        user::join(tx, user.id, merchant.id, Role::Owner)?;
        Ok(merchant)
    });
    // Another process may have been faster.
    made.wait().or_else(|error| first_merchant(db)?.ok_or(error))
}

/// Make an environment unless it is there; whether it was made.
fn ensure_environment(
    db: &Db,
    merchant: &Merchant,
    mode: Mode,
    currency: Currency,
    book: Option<&BookFile>,
    secret: Option<&str>,
) -> Result<bool> {
    let id = merchant.id;
    let exists =
        || db.read(&SCOPE, move |view| Ok(environment::by_slug(view, id, mode.word())?.is_some())).wait();
    if exists()? {
        return Ok(false);
    }
    let plan = NewEnvironment {
        merchant: merchant.clone(),
        currency,
        book: book.cloned(),
        secret: secret.map(str::to_owned),
    };
    let env: EnvironmentId = kernel::new_id(&SystemIds::new());
    let scope = Scope::environment(env, mode, Actor::CommandLine);
    match db.write(&scope, move |tx| plan.make(tx)).wait() {
        Ok(()) => Ok(true),
        // Another process may have been faster.
        Err(error) => {
            if exists()? {
                Ok(false)
            } else {
                Err(error)
            }
        }
    }
}

struct NewEnvironment {
    merchant: Merchant,
    currency: Currency,
    book: Option<BookFile>,
    secret: Option<String>,
}

impl NewEnvironment {
    /// All of an environment in one transaction: it is there with everything, or not at all.
    fn make(&self, tx: &mut Tx<'_>) -> Result<()> {
        let slug = tx.scope().mode().word();
        environment::create(tx, self.merchant.id, slug, None)?;
        let entity = NewLegalEntity {
            name: self.merchant.name.clone(),
            country: "US".to_owned(),
            region: None,
            tax_id: None,
            registrations: Vec::new(),
            currency: self.currency,
            zone: Zone::utc(),
            series: "INV".to_owned(),
        };
        environment::add_entity(tx, &entity)?;
        if let Some(book) = &self.book {
            catalog::version::apply(tx, &book.name, &book.text)?;
        }
        if let Some(secret) = &self.secret {
            key::create(tx, "First key", &Permissions::All, secret)?;
        }
        Ok(())
    }
}
