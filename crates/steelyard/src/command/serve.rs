//! `steelyard serve`

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::Path,
};

use kernel::Error;
use server::{BookFile, Foundation, Setup};
use store::{Db, Location};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{book::read_file, sign_in};
use crate::{
    arguments::{Metering, Serve},
    failure::{Failure, Outcome},
    output,
    place::Place,
};

/// Threads that speak HTTP. The store has threads of its own, and those do the work.
const HTTP_THREADS: usize = 2;

pub fn run(place: &Place, asked: &Serve) -> Outcome {
    log(asked.log_json);
    // First, so that a port in use is heard of before the database is touched.
    let listener = server::bind(asked.listen)?;
    let address =
        listener.local_addr().map_err(|error| Error::internal(format!("no local address: {error}")))?;
    let public = match &asked.public_url {
        Some(url) => public_url(url)?,
        None => format!("http://{}", reachable(address)),
    };
    let db = place.open_and_migrate()?;
    let owner = asked.owner.as_deref().unwrap_or(sign_in::OWNER);
    let foundation = set_up(&db, owner, asked.book.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(HTTP_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("no threads for HTTP: {error}")))?;
    let link = if asked.print_link || output::is_terminal() {
        sign_in::link(&db, owner, &public).ok()
    } else {
        None
    };
    welcome(place, &public, link.as_deref(), foundation.as_ref());
    let mut usage = usage_options(&asked.metering, address);
    if matches!(place.location, Location::Postgres(_)) {
        usage.address =
            Some(asked.metering.peer_url.clone().unwrap_or_else(|| format!("http://{}", reachable(address))));
    }
    let rates = server::Rates::per_second(asked.rates.api_rate, asked.rates.metering_rate);
    let config =
        server::Config { db, listener, secure_cookies: public.starts_with("https://"), usage, rates };
    runtime.block_on(async { server::serve(config, stop_signal()).await })?;
    tracing::info!("stopped");
    Ok(())
}

/// How usage is metered here. The name this process has among those over the database stays the same when it is
/// started again, so that it takes its work up at once.
pub(super) fn usage_options(asked: &Metering, address: SocketAddr) -> metering::Options {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    metering::Options {
        holder: format!("{}:{}", host.trim(), address.port()),
        late_days: asked.late_days,
        kept_days: asked.event_days.max(asked.late_days),
        memory: (asked.limit_memory as usize) << 20,
        ..metering::Options::default()
    }
}

/// Set up an empty database; a price book is for that only.
fn set_up(db: &Db, owner: &str, book: Option<&Path>) -> Outcome<Option<Foundation>> {
    let empty = server::is_empty(db)?;
    let book = book
        .map(|path| Ok::<_, Failure>(BookFile { name: path.display().to_string(), text: read_file(path)? }));
    match book.transpose()? {
        book if empty => Ok(Some(server::bootstrap(db, &Setup { owner: owner.to_owned(), book })?)),
        Some(book) => {
            let name = book.name;
            output::note(format!(
                "note: this database is set up already; `steelyard book apply {name}` puts the file in force."
            ));
            Ok(None)
        }
        None => Ok(None),
    }
}

pub fn log(json: bool) {
    let filter = EnvFilter::try_from_env("STEELYARD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    if json {
        log.json().init();
    } else {
        log.with_ansi(io::stderr().is_terminal()).init();
    }
}

fn public_url(url: &str) -> Outcome<String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    Err(Failure::new(
        format!("{url:?} is no address of a web site."),
        "Write --public-url like https://books.example.com.",
    ))
}

/// A listener on every address is reached on this machine by its own.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, v6.port()))
        }
        address => address,
    }
}

fn welcome(place: &Place, public: &str, link: Option<&str>, foundation: Option<&Foundation>) {
    let engine = place.location.engine().name();
    let made = foundation.map_or_else(String::new, |made| format!(" {}", made.merchant.name));
    output::say(format!("Steelyard serves{made} at {public} from {} ({engine}).\n", place.shown()));
    match link {
        Some(link) => {
            output::say(format!("  Pages     {link}\n            (signs you in once, within 30 minutes)"))
        }
        None => output::say(format!("  Pages     {public}/ (`steelyard sign-in` makes a link to sign in)")),
    }
    output::say(format!("  API       {public}/docs"));
    if let Some(key) = foundation.and_then(|made| made.key.as_deref()) {
        output::say(format!("  API key   {key}\n            (of the sandbox; shown this once)"));
    }
    output::say("  Another key: steelyard key create --name \"My program\"\n\nStop with Ctrl-C.");
}

/// Ends when the process is asked to stop, which is heard from now on. Asked a second time, the process ends at once.
/// Called within the runtime.
pub fn stop_signal() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            tracing::error!("signals cannot be listened to; only a kill stops this process");
            return std::future::pending().await;
        };
        let mut next = async move || {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        next().await;
        tracing::info!("stopping: requests under way finish first; ask again to stop at once");
        tokio::spawn(async move {
            next().await;
            std::process::exit(130);
        });
    }
}
