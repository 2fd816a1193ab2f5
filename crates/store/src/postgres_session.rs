//! A connection to PostgreSQL, and the statements that wait to be sent over it.
//!
//! Server and client often share processors with others: at every hand-over between the two, whoever is to go on may have to
//! wait until a third one has used up its turn. So what nobody needs an answer to is not sent on its own. It waits, together
//! with the beginning of the transaction, for the next statement somebody asks something with, or for the commit, and all of
//! it crosses at once. The server does one after the other, and once one has failed none after it, so that a commit behind a
//! failed statement rolls back.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use kernel::Error;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{
    Client, Config, NoTls, Row, Statement,
    error::SqlState,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use crate::fault;

/// What waits at most: `join_all` asks so few in their order.
const WAITING: usize = 24;
/// A connection that was silent for longer may be gone. It is tried before anything is sent whose outcome would be unknown.
const SILENT: Duration = Duration::from_secs(1);

/// A connection, driven by the thread that uses it, and what it has prepared.
pub(crate) struct Session {
    runtime: Runtime,
    client: Client,
    prepared: HashMap<&'static str, Statement>,
    waiting: Vec<Waiting>,
    /// Whether a transaction has been begun on the server, and whether a statement of it has failed.
    open: bool,
    failed: bool,
    used: Instant,
    /// Rows the running transaction inserted in bulk, by table.
    pub(crate) written: HashMap<&'static str, u64>,
}

/// Something whose answer nobody waits for.
enum Waiting {
    Begin(String),
    Run {
        what: &'static str,
        statement: Statement,
        arguments: Vec<Encoded>,
        /// What it means when it divides by zero.
        otherwise: Option<fn() -> Error>,
    },
}

/// What failed, and how.
pub(crate) struct Failed {
    what: &'static str,
    cause: Cause,
    otherwise: Option<fn() -> Error>,
}

enum Cause {
    Database(tokio_postgres::Error),
    /// A value that does not fit its parameter.
    Argument(Box<dyn std::error::Error + Sync + Send>),
    /// A statement failed before, and whoever was told went on.
    PassedOver,
}

impl Failed {
    const fn of(what: &'static str, error: tokio_postgres::Error) -> Self {
        Self { what, cause: Cause::Database(error), otherwise: None }
    }

    /// What it means to us. Sets `run_again` when the transaction as a whole should be tried anew.
    pub(crate) fn explain(&self, run_again: &mut bool) -> Error {
        match (&self.cause, self.otherwise) {
            (Cause::Argument(why), _) => Error::internal(format!("{}: {why}", self.what)),
            (Cause::Database(error), Some(otherwise))
                if error.code() == Some(&SqlState::DIVISION_BY_ZERO) =>
            {
                otherwise()
            }
            (Cause::Database(error), _) => fault::postgres(self.what, error, run_again),
            (Cause::PassedOver, _) => Error::internal(PASSED_OVER),
        }
    }

    /// In the server's own words, or the client's.
    pub(crate) fn describe(&self) -> String {
        match &self.cause {
            Cause::Database(error) => fault::describe(error),
            Cause::Argument(why) => why.to_string(),
            Cause::PassedOver => PASSED_OVER.to_owned(),
        }
    }

    /// Whether nothing was done for certain: the server said no, and said it on a connection that lives.
    pub(crate) fn is_refusal(&self) -> bool {
        match &self.cause {
            Cause::Database(error) => error.as_db_error().is_some() && !error.is_closed(),
            Cause::Argument(_) | Cause::PassedOver => true,
        }
    }
}

const PASSED_OVER: &str = "a statement of the transaction failed, and what came after it is not kept";

type Answer<T> = Result<T, Failed>;

impl Session {
    /// Connect, and run a text that every session begins with. Errors: `database_away`.
    pub(crate) fn connect(config: &Config, first: &str) -> kernel::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Error::internal(format!("a connection cannot be driven: {error}")))?;
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await?;
            // It ends with the client; what is wrong with it is said to whoever asks something.
            tokio::spawn(async {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to PostgreSQL ended");
                }
            });
            client.batch_execute(first).await?;
            Ok(client)
        });
        let client = client.map_err(|error: tokio_postgres::Error| {
            let why = fault::describe(&error);
            Error::unavailable("database_away", format!("Cannot connect to PostgreSQL: {why}."))
        })?;
        let (prepared, waiting, written) = (HashMap::new(), Vec::new(), HashMap::new());
        let used = Instant::now();
        Ok(Self { runtime, client, prepared, waiting, open: false, failed: false, used, written })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Drive something this connection does outside of transactions.
    pub(crate) fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut Client) -> T) -> T {
        self.runtime.block_on(work(&mut self.client))
    }

    /// Begin a transaction with these statements, once the first one of it is sent.
    pub(crate) fn begin(&mut self, text: String) -> Answer<()> {
        self.written.clear();
        self.waiting.clear();
        (self.open, self.failed) = (false, false);
        self.waiting.push(Waiting::Begin(text));
        if self.used.elapsed() > SILENT { self.send() } else { Ok(()) }
    }

    pub(crate) fn query(
        &mut self,
        what: &'static str,
        text: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Answer<Vec<Row>> {
        let statement = self.prepare(what, text)?;
        self.round(what, async |client: &Client| client.query(&statement, arguments).await)
    }

    pub(crate) fn execute(
        &mut self,
        what: &'static str,
        text: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Answer<u64> {
        let statement = self.prepare(what, text)?;
        self.round(what, async |client: &Client| client.execute(&statement, arguments).await)
    }

    /// Execute with the next statement that is waited for. `otherwise` is what it means when it divides by zero.
    pub(crate) fn execute_later(
        &mut self,
        what: &'static str,
        text: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
        otherwise: Option<fn() -> Error>,
    ) -> Answer<()> {
        if self.waiting.len() == WAITING {
            self.send()?;
        }
        let statement = self.prepare(what, text)?;
        let arguments = encode(&statement, arguments).map_err(|why| Failed {
            what,
            cause: Cause::Argument(why),
            otherwise: None,
        })?;
        self.waiting.push(Waiting::Run { what, statement, arguments, otherwise });
        Ok(())
    }

    pub(crate) fn prepare(&mut self, what: &'static str, text: &'static str) -> Answer<Statement> {
        if let Some(statement) = self.prepared.get(text) {
            return Ok(statement.clone());
        }
        // Not behind what waits: within a transaction that has failed nothing can be prepared.
        let prepared = self.runtime.block_on(self.client.prepare(text));
        self.failed |= prepared.is_err();
        let statement = prepared.map_err(|error| Failed::of(what, error))?;
        self.prepared.insert(text, statement.clone());
        Ok(statement)
    }

    /// Commit, together with whatever waits. Whether it happened is open when the failure is no refusal.
    pub(crate) fn commit(&mut self) -> Answer<()> {
        if !self.open && self.waiting.len() <= 1 {
            // Nothing was asked, and nothing is to be written.
            self.waiting.clear();
            return Ok(());
        }
        if self.failed {
            self.roll_back();
            return Err(Failed { what: "commit", cause: Cause::PassedOver, otherwise: None });
        }
        let ended = self.round("commit", async |client: &Client| client.batch_execute("COMMIT").await);
        self.open = false;
        ended
    }

    /// Take the transaction back; whether the connection can go on.
    pub(crate) fn roll_back(&mut self) -> bool {
        self.waiting.clear();
        !std::mem::take(&mut self.open)
            || self.runtime.block_on(self.client.batch_execute("ROLLBACK")).is_ok()
    }

    /// Send what waits.
    fn send(&mut self) -> Answer<()> {
        self.round("begin", async |_: &Client| Ok(()))
    }

    /// Send what waits, and something that is waited for behind it. The first that failed is told.
    fn round<T>(
        &mut self,
        what: &'static str,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Answer<T> {
        let waiting = std::mem::take(&mut self.waiting);
        self.open |= !waiting.is_empty();
        let client = &self.client;
        let sent = join_all(waiting.iter().map(|one| one.send(client)));
        // Both hand their messages over when they are first looked at, in this order.
        let (sent, answer) = self.runtime.block_on(join(sent, ask(client)));
        self.used = Instant::now();
        let sent = waiting.iter().zip(sent).map(|(one, ended)| ended.map_err(|error| one.failed(error)));
        let first = sent.collect::<Answer<()>>();
        let answer = first.and_then(|()| answer.map_err(|error| Failed::of(what, error)));
        self.failed |= answer.is_err();
        answer
    }
}

impl Waiting {
    async fn send(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        match self {
            Self::Begin(text) => client.batch_execute(text).await,
            Self::Run { statement, arguments, .. } => {
                client.execute_raw(statement, arguments).await.map(drop)
            }
        }
    }

    fn failed(&self, error: tokio_postgres::Error) -> Failed {
        match self {
            Self::Begin(_) => Failed::of("begin", error),
            Self::Run { what, otherwise, .. } => Failed { otherwise: *otherwise, ..Failed::of(what, error) },
        }
    }
}

/// An argument as it is sent.
#[derive(Debug)]
struct Encoded(Option<BytesMut>);

fn encode(
    statement: &Statement,
    arguments: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Encoded>, Box<dyn std::error::Error + Sync + Send>> {
    let types = statement.params();
    if types.len() != arguments.len() {
        return Err(format!("{} arguments where there are {}", arguments.len(), types.len()).into());
    }
    let encode = |(argument, of): (&&(dyn ToSql + Sync), &Type)| {
        let mut out = BytesMut::new();
        Ok(Encoded(match argument.to_sql_checked(of, &mut out)? {
            IsNull::Yes => None,
            IsNull::No => Some(out),
        }))
    };
    arguments.iter().zip(types).map(encode).collect()
}

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true // it was encoded for this one
    }

    to_sql_checked!();
}
