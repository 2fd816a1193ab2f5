//! Somebody who works while the bill run does.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use identity::customer;
use kernel::Result;
use store::{Db, Scope};

use crate::{ground::raw, subscribers::new_customer};

/// A pause between two writes: fifty a second, spread over the run.
const PAUSE: Duration = Duration::from_millis(20);

/// Do `work` while customers are created in the same environment, one at a time; what the work answers,
/// and how long each creation took from asking to its durable answer.
pub fn beside<T>(db: &Db, scope: &Scope, work: impl FnOnce() -> Result<T>) -> Result<(T, Vec<Duration>)> {
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        let neighbour = threads.spawn(|| -> Result<Vec<Duration>> {
            let mut waits = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let (new, asked) = (new_customer()?, Instant::now());
                db.write(scope, move |tx| customer::create(tx, new.clone())).wait()?;
                waits.push(asked.elapsed());
                thread::sleep(PAUSE);
            }
            Ok(waits)
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        let waits = neighbour.join().map_err(|_| raw("the neighbour panicked"))??;
        Ok((done?, waits))
    })
}
