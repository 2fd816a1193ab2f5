//! What somebody waits for who opens a page, among many customers.

use std::time::{Duration, Instant};

use kernel::Result;
use store::{Db, Location, Options};

use crate::{
    Figure, business,
    busy::{self, Opened},
    ground::{CONTEXTS, percentile, raw, wants},
    memory::cpu_seconds,
    server::Server,
};

/// How often each page is opened in a round; the first tenth is not counted. The best round is told.
const TIMES: usize = 100;
const ROUNDS: usize = 3;

/// Every page a business has a list or a sum on.
const PAGES: &[(&str, &str)] = &[
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
    ("subscriptions on a plan, paused", "/subscriptions?plan=starter&state=paused"),
    ("subscriptions due", "/subscriptions?due_from=2026-01-01"),
    ("invoices", "/invoices"),
    ("invoices of a month", "/invoices?from=2026-02-01&to=2026-02-28"),
    ("payments", "/payments"),
    ("bill runs", "/bill-runs"),
    ("what lies ahead", "/bill-runs/ahead"),
    ("cancellations", "/cancellations"),
    ("usage", "/usage"),
    ("rejected events", "/usage/rejected"),
    ("advice", "/advice"),
    ("teams", "/advice/teams"),
    ("flags", "/flags"),
    ("the price book", "/price-book"),
    ("price book versions", "/price-book/versions"),
    ("applying a price book", "/price-book/apply"),
    ("moving subscriptions", "/price-book/migrate"),
    ("moving a plan now", "/price-book/migrate?plan=enterprise&timing=now"),
    ("jobs", "/jobs"),
    ("ledger", "/ledger"),
    ("facts", "/facts"),
    ("a new customer", "/customers/new"),
    ("a new subscription", "/subscriptions/new"),
    ("a new flag", "/flags/new"),
    ("importing", "/import"),
    ("legal entities", "/legal-entities"),
    ("API keys", "/api"),
    ("the clock", "/clock"),
];

/// Pages behind a row of a list: the list, what its rows lead to, step by step, and the page below that.
const BEHIND: &[(&str, &str, &str, &str)] = &[
    ("a customer", "/customers?sort=oldest", "/customers/cus_", ""),
    ("a customer’s features", "/customers?sort=oldest", "/customers/cus_", "/features"),
    ("editing a customer", "/customers?sort=oldest", "/customers/cus_", "/edit"),
    ("links of a customer", "/customers?sort=oldest", "/customers/cus_", "/links"),
    ("a customer’s facts", "/customers?sort=oldest", "/customers/cus_ /facts?customer=cus_", ""),
    ("a new payment", "/customers?sort=oldest", "/customers/cus_ /payments/new?customer=cus_", ""),
    ("a subscription", "/subscriptions?state=active", "/subscriptions/sub_", ""),
    ("renewal offers", "/subscriptions?state=active", "/subscriptions/sub_", "/renewals"),
    ("one-off charges", "/subscriptions?state=active", "/subscriptions/sub_", "/charges"),
    ("coupons of a subscription", "/subscriptions?state=active", "/subscriptions/sub_", "/coupons"),
    ("changing a subscription", "/subscriptions?state=active", "/subscriptions/sub_", "/change"),
    ("usage of a subscription", "/subscriptions?state=active", "/subscriptions/sub_", "/usage"),
    ("pausing a subscription", "/subscriptions?state=active", "/subscriptions/sub_", "/pause"),
    ("a longer trial", "/subscriptions?state=trialing", "/subscriptions/sub_", "/extend-trial"),
    ("a subscription that is over", "/subscriptions?state=canceled", "/subscriptions/sub_", ""),
    ("canceling a subscription", "/subscriptions?state=active", "/subscriptions/sub_", "/cancel"),
    ("an invoice", "/invoices", "/invoices/inv_", ""),
    ("giving up an invoice", "/invoices?state=finalized", "/invoices/inv_", "/uncollectible"),
    ("a bill run", "/bill-runs", "/bill-runs/run_", ""),
    ("a price book version", "/price-book/versions", "/price-book/versions/bkv_", ""),
    ("subscriptions of a version", "/price-book", "/subscriptions?plan=", ""),
    ("a flag", "/flags", "/flags/flag_", ""),
    ("editing a flag", "/flags", "/flags/flag_", "/edit"),
    ("a job", "/jobs", "/jobs/job_", ""),
    ("a legal entity", "/legal-entities", "/legal-entities/ent_", ""),
    ("receivables", "/ledger", "/ledger?", ""),
    ("deferred revenue", "/ledger", "/ledger/accounts/acc_", ""),
    ("a fact", "/facts", "/facts/", ""),
];

/// The reference of the API, which is no business's own: as above.
const REFERENCE: &[(&str, &str, &str)] = &[
    ("reference", "/docs", ""),
    ("an operation", "/docs", "/docs/operations/"),
    ("a shape", "/docs", "/docs/operations/ /docs/shapes/"),
];

/// What the customer that uses most sees.
const OWN: &[(&str, &str)] = &[
    ("own page", ""),
    ("own page, subscriptions", "/subscriptions"),
    ("own page, invoices", "/invoices"),
    ("own page, payments", "/payments"),
    ("own page, changing", "/subscriptions/{}/change"),
];

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// With `STEELYARD_BENCH_DATABASE`, a folder or an address, the business stays there, to be looked at and measured
/// again; without it, one is founded on each engine.
pub fn run() -> Result<Vec<Figure>> {
    if let Ok(place) = std::env::var("STEELYARD_BENCH_DATABASE") {
        return measure(&place);
    }
    let mut figures = Vec::new();
    if wants("SQLite") {
        let folder = tempfile::tempdir().map_err(raw)?;
        figures = measure(&folder.path().join("data").display().to_string())?;
    }
    if wants("PostgreSQL")
        && let Some(database) = testkit::postgres::database()
    {
        figures.extend(measure(database.url())?);
    }
    Ok(figures)
}

fn measure(place: &str) -> Result<Vec<Figure>> {
    let (customers, months) =
        (number("STEELYARD_BENCH_SUBSCRIPTIONS", 100_000), number("STEELYARD_BENCH_MONTHS", 4));
    let location = Location::parse(place);
    let engine = location.engine().name();
    let db = Db::open(&location, CONTEXTS, &Options::default())?;
    let known = business::known(&db)?;
    let (fresh, mut figures) = (known.is_none(), Vec::new());
    let scope = if let Some(known) = known {
        known
    } else {
        let begun = Instant::now();
        let scope = business::found(&db, customers, months)?;
        busy::furnish(&db, &scope, customers)?;
        figures.push(Figure::new("a business founded", engine, begun.elapsed().as_secs_f64(), "s"));
        scope
    };
    let secret = business::link(&db)?;
    let opened = busy::open(&db, &scope)?;
    drop(db);
    let server = Server::start(place)?;
    server.wait_until_ready()?;
    if fresh {
        opened.use_it(&server.address)?;
    }
    figures.extend(of_staff(&Visitor::sign_in(&server, &secret)?, &opened)?);
    figures.extend(of_reference(&server)?);
    figures.extend(of_customer(&Visitor::open(&server, &opened.own)?)?);
    server.stop()?;
    figures.iter_mut().for_each(|figure| figure.engine = engine);
    Ok(figures)
}

fn of_staff(visitor: &Visitor, opened: &Opened) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for &(name, path) in PAGES {
        figures.extend(visitor.measure(name, path)?);
    }
    for &(name, list, behind, below) in BEHIND {
        let path = visitor.behind(list, behind)?;
        figures.extend(visitor.measure(name, &format!("{path}{below}"))?);
    }
    let usage = format!("/usage/{}", opened.busiest);
    figures.extend(visitor.measure("usage of a customer", &usage)?);
    figures.extend(visitor.measure("a meter of a customer", &format!("{usage}/storage_used"))?);
    figures.extend(visitor.measure("the same, by month", &format!("{usage}/storage_used?by=month"))?);
    Ok(figures)
}

fn of_reference(server: &Server) -> Result<Vec<Figure>> {
    let visitor = Visitor::anybody(server);
    let mut figures = Vec::new();
    for &(name, list, behind) in REFERENCE {
        let path = visitor.behind(list, behind)?;
        figures.extend(visitor.measure(name, &path)?);
    }
    Ok(figures)
}

fn of_customer(visitor: &Visitor) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let one = visitor.behind("/subscriptions", "/subscriptions/sub_")?;
    for &(name, path) in OWN {
        figures.extend(visitor.measure(name, &path.replace("/subscriptions/{}", &one))?);
    }
    Ok(figures)
}

struct Visitor {
    agent: ureq::Agent,
    /// Where its pages are: the origin of the server, and the path they have in common.
    base: String,
    place: &'static str,
    cookie: String,
    /// The server's.
    process: u32,
}

const PLACE: &str = "/unison/rehearsal";

impl Visitor {
    fn agent() -> ureq::Agent {
        let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false);
        config.build().into()
    }

    /// Who has not signed in.
    fn anybody(server: &Server) -> Self {
        let (base, cookie) = (format!("http://{}", server.address), String::new());
        Self { agent: Self::agent(), base, place: "", cookie, process: server.process() }
    }

    fn sign_in(server: &Server, secret: &str) -> Result<Self> {
        let (agent, base) = (Self::agent(), format!("http://{}", server.address));
        let answer = agent.post(format!("{base}/sign-in")).send_form([("token", secret)]).map_err(raw)?;
        Ok(Self { cookie: cookie(&answer)?, agent, base, place: PLACE, process: server.process() })
    }

    /// As the customer whom a link is for.
    fn open(server: &Server, path: &str) -> Result<Self> {
        let (agent, base) = (Self::agent(), format!("http://{}", server.address));
        let answer = agent.get(format!("{base}{path}")).call().map_err(raw)?;
        Ok(Self { cookie: cookie(&answer)?, agent, base, place: "/my", process: server.process() })
    }

    /// Seconds of CPU the server has used: on a busy machine they tell more than the clock.
    fn cpu(&self) -> Result<f64> {
        cpu_seconds(&self.process.to_string())
    }

    fn get(&self, path: &str) -> Result<(Duration, String)> {
        let asked = Instant::now();
        let request =
            self.agent.get(format!("{}{}{path}", self.base, self.place)).header("cookie", &self.cookie);
        let mut answer = request.call().map_err(raw)?;
        let text = answer.body_mut().read_to_string().map_err(raw)?;
        let took = asked.elapsed();
        if answer.status() == 200 {
            Ok((took, text))
        } else {
            Err(raw(format!("{path}: {}", answer.status())))
        }
    }

    /// Where one gets from a page by the first link that begins so, and by the next one from there.
    fn behind(&self, page: &str, steps: &str) -> Result<String> {
        steps.split_whitespace().try_fold(page.to_owned(), |page, begins| {
            let (_, text) = self.get(&page)?;
            let start = format!("href=\"{}{begins}", self.place);
            let at = text.find(&start).ok_or_else(|| raw(format!("{page} leads to no {begins}")))?;
            let rest = &text[at + "href=\"".len() + self.place.len()..];
            Ok(rest.split('"').next().unwrap_or_default().replace("&amp;", "&"))
        })
    }

    fn measure(&self, name: &'static str, path: &str) -> Result<Vec<Figure>> {
        let (mut best, mut size, cpu) = ([f64::MAX; 2], 0, self.cpu()?);
        for _ in 0..ROUNDS {
            let mut times = Vec::with_capacity(TIMES);
            for time in 0..TIMES {
                let (took, text) = self.get(path)?;
                size = text.len();
                if time >= TIMES / 10 {
                    times.push(took);
                }
            }
            let round = [50, 99].map(|part| percentile(times.clone(), part));
            best = [best[0].min(round[0]), best[1].min(round[1])];
        }
        let cpu = (self.cpu()? - cpu) * 1_000.0 / (ROUNDS * TIMES) as f64;
        let figure = |what: &str, value, unit| Figure::new(format!("{name}, {what}"), "", value, unit);
        Ok(vec![
            figure("50 %", best[0], "ms"),
            figure("99 %", best[1], "ms"),
            figure("CPU", cpu, "ms"),
            figure("size", size as f64 / 1_024.0, "KB"),
        ])
    }
}

fn cookie(answer: &ureq::http::Response<ureq::Body>) -> Result<String> {
    let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
    let cookie = cookie.and_then(|cookie| cookie.split(';').next());
    cookie.map(str::to_owned).ok_or_else(|| raw("not signed in"))
}
