//! What became of events, in answers.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use kernel::Error;
use metering::event::Receipt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// The most receipts of a stream: counts go on.
const SHOWN: usize = 1_000;

/// What became of events that were sent together.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Ingested)]
pub(crate) struct IngestOut {
    /// How many are stored and counted.
    pub(crate) accepted: u64,
    /// How many were there before, and were not counted again.
    pub(crate) duplicates: u64,
    /// How many were not stored.
    pub(crate) rejected: u64,
    /// One for each event of a batch, in order; of a stream the first 1,000 that were not accepted.
    pub(crate) receipts: Vec<ReceiptOut>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptOut {
    /// Its place in the batch or stream, from 0.
    index: u64,
    /// Its source; null when it could not be read.
    source: Option<String>,
    /// Its id; null when it could not be read.
    id: Option<String>,
    /// `accepted`, `duplicate` or `rejected`.
    #[schema(examples("accepted"))]
    status: &'static str,
    /// Of a duplicate: it came with another content than the first one, which stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<bool>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FaultOut>,
}

/// What is wrong with an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventFault)]
pub(crate) struct FaultOut {
    /// Stable, for programs: a code of problems.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) detail: String,
    /// JSON pointer into the event; null when all of it is meant.
    pub(crate) pointer: Option<String>,
}

impl From<Error> for FaultOut {
    fn from(error: Error) -> Self {
        let pointer = error.fields.into_iter().next().map(|field| field.pointer);
        Self { code: error.code, detail: error.detail, pointer }
    }
}

impl IngestOut {
    /// How many events there were.
    const fn count(&self) -> u64 {
        self.accepted + self.duplicates + self.rejected
    }

    /// Add receipts, those of accepted events only when `all` are shown.
    pub(super) fn extend(
        &mut self,
        receipts: impl IntoIterator<Item = (Option<[String; 2]>, Receipt)>,
        all: bool,
    ) {
        for (name, receipt) in receipts {
            let index = self.count();
            let (status, differs, error) = match receipt {
                Receipt::Accepted => {
                    self.accepted += 1;
                    ("accepted", None, None)
                }
                Receipt::Duplicate { differs } => {
                    self.duplicates += 1;
                    ("duplicate", Some(differs), None)
                }
                Receipt::Rejected(error) => {
                    self.rejected += 1;
                    ("rejected", None, Some(error.into()))
                }
            };
            if all || (status != "accepted" && self.receipts.len() < SHOWN) {
                let (source, id) = name.map_or((None, None), |[source, id]| (Some(source), Some(id)));
                self.receipts.push(ReceiptOut { index, source, id, status, differs, error });
            }
        }
    }

    /// Those that were rejected, each with its place.
    pub(super) fn faults(&self) -> impl Iterator<Item = (u64, &FaultOut)> {
        self.receipts.iter().filter_map(|receipt| Some((receipt.index, receipt.error.as_ref()?)))
    }
}

impl IntoResponse for IngestOut {
    /// As JSON. There may be 10,000 receipts: there is room for them from the beginning.
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(128 + 128 * self.receipts.len());
        match serde_json::to_writer(&mut body, &self) {
            Ok(()) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::from(Error::internal(error.to_string())).into_response(),
        }
    }
}

/// Whether a change of an event did anything.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventChanged)]
pub(crate) struct ChangedOut {
    /// False: the event was so already.
    pub(super) changed: bool,
}
