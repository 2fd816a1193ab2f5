//! An installation with two merchants, served on a port of this machine.

use std::{collections::BTreeMap, sync::Arc};

use billing::subscription::{self, Start};
use identity::{customer, environment, environment::NewLegalEntity, merchant, user, user::Role};
use jiff::Timestamp;
use jobs::Runner;
use kernel::{
    Currency, Cycle, Zone,
    ids::{CustomerId, EnvironmentId, SubscriptionId},
};
use store::{Actor, Context, Db, Mode, Scope};
use testkit::TestDb;

pub static CONTEXTS: &[&Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
    &entitlements::CONTEXT,
    &metering::CONTEXT,
    &metering::alert::CONTEXT,
];

const BOOK: &str = include_str!("../../../../books/unison.toml");
/// Where the clock of every sandbox stands at first.
pub const CLOCK: &str = "2026-01-31T09:00:00Z";

/// Pages over a database, and a browser of sorts.
pub struct World {
    pub db: Db,
    pub address: String,
    pub agent: ureq::Agent,
    pub metering: metering::Metering,
    runner: Runner,
    _runtime: tokio::runtime::Runtime,
}

/// What came back.
pub struct Page {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Page {
    pub fn location(&self) -> &str {
        self.headers.get("location").map_or("", String::as_str)
    }

    /// The value of the hidden field of this name.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let value = self.text.split(&start).nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no field {name} in {}", self.text)).replace("&amp;", "&")
    }
}

impl World {
    /// Serve pages over this database.
    pub fn new(test: &TestDb) -> Self {
        let runner = Runner::new(test.db.background(), job_kinds(), Vec::new());
        let metering = server::metering(&test.db, metering::Options::default());
        let app = web::App {
            db: test.db.clone(),
            bell: runner.bell(),
            metering: metering.clone(),
            secure_cookies: false,
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let document = serde_json::from_str(&server::openapi().unwrap()).unwrap();
        let pages = web::router(app).merge(web::reference(document, false));
        runtime.spawn(async move { axum::serve(listener, pages).await });
        // A connection for each request: one that refused a form unread may be closed behind the answer.
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .max_idle_connections(0);
        let config = config.build();
        Self { db: test.db.clone(), address, agent: config.into(), metering, runner, _runtime: runtime }
    }

    /// A merchant with a live environment and a sandbox called `rehearsal`, which it answers with.
    pub fn merchant(&self, slug: &str) -> Scope {
        let [_, sandbox] = self.environments(slug);
        sandbox
    }

    /// A merchant's live environment, and its sandbox.
    pub fn environments(&self, slug: &str) -> [Scope; 2] {
        let name = slug.to_owned();
        let work = Scope::installation("test");
        let id = self.db.write(&work, move |tx| merchant::create(tx, &name, &name)).wait().unwrap().id;
        [("live", Mode::Live), ("rehearsal", Mode::Sandbox)].map(|(slug, mode)| {
            let scope = Scope::environment(fresh(), mode, Actor::CommandLine);
            let clock: Timestamp = CLOCK.parse().unwrap();
            let created = self.db.write(&scope, move |tx| {
                environment::create(tx, id, slug, Some(clock))?;
                let entity = NewLegalEntity {
                    name: "Unison Software GmbH".to_owned(),
                    country: "DE".to_owned(),
                    region: None,
                    tax_id: None,
                    registrations: Vec::new(),
                    currency: Currency::parse("USD")?,
                    zone: Zone::parse("Europe/Berlin")?,
                    series: "UN".to_owned(),
                };
                environment::add_entity(tx, &entity).map(drop)
            });
            created.wait().unwrap();
            scope
        })
    }

    /// Unison's price book, in force.
    pub fn book(&self, scope: &Scope) {
        self.apply(scope, BOOK.to_owned());
    }

    /// Unison's price book with something in it replaced, in force.
    pub fn book_with(&self, scope: &Scope, from: &str, to: &str) {
        assert!(BOOK.contains(from), "{from}");
        self.apply(scope, BOOK.replacen(from, to, 1));
    }

    /// A price book of this text, in force.
    pub fn apply(&self, scope: &Scope, text: String) {
        let applied = self.db.write(scope, move |tx| catalog::version::apply(tx, "book.toml", &text)).wait();
        applied.unwrap();
    }

    /// A customer of that name.
    pub fn customer(&self, scope: &Scope, name: &str) -> CustomerId {
        let name = name.to_owned();
        let created = self.db.write(scope, move |tx| {
            let new = identity::NewCustomer {
                name: name.clone(),
                email: Some("accounts@example.com".to_owned()),
                address: Some("Speicherstraße 14, 20457 Hamburg".to_owned()),
                country: "DE".to_owned(),
                region: None,
                tax_id: None,
                tax_exempt: false,
                currency: Currency::parse("USD")?,
                zone: Some(Zone::parse("Europe/Berlin")?),
                external_id: None,
                metadata: serde_json::json!({"segment": "castings"}),
            };
            customer::create(tx, new)
        });
        created.wait().unwrap().id
    }

    /// A subscription of a customer to Starter, with its first invoice finalized.
    pub fn subscription(&self, scope: &Scope, customer: CustomerId) -> SubscriptionId {
        let command = Start::of(customer, "starter", Cycle::MONTH);
        self.db.write(scope, move |tx| subscription::start(tx, &command)).wait().unwrap().subscription.id
    }

    /// A one-time link for a member of a merchant's staff.
    pub fn link(&self, email: &str, slug: &str, role: Role) -> String {
        let secret = user::new_secret().unwrap();
        let (email, slug, link) = (email.to_owned(), slug.to_owned(), secret.clone());
        let added = self.db.write(&Scope::installation("test"), move |tx| {
            let known = user::find_or_add(tx, &email)?;
            if let Some(merchant) = merchant::by_slug(tx, &slug)? {
                user::join(tx, known.id, merchant.id, role)?;
            }
            user::add_link(tx, known.id, &link)
        });
        added.wait().unwrap();
        secret
    }

    /// Sign somebody in; the cookie.
    pub fn sign_in(&self, email: &str, slug: &str, role: Role) -> String {
        let token = self.link(email, slug, role);
        let answer = self.post("/sign-in", "", &[("token", &token)]);
        assert_eq!((answer.status, answer.location()), (303, "/"));
        answer.headers["set-cookie"].split(';').next().unwrap().to_owned()
    }

    pub fn get(&self, path: &str, cookie: &str) -> Page {
        let request = self.agent.get(format!("{}{path}", self.address)).header("cookie", cookie);
        read(request.call().unwrap())
    }

    pub fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Page {
        self.post_with(path, cookie, fields, &[])
    }

    pub fn post_with(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Page {
        let mut request = self.agent.post(format!("{}{path}", self.address)).header("cookie", cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send_form(fields.iter().copied()).unwrap())
    }

    /// Run what is due in the background.
    pub fn run_jobs(&self) {
        self.runner.run_until_idle().unwrap();
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Page {
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    Page { status: response.status().as_u16(), headers, text: response.body_mut().read_to_string().unwrap() }
}

fn job_kinds() -> Vec<jobs::JobKind> {
    vec![
        billing::clock::advance_job_kind(),
        billing::clock::due_job_kind(),
        billing::bill_run::job_kind(),
        billing::migration::job_kind(),
    ]
}

fn fresh() -> EnvironmentId {
    kernel::new_id(&*Arc::new(kernel::SystemIds))
}
