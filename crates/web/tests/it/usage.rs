//! Usage on pages: bars, histories, alerts, and the way from an event to its line and back.

use std::ops::Range;

use billing::subscription::{self, Start};
use identity::user::Role;
use jobs::Runner;
use kernel::{
    Cycle,
    ids::{CustomerId, SubscriptionId},
};
use metering::event::NewEvent;
use store::Scope;
use testkit::on_both;

use crate::{
    browser::Person,
    world::{CONTEXTS, World},
};

pub const BOOK: &str = r#"
book = 1
name = "Runs"
currency = "USD"

[meters]
runs = { name = "Agent runs", unit = "run", jump = { times = 2, floor = 5 }, critical = true }
traffic = { name = "Traffic", unit = "GB", aggregation = "sum", decimals = 3 }

[plans.metered]
name = "Metered"
price = { month = "10" }
limits = { runs = { amount = 10, policy = "soft" }, traffic = { amount = 2, window = "rolling 5 hours", scope = "user" } }
usage = { runs = "0.50" }

[plans.large]
name = "Large"
price = { month = "90" }
"#;

pub struct Ground<'w> {
    pub world: &'w World,
    pub scope: Scope,
    pub customer: CustomerId,
    pub person: Person<'w>,
}

/// A subscription of a customer to the plan that is metered, with its first invoice finalized.
pub fn subscribe(world: &World, scope: &Scope, customer: CustomerId) -> SubscriptionId {
    let start = Start { finalize: true, ..Start::of(customer, "metered", Cycle::MONTH) };
    world.db.write(scope, move |tx| subscription::start(tx, &start)).wait().unwrap().subscription.id
}

/// So many events of a meter, counted and nothing more.
pub fn ingest(
    world: &World,
    scope: &Scope,
    (customer, meter): (CustomerId, &str),
    ids: Range<u32>,
    data: &str,
) {
    let event = |id: u32| NewEvent {
        source: "test".to_owned(),
        id: format!("{meter}-{id}"),
        meter: meter.to_owned(),
        subject: customer.to_string(),
        at: None,
        data: Some(serde_json::from_str(data).unwrap()),
    };
    let now = world.db.read(scope, |view| Ok(view.now())).wait().unwrap();
    let receipts = world.metering.ingest(scope, ids.map(event).collect(), false, now).wait().unwrap();
    assert!(receipts.iter().all(|one| *one == metering::event::Receipt::Accepted), "{receipts:?}");
}

impl<'w> Ground<'w> {
    pub fn new(world: &'w World) -> Self {
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let customer = world.customer(&scope, "Brandt & Sohn");
        subscribe(world, &scope, customer);
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        Self { world, scope, customer, person: Person { world, cookie } }
    }

    fn send(&self, meter: &str, ids: Range<u32>, data: &str) {
        ingest(self.world, &self.scope, (self.customer, meter), ids, data);
        metering::alert::follow(&self.world.db, &self.scope).unwrap();
        billing::usage::follow(&self.world.db, &self.scope).unwrap();
    }
}

#[test]
fn limits_are_bars_and_alerts_are_listed() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let page = |path: &str| ground.person.open(&format!("/usage{path}")).text;
        assert!(page("").contains("No alerts"));
        let own = format!("/{}", ground.customer);
        assert!(page(&own).contains("Agent runs: 0 of 10") && page(&own).contains("data-refresh"));
        ground.send("runs", 0..8, "{}");
        ground.send("traffic", 0..1, r#"{"value":"1.25","user":"ann"}"#);
        let shown = page(&own);
        for text in
            ["Agent runs: 8 of 10", "80 %", "Traffic, ann: 1.25 of 2", "more is billed", "More is in Large."]
        {
            assert!(shown.contains(text), "{text} in {shown}");
        }
        let alerts = page("");
        assert!(alerts.contains("Brandt &amp; Sohn") && alerts.contains("8 of 10"), "{alerts}");
        ground.send("runs", 8..13, "{}");
        assert!(page(&own).contains("130 %") && page("").contains("100 %"));
        // The customer's own page has the same bars.
        let link = crate::own::link(&ground.person, ground.customer);
        let answer = world.get(&link, "");
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        let mine = world.get("/my", &cookie).text;
        assert!(mine.contains("What you have used") && mine.contains("Agent runs: 13 of 10"), "{mine}");
    });
}

#[test]
fn an_event_leads_to_its_line_and_back() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        ground.send("runs", 0..12, "{}");
        let path = format!("/usage/{}/runs", ground.customer);
        let before = ground.person.open(&path).text;
        assert!(before.contains("runs-11") && before.contains("Not billed yet"), "{before}");
        let clock = world.db.read(&ground.scope, |view| Ok(view.now())).wait().unwrap();
        let to = clock + jiff::SignedDuration::from_hours(24 * 32);
        world.db.write(&ground.scope, move |tx| billing::clock::request_advance(tx, to)).wait().unwrap();
        let kinds = server::job_kinds(&metering::Options::default());
        Runner::new(world.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
        let month = ground.person.open(&format!("{path}?by=month")).text;
        assert!(month.contains("by month") && month.contains("/usage/lines/inv_"), "{month}");
        // What came last stands first, however much there was before.
        ground.send("runs", 50..51, "{}");
        let last = ground.person.open(&format!("{path}?by=month")).text;
        let (newest, older) = (last.find("runs-50").unwrap(), last.find("runs-11").unwrap());
        assert!(newest < older && last.contains("Not billed yet"), "{last}");
        let (_, rest) = month.split_once("/usage/lines/").unwrap();
        let line = rest.split('"').next().unwrap();
        let behind = ground.person.open(&format!("/usage/lines/{line}")).text;
        assert!(
            behind.contains("Events behind") && behind.contains("runs-0") && behind.contains("runs-11"),
            "{behind}"
        );
        let get =
            |path: &str| world.get(&format!("{}{path}", crate::browser::BASE), &ground.person.cookie).status;
        for by in ["hour", "day"] {
            assert_eq!(get(&format!("{path}?by={by}")), 200);
        }
        for missing in ["/usage/lines/x/1", &format!("/usage/{}/nothing", ground.customer), "/usage/cus_x"] {
            assert_eq!(get(missing), 404, "{missing}");
        }
    });
}

#[test]
fn what_was_rejected_or_sudden_can_be_looked_at() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let page = |path: &str| ground.person.open(&format!("/usage{path}")).text;
        assert!(page("").contains("No sudden jumps") && page("/rejected").contains("No rejected events"));
        let now = || world.db.read(&ground.scope, |view| Ok(view.now())).wait().unwrap();
        let bad = NewEvent {
            source: "test".to_owned(),
            id: "bad".to_owned(),
            meter: "runs".to_owned(),
            subject: "<nobody>".to_owned(),
            at: None,
            data: Some(serde_json::from_str(r#"{"a":"<b>"}"#).unwrap()),
        };
        world.metering.ingest(&ground.scope, vec![bad], false, now()).wait().unwrap();
        world.metering.keep_rejected().unwrap();
        let rejected = page("/rejected");
        for text in ["subject_unknown", "&lt;nobody&gt;", "{&quot;a&quot;:&quot;&lt;b&gt;&quot;}", "/subject"]
        {
            assert!(rejected.contains(text), "{text} in {rejected}");
        }
        // Days of three, then one of seven.
        for day in 0..7 {
            ground.send("runs", day * 10..day * 10 + 3, "{}");
            let to = now() + jiff::SignedDuration::from_hours(24);
            world.db.write(&ground.scope, move |tx| billing::clock::request_advance(tx, to)).wait().unwrap();
            let kinds = server::job_kinds(&metering::Options::default());
            Runner::new(world.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
        }
        ground.send("runs", 100..107, "{}");
        let version = world.db.read(&ground.scope, catalog::version::in_force).wait().unwrap();
        let meters = metering::event::Meters::of(&version.book);
        assert_eq!(metering::jump::follow(&world.db, &ground.scope, &meters).unwrap(), 1);
        let jumps = page("");
        assert!(jumps.contains("Sudden jumps") && jumps.contains("2 times"), "{jumps}");
        assert!(page(&format!("/{}", ground.customer)).contains("Sudden jumps"));
        // After a reconciliation the accounts of the critical meter stand there.
        let ask = |tx: &mut store::Tx<'_>| {
            let job = jobs::NewJob::new(metering::reconcile::JOB, serde_json::json!({}));
            jobs::enqueue(tx, job.once(metering::reconcile::JOB)).map(drop)
        };
        world.db.write(&ground.scope, ask).wait().unwrap();
        let kinds = server::job_kinds(&metering::Options::default());
        Runner::new(world.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
        let proven = page("");
        assert!(
            proven.contains("Usage reconciles") && proven.contains("Double entry of critical"),
            "{proven}"
        );
    });
}
