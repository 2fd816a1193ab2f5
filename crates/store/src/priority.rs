//! Which threads get the processor first.

/// How far those step back that nobody waits for: they get about a third of the time of the others while all want it, and
/// all of it while nobody else does.
#[cfg(target_os = "linux")]
const BACK: i32 = 10;

/// Let threads that answer somebody go before this one, for as long as it lives. On Linux, where each thread has a priority
/// of its own; elsewhere nothing happens. A system that refuses leaves the thread as it is.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(BACK) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}
