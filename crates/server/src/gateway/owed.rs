//! Calls that were let through while the meter did not answer: events that are owed to it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderValue, Request, header},
};
use serde_json::Value as Json;
use tokio::sync::Notify;

use crate::forward::Http;

/// Events that are remembered; beyond it the oldest is lost, and said so.
const MOST: usize = 100_000;
/// Events sent at once.
const AT_ONCE: usize = 500;
/// How long to wait before what could not be sent is sent again.
const PAUSE: Duration = Duration::from_secs(1);
/// At the end the meter is given so long.
const FAREWELL: Duration = Duration::from_secs(10);

/// What is owed, and the task that pays it.
#[derive(Clone)]
pub(super) struct Owed {
    waiting: Arc<Waiting>,
    address: String,
    bearer: HeaderValue,
    http: Http,
}

#[derive(Default)]
struct Waiting {
    events: Mutex<VecDeque<Json>>,
    more: Notify,
    /// Held while a batch is under way, so that the end does not send it beside the task.
    sending: tokio::sync::Mutex<()>,
}

impl Owed {
    pub(super) fn start(http: Http, steelyard: &str, bearer: &HeaderValue) -> Self {
        let address = format!("{}/v1/events", steelyard.trim_end_matches('/'));
        let owed = Self { waiting: Arc::default(), address, bearer: bearer.clone(), http };
        let payer = owed.clone();
        tokio::spawn(async move {
            loop {
                payer.waiting.more.notified().await;
                while !payer.pay().await {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
        owed
    }

    /// Remember an event.
    pub(super) fn add(&self, event: Json) {
        let mut events = self.events();
        if events.len() == MOST {
            events.pop_front();
            tracing::error!("{MOST} calls are not metered yet; the oldest of them is lost");
        }
        events.push_back(event);
        drop(events);
        self.waiting.more.notify_one();
    }

    /// Send what is left, for a while.
    pub(super) async fn settle(&self) {
        let paid = async {
            while !self.pay().await {
                tokio::time::sleep(PAUSE).await;
            }
        };
        if tokio::time::timeout(FAREWELL, paid).await.is_err() {
            tracing::error!(calls = self.events().len(), "calls were let through and never metered");
        }
    }

    /// Send everything; whether it all arrived.
    async fn pay(&self) -> bool {
        let _one_at_a_time = self.waiting.sending.lock().await;
        loop {
            let batch: Vec<Json> = self.events().iter().take(AT_ONCE).cloned().collect();
            if batch.is_empty() {
                return true;
            }
            if !self.send(&batch).await {
                return false;
            }
            let mut events = self.events();
            // The oldest may have been dropped meanwhile: only what was sent goes.
            events.retain(|event| !batch.iter().any(|sent| sent["id"] == event["id"]));
        }
    }

    async fn send(&self, batch: &[Json]) -> bool {
        let body = Body::from(Json::from(batch.to_vec()).to_string());
        let request = Request::post(&self.address)
            .header(header::AUTHORIZATION, self.bearer.clone())
            .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
            .body(body);
        let Ok(request) = request else { return false };
        match self.http.request(request).await {
            // What is refused one by one will be so for ever: a batch that was read is done with.
            Ok(response) => response.status().is_success(),
            Err(_) => false,
        }
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<Json>> {
        self.waiting.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
