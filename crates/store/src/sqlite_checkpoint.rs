//! Moving what was committed from the write-ahead log into the database file, beside the writer.
//!
//! A commit is durable once it is in the log; when it is copied only decides how long the log gets
//! (<https://www.sqlite.org/wal.html#ckpt>). The writer's own automatic checkpoint stands still meanwhile, so a thread
//! of its own does the copying, and many changes of one page are copied once.

use std::{thread, time::Duration};

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;

/// Pages of the log from which the writer helps out. A log only starts anew when all of it was copied, which the
/// thread beside a writer that never rests cannot reach. 32 MiB of 4 KiB pages: the writer stands still for some 15 ms then.
pub(crate) const WRITER_HELPS_FROM: i64 = 8_192;
/// Time in which commits add up before they are copied.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells the copying thread that something was committed. The thread ends with it.
pub(crate) struct Committed(Sender<()>);

impl Committed {
    /// A way to tell, and where it is heard. What nobody has heard yet need not be said twice.
    pub(crate) fn channel() -> (Self, Receiver<()>) {
        let (sender, receiver) = bounded(1);
        (Self(sender), receiver)
    }

    pub(crate) fn tell(&self) {
        // Full: it was said. Gone: the writer's own checkpoints go on.
        let _ = self.0.try_send(());
    }
}

/// Copy, without ever making a reader or the writer wait, until nobody tells of commits any more.
pub(crate) fn copy_loop(connection: &Connection, committed: &Receiver<()>) {
    while committed.recv().is_ok() {
        thread::sleep(PAUSE);
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = copied {
            tracing::warn!(%error, "cannot copy the write-ahead log; the writer will");
        }
    }
}
