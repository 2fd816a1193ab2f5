//! The table of everything the API answers to. The router, the document and the tests are made of it.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use identity::Permission;
use utoipa::OpenApi;

use crate::{
    advice, alert, app::App, bill_run, charge, coupon, credit_note, customer, environment, event, fact,
    feature, flag, invoice, job, ledger, legal_entity, limit, meter, migration, ofrep, openapi::openapi,
    overrides, payment, price_book, problem::surround, rate_limit, reconcile, sandbox, subscription, usage,
};

/// One operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// With `{id}` where an id stands, and `{key}` where a key of the price book does.
    pub path: &'static str,
    /// What a key needs; none: any known key will do.
    pub permission: Option<Permission>,
    /// What it needs besides for some fields of the body.
    pub also: Option<Permission>,
    /// Its name in the document: `customer_list`.
    pub name: &'static str,
}

impl Route {
    /// Whether it changes something, and so takes an `Idempotency-Key`. What is sent to the others is
    /// only looked at, or counted.
    pub fn changes(&self) -> bool {
        self.permission.is_some_and(|permission| !permission.word().ends_with(".read")) && !self.counts()
    }

    /// Whether it counts usage: once for the id of an event, and not for an `Idempotency-Key`.
    pub fn counts(&self) -> bool {
        self.method == "POST" && self.permission == Some(Permission::UsageWrite)
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $permission:ident $(+ $also:ident)? $noun:ident::$verb:ident;)*) => {
        /// Every operation of the API. A line here mounts a handler and puts it into the document;
        /// that the permission is the handler's own is kept by a test.
        pub const ROUTES: &[Route] = &[$(Route {
            method: routes!(@method $method),
            path: $path,
            permission: routes!(@permission $permission),
            also: routes!(@also $($also)?),
            name: concat!(stringify!($noun), "_", stringify!($verb)),
        }),*];

        fn handlers() -> Router<App> {
            Router::new()$(.route(below_version($path), axum::routing::$method($noun::$verb)))*
        }

        /// The operations as their handlers describe them.
        #[derive(OpenApi)]
        #[openapi(paths($($noun::$verb),*))]
        pub(crate) struct Operations;
    };
    (@method get) => { "GET" };
    (@method post) => { "POST" };
    (@method put) => { "PUT" };
    (@method patch) => { "PATCH" };
    (@method delete) => { "DELETE" };
    (@permission any_key) => { None };
    (@permission $permission:ident) => { Some(Permission::$permission) };
    (@also) => { None };
    (@also $also:ident) => { Some(Permission::$also) };
}

routes! {
    get  "/v1/environment" any_key environment::show;
    get  "/v1/legal-entities" any_key legal_entity::list;
    post "/v1/legal-entities" BookWrite legal_entity::add;
    patch "/v1/legal-entities/{id}" BookWrite legal_entity::change;
    get  "/v1/customers" CustomerRead customer::list;
    post "/v1/customers" CustomerWrite customer::create;
    get  "/v1/customers/{id}" CustomerRead customer::show;
    patch "/v1/customers/{id}" CustomerWrite customer::change;
    post "/v1/customers/{id}/erase" CustomerWrite customer::erase;
    get  "/v1/customers/{id}/credit" InvoiceRead customer::credit;
    post "/v1/customers/{id}/credit/preview" InvoiceRead customer::preview_credit;
    post "/v1/customers/{id}/credit/apply" PaymentWrite customer::apply_credit;
    get  "/v1/customers/{id}/trial" CustomerRead customer::may_try;
    get  "/v1/customers/{id}/links" CustomerRead customer::links;
    post "/v1/customers/{id}/links" CustomerWrite customer::make_link;
    post "/v1/customer-links/{id}/revoke" CustomerWrite customer::revoke_link;
    get  "/v1/price-book" BookRead price_book::in_force;
    post "/v1/price-book" BookWrite price_book::apply;
    post "/v1/price-book/check" BookRead price_book::check;
    get  "/v1/price-book/versions" BookRead price_book::versions;
    get  "/v1/price-book/versions/{id}" BookRead price_book::version;
    get  "/v1/price-book/versions/{id}/source" BookRead price_book::source;
    post "/v1/price-book/migration/preview" SubscriptionRead migration::preview;
    post "/v1/price-book/migration" SubscriptionWrite migration::request;
    post "/v1/subscriptions/preview" SubscriptionRead subscription::preview;
    post "/v1/subscriptions" SubscriptionWrite + SubscriptionNegotiate subscription::start;
    get  "/v1/subscriptions" SubscriptionRead subscription::list;
    get  "/v1/subscriptions/{id}" SubscriptionRead subscription::show;
    get  "/v1/subscriptions/{id}/invoices" InvoiceRead subscription::invoices;
    post "/v1/subscriptions/{id}/change/preview" SubscriptionRead subscription::preview_change;
    post "/v1/subscriptions/{id}/change" SubscriptionWrite + SubscriptionNegotiate subscription::change;
    post "/v1/subscriptions/{id}/cancel/preview" SubscriptionRead subscription::preview_cancel;
    post "/v1/subscriptions/{id}/cancel" SubscriptionWrite subscription::cancel;
    post "/v1/subscriptions/{id}/save-offer/accept" SubscriptionWrite subscription::accept_save_offer;
    post "/v1/subscriptions/{id}/reactivate/preview" SubscriptionRead subscription::preview_reactivation;
    post "/v1/subscriptions/{id}/reactivate" SubscriptionWrite subscription::reactivate;
    get  "/v1/subscriptions/{id}/renewal-offers" SubscriptionRead subscription::renewal_offers;
    post "/v1/subscriptions/{id}/renewal-offers/preview" SubscriptionRead subscription::preview_renewal;
    post "/v1/subscriptions/{id}/renewal-offers" SubscriptionNegotiate subscription::offer_renewal;
    post "/v1/subscriptions/{id}/renewal-offers/accept" SubscriptionWrite subscription::accept_renewal;
    post "/v1/subscriptions/{id}/renewal-offers/decline" SubscriptionWrite subscription::decline_renewal;
    post "/v1/subscriptions/{id}/renewal-offers/withdraw" SubscriptionNegotiate subscription::withdraw_renewal;
    get  "/v1/cancellations" SubscriptionRead subscription::cancellations;
    get  "/v1/cancellations/counts" SubscriptionRead subscription::cancellation_counts;
    post "/v1/subscriptions/{id}/keep-on" SubscriptionWrite subscription::keep_on;
    post "/v1/subscriptions/{id}/pause" SubscriptionWrite subscription::pause;
    post "/v1/subscriptions/{id}/resume" SubscriptionWrite subscription::resume;
    post "/v1/subscriptions/{id}/convert" SubscriptionWrite subscription::convert;
    post "/v1/subscriptions/{id}/extend-trial" SubscriptionWrite subscription::extend_trial;
    post "/v1/subscriptions/{id}/suspend" SubscriptionWrite subscription::suspend;
    post "/v1/subscriptions/{id}/reinstate" SubscriptionWrite subscription::reinstate;
    post "/v1/subscriptions/{id}/payment-method" SubscriptionWrite subscription::set_payment_method;
    post "/v1/events" UsageWrite event::ingest;
    get  "/v1/events/rejected" SubscriptionRead event::rejected;
    post "/v1/events/void" UsageWrite event::void;
    post "/v1/events/correct" UsageWrite event::correct;
    post "/v1/check" UsageWrite limit::check;
    post "/v1/consume" UsageWrite limit::consume;
    post "/v1/reserve" UsageWrite limit::reserve;
    post "/v1/rate-limits/take" UsageWrite rate_limit::take;
    post "/v1/holds/{id}/commit" UsageWrite limit::commit;
    post "/v1/holds/{id}/release" UsageWrite limit::release;
    get  "/v1/customers/{id}/limits" SubscriptionRead limit::list;
    get  "/v1/customers/{id}/features" SubscriptionRead feature::list;
    get  "/v1/customers/{id}/features/{key}" SubscriptionRead feature::show;
    get  "/v1/customers/{id}/tiers/{key}" SubscriptionRead feature::tier;
    get  "/v1/customers/{id}/overrides" SubscriptionRead overrides::list;
    put  "/v1/customers/{id}/overrides/{key}" OverrideWrite overrides::set;
    delete "/v1/customers/{id}/overrides/{key}" OverrideWrite overrides::remove;
    get  "/v1/flags" FlagRead flag::list;
    post "/v1/flags" FlagWrite flag::create;
    get  "/v1/flags/{key}" FlagRead flag::show;
    put  "/v1/flags/{key}" FlagWrite flag::save;
    delete "/v1/flags/{key}" FlagWrite flag::remove;
    post "/v1/flags/{key}/switch" FlagWrite flag::switch;
    post "/v1/flags/{key}/try" FlagRead flag::serve;
    get  "/v1/flags/{key}/versions" FlagRead flag::versions;
    get  "/v1/alerts" SubscriptionRead alert::list;
    get  "/v1/alerts/jumps" SubscriptionRead alert::jumps;
    get  "/v1/advice/plans" SubscriptionRead advice::plans;
    get  "/v1/advice/teams" SubscriptionRead advice::team_plans;
    get  "/v1/customers/{id}/advice" SubscriptionRead advice::show;
    get  "/v1/customers/{id}/prompts" SubscriptionRead advice::prompts;
    get  "/v1/meters" BookRead meter::list;
    get  "/v1/meters/{key}/usage" SubscriptionRead meter::usage;
    get  "/v1/meters/{key}/events" SubscriptionRead meter::events;
    get  "/v1/invoices/{id}/lines/{key}/events" InvoiceRead meter::behind;
    post "/v1/reconciliations" InvoiceWrite reconcile::request;
    get  "/v1/subscriptions/{id}/usage" SubscriptionRead usage::show;
    put  "/v1/subscriptions/{id}/usage/{key}" UsageWrite usage::put;
    get  "/v1/subscriptions/{id}/charges" SubscriptionRead charge::list;
    post "/v1/subscriptions/{id}/charges/preview" SubscriptionRead charge::preview;
    post "/v1/subscriptions/{id}/charges" SubscriptionWrite + SubscriptionNegotiate charge::add;
    delete "/v1/subscriptions/{id}/charges/{key}" SubscriptionWrite charge::remove;
    post "/v1/subscriptions/{id}/coupons" SubscriptionWrite coupon::redeem;
    delete "/v1/subscriptions/{id}/coupons/{key}" SubscriptionWrite coupon::take_away;
    post "/v1/subscriptions/{id}/comp" SubscriptionNegotiate coupon::comp;
    get  "/v1/coupons" BookRead coupon::list;
    get  "/v1/coupons/{key}/redemptions" SubscriptionRead coupon::redemptions;
    get  "/v1/bill-runs" InvoiceRead bill_run::list;
    post "/v1/bill-runs" InvoiceWrite bill_run::request;
    get  "/v1/bill-runs/forecast" InvoiceRead bill_run::forecast;
    get  "/v1/bill-runs/{id}" InvoiceRead bill_run::show;
    get  "/v1/bill-runs/{id}/invoices" InvoiceRead bill_run::invoices;
    get  "/v1/invoices" InvoiceRead invoice::list;
    get  "/v1/invoices/{id}" InvoiceRead invoice::show;
    post "/v1/invoices/{id}/finalize" InvoiceWrite invoice::finalize;
    post "/v1/invoices/{id}/void" InvoiceWrite invoice::void;
    post "/v1/invoices/{id}/uncollectible" InvoiceWrite invoice::uncollectible;
    get  "/v1/invoices/{id}/ledger" LedgerRead invoice::ledger;
    get  "/v1/invoices/{id}/credit-notes" InvoiceRead invoice::credit_notes;
    get  "/v1/invoices/{id}/payments" PaymentRead payment::of_invoice;
    get  "/v1/payments" PaymentRead payment::list;
    post "/v1/payments" PaymentWrite payment::record;
    get  "/v1/payments/{id}" PaymentRead payment::show;
    post "/v1/payments/{id}/reverse" PaymentWrite payment::reverse;
    get  "/v1/payments/{id}/ledger" LedgerRead payment::ledger;
    get  "/v1/credit-notes/{id}" InvoiceRead credit_note::show;
    get  "/v1/ledger/trial-balance" LedgerRead ledger::trial_balance;
    get  "/v1/ledger/accounts" LedgerRead ledger::accounts;
    get  "/v1/ledger/transactions" LedgerRead ledger::transactions;
    get  "/v1/ledger/chart" LedgerRead ledger::chart;
    put  "/v1/ledger/chart" LedgerWrite ledger::set_chart;
    get  "/v1/ledger/accounts/{id}/statement" LedgerRead ledger::statement;
    get  "/v1/facts" FactRead fact::list;
    get  "/v1/jobs" JobRead job::list;
    get  "/v1/jobs/{id}" JobRead job::show;
    get  "/v1/sandbox/clock" any_key sandbox::clock;
    post "/v1/sandbox/clock/advance" ClockWrite sandbox::advance;
}

/// The part of a path below `/v1`, where the handlers are nested.
fn below_version(path: &str) -> &str {
    path.strip_prefix("/v1").unwrap_or(path)
}

/// Where the description of the API stands.
const DOCUMENT: &str = "/v1/openapi.json";

/// The API under `/v1`, the addresses of other products' SDKs under `/api/v1`, flags for OpenFeature under `/ofrep/v1`, and its document.
pub fn router(app: App) -> Router {
    let api = surround(handlers().route(below_version(DOCUMENT), get(document())));
    // A body's size is checked where it is read.
    let foreign = Router::new()
        .route("/events", post(event::foreign::events))
        .route("/events/batch", post(event::foreign::batch));
    let (api, foreign) = (rate_limit::surround(api), rate_limit::surround(surround(foreign)));
    let foreign = foreign.layer(DefaultBodyLimit::disable()).with_state(app.clone());
    let flags = rate_limit::surround(ofrep::router()).with_state(app.clone());
    let api = api.layer(DefaultBodyLimit::disable()).with_state(app);
    let nothing = surround(Router::new());
    let all = Router::new().nest("/v1", api).nest("/api/v1", foreign).nest("/ofrep/v1", flags);
    all.nest("/ofrep", nothing)
}

/// The document, written once.
fn document() -> impl Fn() -> std::future::Ready<axum::response::Response> + Clone + Send + Sync + 'static {
    let json = openapi().to_json().unwrap_or_default();
    move || {
        let kind = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
        std::future::ready((kind, json.clone()).into_response())
    }
}
