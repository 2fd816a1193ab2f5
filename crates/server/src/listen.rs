//! Taking connections: a limit on how many, a limit on how long a client may take over its headers, and
//! an end that lets requests finish.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use kernel::{Error, Result};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Connections served at a time; more wait to be accepted. Each is one request at a time.
const MAX_CONNECTIONS: usize = 1_024;
/// A client that takes longer over the head of a request (or leaves a connection idle) is cut off.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// The head of a request may be this long, in bytes.
const HEAD_SIZE: usize = 64 * 1024;
/// Requests under way at the end may take so long to finish.
const FAREWELL: Duration = Duration::from_secs(30);

/// Take hold of an address. Port 0 is any free port.
///
/// Errors: `address_in_use`, `address_unusable`.
pub fn bind(address: SocketAddr) -> Result<TcpListener> {
    let unusable = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => Error::conflict(
            "address_in_use",
            format!("Another program listens on {address}. Stop it, or choose another port with --listen."),
        ),
        io::ErrorKind::PermissionDenied => Error::new(
            kernel::Kind::Forbidden,
            "address_unusable",
            format!(
                "The system does not let this user listen on {address}. Choose a port above 1023 with --listen."
            ),
        ),
        _ => Error::invalid(
            "address_unusable",
            format!("Cannot listen on {address} ({error}). Choose an address of this machine with --listen."),
        ),
    };
    let listener = TcpListener::bind(address).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    Ok(listener)
}

/// Serve `router` until `shutdown`, then let the requests under way finish.
pub(crate) async fn run(
    listener: tokio::net::TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_SIZE);
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let service = TowerToHyperService::new(router);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut shutdown => break,
        };
        let connection = http.serve_connection(TokioIo::new(stream), service.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that went away or speaks something else is no news.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            "some requests were cut off: they took longer than {} s to finish",
            FAREWELL.as_secs()
        );
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &tokio::net::TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers go out in one piece each: waiting to fill a packet gains nothing.
                let _ = stream.set_nodelay(true);
                return (stream, place);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; trying again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
