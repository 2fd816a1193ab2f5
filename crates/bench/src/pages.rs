//! What somebody waits for who opens a page, among many customers.

use std::time::{Duration, Instant};

use kernel::Result;
use store::{Db, Location, Options};

use crate::{
    Figure, business,
    ground::{CONTEXTS, percentile, raw},
    server::Server,
};

/// How often each page is opened; the first tenth is not counted.
const TIMES: usize = 200;

/// Every page a business has a list or a sum on.
const PAGES: [(&str, &str); 18] = [
    ("home", "/"),
    ("customers", "/customers"),
    ("customers by name", "/customers?sort=name"),
    ("customers, a word", "/customers?search=kestrel"),
    ("customers, two words", "/customers?search=brandt+optics"),
    ("customers, an address", "/customers?search=accounts99%40ceramics"),
    ("customers, nobody", "/customers?search=zzzz"),
    ("customers of a country", "/customers?country=SE&sort=name"),
    ("customers in trial", "/customers?subscription=trialing"),
    ("customers with nothing", "/customers?subscription=none"),
    ("subscriptions", "/subscriptions"),
    ("subscriptions, paused", "/subscriptions?state=paused"),
    ("subscriptions on a plan", "/subscriptions?plan=enterprise"),
    ("subscriptions due", "/subscriptions?due_from=2026-01-01"),
    ("invoices", "/invoices"),
    ("invoices of a month", "/invoices?from=2026-02-01&to=2026-02-28"),
    ("ledger", "/ledger"),
    ("facts", "/facts"),
];

/// Pages behind a row of a list: the list, and what its rows lead to.
const BEHIND: [(&str, &str, &str); 6] = [
    ("a customer", "/customers?sort=oldest", "/customers/cus_"),
    ("a subscription", "/subscriptions?state=active", "/subscriptions/sub_"),
    ("an invoice", "/invoices", "/invoices/inv_"),
    ("the price book", "/price-book", "/price-book/versions"),
    ("receivables", "/ledger", "/ledger?"),
    ("deferred revenue", "/ledger", "/ledger/accounts/acc_"),
];

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// With `STEELYARD_BENCH_FOLDER` the business stays there, to be looked at and measured again.
pub fn run() -> Result<Vec<Figure>> {
    let temporary = tempfile::tempdir().map_err(raw)?;
    let said = std::env::var_os("STEELYARD_BENCH_FOLDER").map(std::path::PathBuf::from);
    let folder = said.unwrap_or_else(|| temporary.path().to_owned()).join("data");
    let (customers, months) =
        (number("STEELYARD_BENCH_SUBSCRIPTIONS", 100_000), number("STEELYARD_BENCH_MONTHS", 4));
    let fresh = !folder.exists();
    let db = Db::open(&Location::Sqlite(folder.clone()), CONTEXTS, &Options::default())?;
    let mut figures = Vec::new();
    if fresh {
        let begun = Instant::now();
        business::found(&db, customers, months)?;
        figures.push(Figure::new("a business founded", "SQLite", begun.elapsed().as_secs_f64(), "s"));
    }
    let secret = business::link(&db)?;
    drop(db);
    let server = Server::start(&folder)?;
    server.wait_until_ready()?;
    let visitor = Visitor::sign_in(&server.address, &secret)?;
    for (name, path) in PAGES {
        figures.extend(visitor.measure(name, path)?);
    }
    for (name, list, behind) in BEHIND {
        let path = visitor.behind(list, behind)?;
        figures.extend(visitor.measure(name, &path)?);
    }
    server.stop()?;
    Ok(figures)
}

struct Visitor {
    agent: ureq::Agent,
    base: String,
    cookie: String,
}

const PLACE: &str = "/unison/rehearsal";

impl Visitor {
    fn sign_in(address: &str, secret: &str) -> Result<Self> {
        let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let base = format!("http://{address}");
        let answer = agent.post(format!("{base}/sign-in")).send_form([("token", secret)]).map_err(raw)?;
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie =
            cookie.and_then(|cookie| cookie.split(';').next()).ok_or_else(|| raw("not signed in"))?;
        Ok(Self { agent, base, cookie: cookie.to_owned() })
    }

    fn get(&self, path: &str) -> Result<(Duration, String)> {
        let asked = Instant::now();
        let request = self.agent.get(format!("{}{PLACE}{path}", self.base)).header("cookie", &self.cookie);
        let mut answer = request.call().map_err(raw)?;
        let text = answer.body_mut().read_to_string().map_err(raw)?;
        let took = asked.elapsed();
        if answer.status() == 200 {
            Ok((took, text))
        } else {
            Err(raw(format!("{path}: {}", answer.status())))
        }
    }

    /// The first link of a page that begins so.
    fn behind(&self, list: &str, begins: &str) -> Result<String> {
        let (_, text) = self.get(list)?;
        let start = format!("href=\"{PLACE}{begins}");
        let at = text.find(&start).ok_or_else(|| raw(format!("{list} leads to no {begins}")))?;
        let rest = &text[at + "href=\"".len() + PLACE.len()..];
        Ok(rest.split('"').next().unwrap_or_default().replace("&amp;", "&"))
    }

    fn measure(&self, name: &'static str, path: &str) -> Result<Vec<Figure>> {
        let (mut times, mut size) = (Vec::with_capacity(TIMES), 0);
        for time in 0..TIMES {
            let (took, text) = self.get(path)?;
            size = text.len();
            if time >= TIMES / 10 {
                times.push(took);
            }
        }
        let milliseconds = percentile(times, 99);
        Ok(vec![
            Figure::new(name, "99 %", milliseconds, "ms"),
            Figure::new(name, "size", size as f64 / 1_024.0, "KB"),
        ])
    }
}
