//! Calls that were let through while the meter did not answer: events that are owed to it.
//!
//! They are in memory and, when the gateway has a file for it, in that too, a line each: written as they come, made durable
//! every second, emptied once all of them are paid. A gateway that begins reads what another left. What is sent twice counts
//! once, because each has the name it was asked for with.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Error, Result};
use serde_json::Value as Json;
use tokio::sync::Notify;

use super::meter::{Failure, Meter};

/// Events that are remembered; what comes beyond is lost, and said so.
const MOST: usize = 100_000;
/// Events sent at once.
const AT_ONCE: usize = 500;
/// A batch is given so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before what could not be sent is sent again.
const PAUSE: Duration = Duration::from_secs(1);
/// At the end the meter is given so long.
const FAREWELL: Duration = Duration::from_secs(10);

/// What is owed, and the task that pays it.
#[derive(Clone)]
pub(super) struct Owed {
    waiting: Arc<Waiting>,
    meter: Arc<Meter>,
}

struct Waiting {
    /// The oldest first.
    events: Mutex<VecDeque<Json>>,
    kept: Option<Kept>,
    more: Notify,
    /// Held while a batch is under way, so that the end does not send it beside the task.
    sending: tokio::sync::Mutex<()>,
}

/// Where what is owed is kept besides. It is written to with the events locked.
struct Kept {
    path: PathBuf,
    file: Arc<File>,
}

impl Kept {
    /// The file, and what another gateway left in it. Error: `gateway_invalid` when it cannot be used.
    fn open(path: &Path) -> Result<(Self, VecDeque<Json>)> {
        let invalid = |why: &dyn std::fmt::Display| {
            let detail = format!("What is owed cannot be kept in {}: {why}.", path.display());
            Error::invalid("gateway_invalid", detail)
        };
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = file.map_err(|error| invalid(&error))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => invalid(&"another gateway uses it; give each one its own"),
            TryLockError::Error(error) => invalid(&error),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|error| invalid(&error))?;
        // The last line may be half of one: its call was let through in the moment the machine stopped.
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let left = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        if text.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n").map_err(|error| invalid(&error))?;
        }
        Ok((Self { path: path.to_owned(), file: Arc::new(file) }, left))
    }

    fn add(&self, event: &Json) {
        if let Err(error) = (&*self.file).write_all(format!("{event}\n").as_bytes()) {
            tracing::error!(%error, file = %self.path.display(), "a call that is owed is in memory only");
        }
    }

    /// Everything is paid. When that cannot be written it is sent again by the next gateway, and counts once.
    fn empty(&self) {
        if let Err(error) = self.file.set_len(0) {
            tracing::warn!(%error, file = %self.path.display(), "the file of what is owed was not emptied");
        }
    }

    /// Make durable what was written so far.
    async fn sync(&self) {
        let file = Arc::clone(&self.file);
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        if let Ok(Err(error)) = synced {
            tracing::error!(%error, file = %self.path.display(), "what is owed may not outlive the machine");
        }
    }
}

impl Owed {
    /// Begin, with what another gateway left in the file. Error: `gateway_invalid` when that cannot be used.
    pub(super) fn start(meter: Arc<Meter>, file: Option<&Path>) -> Result<Self> {
        let (kept, left) = match file.map(Kept::open).transpose()? {
            Some((kept, left)) => (Some(kept), left),
            None => (None, VecDeque::new()),
        };
        let (more, sending) = Default::default();
        let waiting = Arc::new(Waiting { events: Mutex::new(left), kept, more, sending });
        // What was left is paid at once.
        waiting.more.notify_one();
        let owed = Self { waiting, meter };
        let payer = owed.clone();
        tokio::spawn(async move {
            loop {
                payer.waiting.more.notified().await;
                while !payer.settled().await {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
        Ok(owed)
    }

    /// Remember an event.
    pub(super) fn add(&self, event: Json) {
        let mut events = self.events();
        if events.len() >= MOST {
            if self.meter.told.first("owed too many") {
                tracing::error!("{MOST} calls are not metered yet; those that come now never will be");
            }
            return;
        }
        if let Some(kept) = &self.waiting.kept {
            kept.add(&event);
        }
        events.push_back(event);
        drop(events);
        self.waiting.more.notify_one();
    }

    /// Send what is left, for a while.
    pub(super) async fn settle(&self) {
        let paid = async {
            while !self.settled().await {
                tokio::time::sleep(PAUSE).await;
            }
        };
        if tokio::time::timeout(FAREWELL, paid).await.is_ok() {
            return;
        }
        let calls = self.events().len();
        match &self.waiting.kept {
            Some(kept) => {
                kept.sync().await;
                let file = kept.path.display();
                tracing::warn!(calls, %file, "calls were let through and wait to be metered by the next start");
            }
            None => tracing::error!(
                calls,
                "calls were let through and are never metered: there is no --owed file"
            ),
        }
    }

    /// Make durable what is owed, and send it; whether all of it arrived.
    async fn settled(&self) -> bool {
        if let Some(kept) = self.waiting.kept.as_ref().filter(|_| !self.events().is_empty()) {
            kept.sync().await;
        }
        self.pay().await
    }

    /// Send everything; whether it all arrived.
    async fn pay(&self) -> bool {
        let _one_at_a_time = self.waiting.sending.lock().await;
        loop {
            let batch: Vec<Json> = self.events().iter().take(AT_ONCE).cloned().collect();
            if batch.is_empty() {
                return true;
            }
            let count = batch.len();
            if !self.send(batch).await {
                return false;
            }
            let mut events = self.events();
            // Others only come behind them.
            events.drain(..count);
            if let Some(kept) = self.waiting.kept.as_ref().filter(|_| events.is_empty()) {
                kept.empty();
            }
        }
    }

    /// Whether a batch was read; what is refused of it one by one will be so for ever, and is said.
    async fn send(&self, batch: Vec<Json>) -> bool {
        let body = Json::from(batch).to_string();
        let kind = "application/cloudevents-batch+json";
        match self.meter.ask("/v1/events", kind, body, PATIENCE).await {
            Ok(answer) => {
                say_rejected(&answer);
                true
            }
            Err(failure) => {
                if self.meter.told.first(&format!("owed {failure}")) {
                    let to_do = failure.to_do().unwrap_or("it is sent again until it is taken");
                    match failure {
                        Failure::Away(_) => {
                            tracing::warn!(%failure, "what is owed could not be sent: {to_do}")
                        }
                        Failure::Refused { .. } => {
                            tracing::error!(%failure, "what is owed is not taken: {to_do}");
                        }
                    }
                }
                false
            }
        }
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<Json>> {
        self.waiting.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say_rejected(answer: &Json) {
    let receipts = answer["receipts"].as_array().into_iter().flatten();
    let mut rejected = receipts.filter(|receipt| receipt["status"] == "rejected").peekable();
    let Some(first) = rejected.peek() else { return };
    let (code, detail) = (first["error"]["code"].clone(), first["error"]["detail"].clone());
    let calls = rejected.count();
    tracing::error!(calls, %code, %detail, "calls were let through and are never metered: they were rejected");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_owed_is_read_back_also_behind_half_a_line() {
        let path = std::env::temp_dir().join(format!("steelyard-owed-{}", std::process::id()));
        let (kept, left) = Kept::open(&path).unwrap();
        assert!(left.is_empty());
        assert_eq!(Kept::open(&path).map(drop).unwrap_err().code, "gateway_invalid", "one gateway at a time");
        kept.add(&json!({ "id": "1" }));
        kept.add(&json!({ "id": "2" }));
        (&*kept.file).write_all(b"{\"id\":\"3").unwrap();
        drop(kept);
        let (kept, left) = Kept::open(&path).unwrap();
        assert_eq!(left, [json!({ "id": "1" }), json!({ "id": "2" })]);
        kept.add(&json!({ "id": "4" }));
        drop(kept);
        let (kept, left) = Kept::open(&path).unwrap();
        assert_eq!(left.back(), Some(&json!({ "id": "4" })));
        kept.empty();
        kept.add(&json!({ "id": "5" }));
        drop(kept);
        assert_eq!(Kept::open(&path).unwrap().1, [json!({ "id": "5" })]);
        std::fs::remove_file(path).unwrap();
    }
}
