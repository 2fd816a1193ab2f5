//! The event log: chunks of entries, and what their bytes are.
//!
//! A **chunk** holds the entries of one series and one hour that were committed together. Chunks are numbered without
//! gaps per environment and only ever appended; each names the one before it of its series and hour, and the tally
//! of that hour names the last. So the events behind a figure are found without an index, and what is written for an
//! event is next to what was written before it.

pub mod codec;
mod entry;
mod read;

pub use entry::{Address, CHUNK_ENTRIES, Entry, Kind, decode, encode};
pub use read::{
    Chunk, chunks_after, each_standing, entry, hour_chunks, hour_entries, last_entries, samples, standing,
    values,
};
