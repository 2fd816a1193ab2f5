//! The versions of an environment's price book. A version never changes; applying a book that says the
//! same as the newest one makes none.
//!
//! Reading a version asks the database which row there is, and makes the book from its JSON only when this process
//! has not done so before.

mod shelf;

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use kernel::{Error, Result, ids::BookVersionId};
use serde_json::json;
use store::{NewFact, Row, Tx, View, params, statements};

use crate::{Book, Mistake};

statements! {
    environment INSERT = "INSERT INTO book_version (env_id, id, number, name, digest, source, book, created)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (env_id, number) DO NOTHING";
    environment NEWEST = "SELECT id, digest FROM book_version WHERE env_id = $1 ORDER BY number DESC LIMIT 1";
    environment HEADS = "SELECT id, digest FROM book_version WHERE env_id = $1 AND id IN_IDS($2)";
    environment MANY = "SELECT id, number, digest, created, book FROM book_version WHERE env_id = $1 AND id IN_IDS($2)";
    environment SOURCE = "SELECT source FROM book_version WHERE env_id = $1 AND id = $2";
    environment LIST = "SELECT id, number, digest, created, name FROM book_version WHERE env_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
}

/// A version of the price book, with what it says.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its id.
    pub id: BookVersionId,
    /// 1, 2, 3 … in the order they were applied.
    pub number: i64,
    /// SHA-256 of its canonical JSON.
    pub digest: String,
    /// When it was applied, in business time.
    pub created: Timestamp,
    /// What it says, the same one for all who hold on to it.
    pub book: Arc<Book>,
}

/// A version in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: BookVersionId,
    /// Its number.
    pub number: i64,
    /// SHA-256 of its canonical JSON.
    pub digest: String,
    /// When it was applied, in business time.
    pub created: Timestamp,
    /// The product's name in it.
    pub name: String,
}

/// What applying a book did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The version now in force.
    pub version: Arc<Version>,
    /// False when the book says what the newest version already said.
    pub changed: bool,
}

/// Which row there is; its digest says what is in it.
struct Head {
    id: BookVersionId,
    digest: String,
}

fn head(row: &Row<'_>) -> Result<Head> {
    Ok(Head { id: row.get(0)?, digest: row.get(1)? })
}

fn read(row: &Row<'_>) -> Result<Version> {
    let json: serde_json::Value = row.get(4)?;
    let book = serde_json::from_value(json)
        .map_err(|error| Error::internal(format!("a stored price book cannot be read: {error}")))?;
    let book = Arc::new(book);
    Ok(Version { id: row.get(0)?, number: row.get(1)?, digest: row.get(2)?, created: row.get(3)?, book })
}

/// Read a price book's text and make it the newest version, unless it already is. What subscriptions
/// agreed to does not change.
///
/// Errors: `book_invalid`, with every mistake and its place; `concurrent_change`.
pub fn apply(tx: &mut Tx<'_>, file: &str, text: &str) -> Result<Applied> {
    let book = crate::read(file, text).map_err(|mistakes| refused(&mistakes))?;
    let digest = book.digest();
    let newest = newest(tx)?;
    if let Some(newest) = &newest
        && newest.digest == digest
    {
        return Ok(Applied { version: Arc::clone(newest), changed: false });
    }
    let number = newest.map_or(1, |newest| newest.number + 1);
    let (id, created): (BookVersionId, _) = (tx.new_id(), tx.now());
    let json: serde_json::Value =
        serde_json::to_value(&book).map_err(|error| Error::internal(error.to_string()))?;
    if tx.exec(&INSERT, params![id, number, book.name, digest, text, json, created])? == 0 {
        return Err(tx.try_again());
    }
    tx.fact(NewFact::new("book.applied", id.any(), json!({"number": number, "digest": digest}))?);
    let version = Arc::new(Version { id, number, digest, created, book: Arc::new(book) });
    Ok(Applied { version, changed: true })
}

/// Every mistake of a book as one error, a field for each.
pub fn refused(mistakes: &[Mistake]) -> Error {
    let count = mistakes.len();
    let noun = if count == 1 { "mistake" } else { "mistakes" };
    let mut error =
        Error::invalid("book_invalid", format!("The price book has {count} {noun}. Nothing was applied."));
    for mistake in mistakes {
        let hint = mistake.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        error.fields.push(kernel::FieldError {
            pointer: "/source".to_owned(),
            code: "book_invalid",
            detail: format!(
                "{}:{}:{}: {}{hint}",
                mistake.file, mistake.line, mistake.column, mistake.message
            ),
        });
    }
    error
}

/// The version in force for new subscriptions.
pub fn newest(view: &mut View<'_>) -> Result<Option<Arc<Version>>> {
    let head = view.opt(&NEWEST, params![], head)?;
    Ok(of_heads(view, head.into_iter().collect())?.pop())
}

/// The version in force. Errors: `no_price_book`.
pub fn in_force(view: &mut View<'_>) -> Result<Arc<Version>> {
    newest(view)?.ok_or_else(|| {
        Error::conflict(
            "no_price_book",
            "This environment has no price book yet. Apply one with `steelyard book apply`.",
        )
    })
}

/// One version. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: BookVersionId) -> Result<Arc<Version>> {
    many(view, vec![id])?.pop().ok_or_else(|| Error::not_found("price book version"))
}

/// Several versions, those there are.
pub fn many(view: &mut View<'_>, ids: Vec<BookVersionId>) -> Result<Vec<Arc<Version>>> {
    let heads = view.all(&HEADS, params![ids], head)?;
    of_heads(view, heads)
}

/// The versions of these rows: those this process knows, and the others in one more query.
fn of_heads(view: &mut View<'_>, heads: Vec<Head>) -> Result<Vec<Arc<Version>>> {
    let known = heads.iter().filter_map(|head| shelf::kept(head.id, &head.digest));
    let mut versions: HashMap<BookVersionId, Arc<Version>> = known.map(|one| (one.id, one)).collect();
    let unknown: Vec<BookVersionId> =
        heads.iter().map(|head| head.id).filter(|id| !versions.contains_key(id)).collect();
    if !unknown.is_empty() {
        for version in view.all(&MANY, params![unknown], read)? {
            let version = Arc::new(version);
            shelf::keep(&version);
            versions.insert(version.id, version);
        }
    }
    // Rows of this table are never removed, so each head has its version.
    Ok(heads.iter().filter_map(|head| versions.remove(&head.id)).collect())
}

/// The file as it was applied. Errors: `not_found`.
pub fn source(view: &mut View<'_>, id: BookVersionId) -> Result<String> {
    view.opt(&SOURCE, params![id], |row| row.get(0))?.ok_or_else(|| Error::not_found("price book version"))
}

/// Versions below number `before`, newest first.
pub fn list(view: &mut View<'_>, before: i64, limit: i64) -> Result<Vec<Listed>> {
    view.all(&LIST, params![before, limit], |row| {
        Ok(Listed {
            id: row.get(0)?,
            number: row.get(1)?,
            digest: row.get(2)?,
            created: row.get(3)?,
            name: row.get(4)?,
        })
    })
}
