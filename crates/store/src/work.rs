//! Closures on their way to a store thread, and their answers on the way back.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use kernel::{Error, Result};
use tokio::sync::oneshot;

use crate::{Scope, Tx, View};

/// The answer to work handed to the store. Await it, or [`Pending::wait`] outside of async code.
#[must_use = "the work runs, but its answer is lost"]
pub struct Pending<T>(Answer<T>);

enum Answer<T> {
    Coming(oneshot::Receiver<Result<T>>),
    /// There already; none once it was given.
    There(Option<Result<T>>),
}

impl<T> Pending<T> {
    pub(crate) const fn coming(receiver: oneshot::Receiver<Result<T>>) -> Self {
        Self(Answer::Coming(receiver))
    }

    pub(crate) const fn refused(error: Error) -> Self {
        Self(Answer::There(Some(Err(error))))
    }

    /// Block until the answer is there. Not for async code, which awaits.
    pub fn wait(self) -> Result<T> {
        match self.0 {
            Answer::Coming(receiver) => receiver.blocking_recv().unwrap_or_else(|_| Err(closed())),
            Answer::There(answer) => answer.unwrap_or_else(|| Err(closed())),
        }
    }
}

/// The other end of a [`Pending`] that somebody besides the store answers: work that collects many askers in one
/// transaction.
#[derive(Debug)]
pub struct Promise<T>(oneshot::Sender<Result<T>>);

impl<T> Promise<T> {
    /// A promise, and the answer it will give.
    pub fn pair() -> (Self, Pending<T>) {
        let (answer, receiver) = oneshot::channel();
        (Self(answer), Pending::coming(receiver))
    }

    /// Give the answer. Dropped without one, the asker is told that the program is shutting down.
    pub fn keep(self, answer: Result<T>) {
        // The asker may have gone; what was done is done all the same.
        let _ = self.0.send(answer);
    }
}

impl<T> Pending<T> {
    /// An answer that is there already.
    pub const fn done(answer: Result<T>) -> Self {
        Self(Answer::There(Some(answer)))
    }
}

impl<T: Unpin> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            Answer::Coming(receiver) => {
                Pin::new(receiver).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(closed())))
            }
            Answer::There(answer) => Poll::Ready(answer.take().unwrap_or_else(|| Err(closed()))),
        }
    }
}

pub(crate) fn closed() -> Error {
    Error::unavailable("store_closed", "The program is shutting down.")
}

/// Work that reads.
pub(crate) trait ReadWork: Send {
    fn scope(&self) -> &Scope;
    /// Nobody waits for the answer any more.
    fn abandoned(&self) -> bool;
    fn run(&mut self, view: &mut View<'_>) -> Result<()>;
    fn settle(self: Box<Self>, ended: Result<()>);
}

/// Work that writes. `run` may be called again after a rollback; `settle` is called once, after the commit.
pub(crate) trait WriteWork: Send {
    fn scope(&self) -> &Scope;
    fn abandoned(&self) -> bool;
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    fn settle(self: Box<Self>, ended: Result<()>);
}

pub(crate) struct Closure<T, F> {
    scope: Scope,
    run: F,
    value: Option<T>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> Closure<T, F> {
    pub(crate) fn new(scope: Scope, run: F) -> (Self, Pending<T>) {
        let (answer, receiver) = oneshot::channel();
        (Self { scope, run, value: None, answer }, Pending::coming(receiver))
    }

    fn answer(self, ended: Result<()>) {
        let value =
            ended.and_then(|()| self.value.ok_or_else(|| Error::internal("work ended without a value")));
        // The asker may have gone; the work is done all the same.
        let _ = self.answer.send(value);
    }
}

impl<T, F> ReadWork for Closure<T, F>
where
    T: Send,
    F: Fn(&mut View<'_>) -> Result<T> + Send,
{
    fn scope(&self) -> &Scope {
        &self.scope
    }
    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }
    fn run(&mut self, view: &mut View<'_>) -> Result<()> {
        self.value = Some(guarded(|| (self.run)(view))?);
        Ok(())
    }
    fn settle(self: Box<Self>, ended: Result<()>) {
        self.answer(ended);
    }
}

impl<T, F> WriteWork for Closure<T, F>
where
    T: Send,
    F: Fn(&mut Tx<'_>) -> Result<T> + Send,
{
    fn scope(&self) -> &Scope {
        &self.scope
    }
    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let value = guarded(|| {
            let value = (self.run)(tx)?;
            tx.finish()?;
            Ok(value)
        })?;
        self.value = Some(value);
        Ok(())
    }
    fn settle(self: Box<Self>, ended: Result<()>) {
        self.answer(ended);
    }
}

/// A panic in a closure fails that closure, not the store thread.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::internal("an operation panicked")))
}
