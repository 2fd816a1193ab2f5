//! Taking connections: a limit on how many, a limit on how long a client may take over its headers, and
//! an end that lets requests finish.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::response::Response;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use kernel::{Error, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};

/// Connections served at a time; more are told so and closed. Each is one request at a time.
const MAX_CONNECTIONS: usize = 10_000;
/// What a connection beyond them is told, at once: waiting for a place would look like a program that hangs.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n\
    Connection: close\r\nContent-Length: 159\r\n\r\n\
    {\"type\":\"/problems/too_busy\",\"title\":\"Too busy\",\"status\":503,\"code\":\"too_busy\",\
    \"detail\":\"More connections are open than can be served. Try again in a moment.\"}";
/// So many of them are told at a time.
const TOLD: usize = 64;
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

/// Answer with `service` until `shutdown`, then let the requests under way finish.
pub(crate) async fn run<S>(listener: tokio::net::TcpListener, service: S, shutdown: impl Future<Output = ()>)
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_SIZE);
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let told = Arc::new(Semaphore::new(TOLD));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut shutdown => break,
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            turn_away(stream, &told);
            continue;
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

/// Say that there is no place, unless too many are being told already.
fn turn_away(mut stream: TcpStream, told: &Arc<Semaphore>) {
    let Ok(telling) = Arc::clone(told).try_acquire_owned() else { return };
    tokio::spawn(async move {
        let say = async {
            stream.write_all(FULL).await?;
            stream.shutdown().await?;
            // What was sent is read and dropped, or the answer could be lost with the connection.
            tokio::io::copy(&mut stream.take(HEAD_SIZE as u64), &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), say).await;
        drop(telling);
    });
}

/// The next connection.
async fn accept(listener: &tokio::net::TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers go out in one piece each: waiting to fill a packet gains nothing.
                let _ = stream.set_nodelay(true);
                return stream;
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
