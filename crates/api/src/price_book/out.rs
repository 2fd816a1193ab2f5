//! Price books in answers.

use catalog::{
    Change, Mistake,
    version::{Applied, Listed, Version},
};
use jiff::Timestamp;
use kernel::Error;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

/// A version of the price book, with what it says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PriceBookVersion)]
pub(crate) struct VersionOut {
    #[schema(examples("bkv_01jdd7w000e008000000000001"))]
    id: String,
    /// 1, 2, 3 … in the order they were applied.
    number: i64,
    /// SHA-256 of what it says.
    digest: String,
    /// When it was applied, in business time.
    created: Timestamp,
    /// Where the file it was applied from can be read.
    source: String,
    /// Everything it says: settings, features, plans, add-ons, prices.
    #[schema(value_type = Object)]
    book: Json,
}

impl TryFrom<&Version> for VersionOut {
    type Error = Error;

    fn try_from(version: &Version) -> Result<Self, Error> {
        let book = serde_json::to_value(&*version.book)
            .map_err(|error| Error::internal(format!("a price book is no JSON: {error}")))?;
        let source = format!("/v1/price-book/versions/{}/source", version.id);
        let (id, number, digest, created) =
            (version.id.to_string(), version.number, version.digest.clone(), version.created);
        Ok(Self { id, number, digest, created, source, book })
    }
}

/// A version in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedPriceBookVersion)]
pub(crate) struct ListedOut {
    #[schema(examples("bkv_01jdd7w000e008000000000001"))]
    id: String,
    /// 1, 2, 3 … in the order they were applied.
    number: i64,
    /// The product's name in it.
    name: String,
    /// SHA-256 of what it says.
    digest: String,
    /// When it was applied, in business time.
    created: Timestamp,
}

impl From<Listed> for ListedOut {
    fn from(Listed { id, number, digest, created, name }: Listed) -> Self {
        Self { id: id.to_string(), number, name, digest, created }
    }
}

/// What applying a price book did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppliedPriceBook)]
pub(crate) struct AppliedOut {
    /// False when the newest version said the same already.
    changed: bool,
    /// The version now in force.
    version: VersionOut,
}

impl TryFrom<Applied> for AppliedOut {
    type Error = Error;

    fn try_from(applied: Applied) -> Result<Self, Error> {
        Ok(Self { changed: applied.changed, version: (&*applied.version).try_into()? })
    }
}

/// What a reading of a price book found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckedPriceBook)]
pub(crate) struct CheckedOut {
    /// Whether it could be applied.
    valid: bool,
    /// What is wrong, in the order of the file.
    mistakes: Vec<MistakeOut>,
    /// What it changes in the version in force, as sentences; null when there is none, or mistakes.
    changes: Option<Vec<ChangeOut>>,
}

impl CheckedOut {
    pub(super) fn good(changes: Option<Vec<Change>>) -> Self {
        let changes = changes.map(|changes| changes.into_iter().map(ChangeOut::from).collect());
        Self { valid: true, mistakes: Vec::new(), changes }
    }

    pub(super) fn bad(mistakes: Vec<Mistake>) -> Self {
        Self { valid: false, mistakes: mistakes.into_iter().map(MistakeOut::from).collect(), changes: None }
    }
}

/// A mistake in a price book.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PriceBookMistake)]
pub(crate) struct MistakeOut {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// The offending text.
    text: String,
    /// What is wrong.
    message: String,
    /// What to do about it.
    hint: Option<String>,
    /// The line it stands in, or the part of it around the mistake.
    source: String,
}

impl From<Mistake> for MistakeOut {
    fn from(Mistake { line, column, text, message, hint, source, .. }: Mistake) -> Self {
        Self { line, column, text, message, hint, source }
    }
}

/// A change from one price book to another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PriceBookChange)]
pub(crate) struct ChangeOut {
    /// The part of the file: `plans.starter`.
    place: String,
    /// What changed there.
    sentence: String,
}

impl From<Change> for ChangeOut {
    fn from(Change { place, sentence }: Change) -> Self {
        Self { place, sentence }
    }
}
