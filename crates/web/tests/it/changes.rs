//! What staff do to a subscription, through pages alone: what is shown before is what happens after.

use identity::user::Role;
use store::Scope;
use testkit::on_both;

use crate::{
    browser::{Person, id_in, words},
    world::{CONTEXTS, Page, World},
};

/// Everything a test works with.
struct Ground<'w> {
    world: &'w World,
    scope: Scope,
    person: Person<'w>,
}

impl<'w> Ground<'w> {
    fn new(world: &'w World) -> Self {
        let scope = world.merchant("unison");
        world.book(&scope);
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        Self { world, scope, person: Person { world, cookie } }
    }

    /// Start a subscription of a new customer through its pages; the path of its page.
    fn start(&self, asked: &[(&str, &str)]) -> String {
        let customer = self.world.customer(&self.scope, "Kestrel").to_string();
        let asked: Vec<_> = asked.iter().copied().chain([("customer", customer.as_str())]).collect();
        let preview =
            self.person.send(&self.person.open("/subscriptions/new"), "/subscriptions/preview", &asked);
        assert_eq!(preview.status, 200, "{}", preview.text);
        let (address, _) = self.person.confirm(&preview, "/subscriptions", &asked);
        format!("/subscriptions/{}", id_in(&address))
    }

    fn advance(&self, to: &str, time: &str) {
        self.person.follow(&self.person.open("/clock"), "/clock", &[("to", to), ("time", time)]);
        self.world.run_jobs();
    }

    /// Do what a page of its own says it does.
    fn deed(&self, subscription: &str, word: &str) -> (Page, Page) {
        let path = format!("{subscription}/{word}");
        let shown = self.person.open(&path);
        let (_, after) = self.person.confirm(&shown, &path, &[]);
        (shown, after)
    }
}

/// The newest document of a list on a page.
fn newest(page: &Page, noun: &str) -> String {
    let rest = page.text.split(&format!("/unison/rehearsal/{noun}/")).nth(1);
    let id = rest.unwrap_or_else(|| panic!("no {noun} in {}", page.text)).split('"').next().unwrap();
    format!("/{noun}/{id}")
}

fn has(page: &Page, shown: &[&str]) {
    let text = words(page);
    for shown in shown {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}

fn has_not(page: &Page, hidden: &[&str]) {
    let text = words(page);
    for hidden in hidden {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[test]
fn a_trial_is_extended_converted_and_changed_as_previewed() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let person = &ground.person;
        // The clock stands at 31 January, 10:00 in Berlin.
        let subscription =
            ground.start(&[("plan", "starter/month"), ("addons.extra_user", "4"), ("trial", "true")]);
        let page = person.open(&subscription);
        has(
            &page,
            &["Trialing", "14 days left", "Trial until 14 Feb 2026, 00:00 CET", "At the end it is suspended"],
        );
        has(&page, &["Convert to paid", "Extend the trial", "Change", "Cancel", "No invoices yet"]);
        has_not(&page, &["Pause", "Resume", "Reinstate", "Keep on"]);

        ground.advance("2026-02-11", "10:00");
        assert!(person.open(&subscription).text.contains("countdown soon"));
        ground.advance("2026-02-13", "10:00");
        let last = person.open(&subscription);
        assert!(last.text.contains("countdown last-day"));
        has(&last, &["Last day", "Reminder: the trial ends in 1 day"]);

        let path = format!("{subscription}/extend-trial");
        let form = person.open(&path);
        for wrong in ["91", "0", "x", ""] {
            let refused = person.send(&form, &path, &[("days", wrong), ("once", &form.hidden("once"))]);
            assert_eq!(refused.status, 422, "{wrong}");
            assert!(refused.text.contains("id=\"field-days-error\""), "{}", refused.text);
        }
        let once = form.hidden("once");
        let asked = [("days", "7"), ("once", once.as_str())];
        let (_, extended) = person.follow(&form, &path, &asked);
        has(&extended, &["Trial extended", "8 days left", "Trial until 21 Feb 2026, 00:00 CET"]);
        let (_, again) = person.follow(&form, &path, &asked);
        has(&again, &["8 days left"]);

        let (_, noted) = person.follow(&again, &format!("{subscription}/method"), &[("has_method", "true")]);
        has(&noted, &["Method of payment noted", "Starter is paid for from then on", "USD 69.00"]);
        let (shown, paid) = ground.deed(&subscription, "convert");
        has(&shown, &["The trial ends at once", "13 Feb – 12 Mar 2026", "USD 69.00", "Amount due"]);
        has(
            &paid,
            &["Trial converted", "Active", "UN-000001", "USD 69.00", "Invoice 13 Mar 2026", "Trial ended"],
        );

        ground.advance("2026-02-20", "10:00");
        let path = format!("{subscription}/change");
        let form = person.open(&path);
        for prefilled in ["value=\"starter/month\" selected", "name=\"addons.extra_user\" value=\"4\""] {
            assert!(form.text.contains(prefilled), "{prefilled}: {}", form.text);
        }
        let asked = [
            ("plan", "professional/month"),
            ("addons.extra_user", "2"),
            ("addons.extra_plant", ""),
            ("timing", "now"),
        ];
        let preview = person.send(&form, &format!("{path}/preview"), &asked);
        assert_eq!(preview.status, 200, "{}", preview.text);
        // 21 of 28 days are left: 49 and 20 of Starter, 199 and 10 of Professional.
        let figures = ["USD 51.75", "USD 156.75", "USD 105.00"];
        has(&preview, &figures);
        has(
            &preview,
            &["Credit note on invoice UN-000001", "21 of 28 days", "× 21 ⁄ 28", "USD 36.75", "USD 15.00"],
        );
        has(
            &preview,
            &["Starter, monthly", "Professional, monthly", "USD 149.25", "USD 7.50", "Paid by credit"],
        );
        has_not(&person.open("/invoices"), &["UN-000002"]);

        let (address, changed) = person.confirm(&preview, &path, &asked);
        has(&changed, &["Subscription changed", "Professional, monthly", "UN-CN-000001", "USD 51.75"]);
        let confirmation = [("once", preview.hidden("once")), ("seen", preview.hidden("seen"))];
        let fields: Vec<_> = asked
            .into_iter()
            .chain(confirmation.iter().map(|(name, value)| (*name, value.as_str())))
            .collect();
        assert_eq!(
            person.send(&preview, &path, &fields).location(),
            address,
            "sent twice, it is changed once"
        );

        let invoice = person.open(&newest(&changed, "invoices"));
        has(&invoice, &["UN-000002", "Paid by credit", "−USD 51.75", "Amount due", "Customer credit used"]);
        has(&invoice, &figures);
        let note = person.open(&newest(&changed, "credit-notes"));
        has(
            &note,
            &["Credit note", "UN-CN-000001", "Corrects invoice", "UN-000001", "How this was worked out"],
        );
        has(&note, &["Billed for the whole time", "× 21 ⁄ 28", "USD 49.00", "USD 36.75", "USD 51.75"]);
        has(
            &note,
            &[
                "the subscription was changed",
                "Deferred revenue",
                "Customer credit: Kestrel",
                "Credit note issued",
            ],
        );
        let corrected = person.open(&newest(&note, "invoices"));
        has(&corrected, &["UN-000001", "Corrected by", "UN-CN-000001"]);
        let customer = person.open(&newest(&changed, "customers"));
        has(&customer, &["Credit balance", "USD 0.00", "Owes", "USD 174.00", "UN-CN-000001", "UN-000002"]);
    });
}

#[test]
fn a_cancellation_is_taken_back_and_a_pause_credits_what_resuming_charges() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let person = &ground.person;
        let subscription = ground.start(&[("plan", "starter/month"), ("finalize", "true")]);
        ground.advance("2026-02-14", "10:00");

        let path = format!("{subscription}/cancel");
        let choices = person.open(&path);
        // Canceled now, 14 February is billed and 13 of 28 days are not used; paused, it is not billed.
        has(&choices, &["At the end of the period", "28 Feb 2026, 00:00 CET", "13 of 28 days", "USD 22.75"]);
        let end = choices.text.split("name=\"timing\" value=\"period_end\"").nth(1).unwrap();
        let end = Page { status: 200, headers: Default::default(), text: format!("{end}{}", choices.text) };
        let (_, ending) = person.confirm(&end, &path, &[("timing", "period_end")]);
        has(
            &ending,
            &[
                "Cancellation scheduled",
                "It ends on 28 Feb 2026",
                "Keep on",
                "The subscription ends",
                "Active",
            ],
        );
        has(&person.open(&path), &["It already ends by itself"]);
        has(&person.open("/subscriptions"), &["Ends 28 Feb 2026"]);
        let (_, kept) = person.follow(&ending, &format!("{subscription}/keep-on"), &[]);
        has(&kept, &["Kept on", "Next invoice", "USD 49.00"]);
        has_not(&kept, &["It ends on"]);
        let nothing = person.send(&kept, &format!("{subscription}/keep-on"), &[]);
        assert_eq!(nothing.status, 409);
        has(&nothing, &["Nothing is scheduled"]);

        let (shown, paused) = ground.deed(&subscription, "pause");
        has(&shown, &["It stops at once", "14 of 28 days", "USD 24.50", "Credit afterwards"]);
        has(
            &paused,
            &["Subscription paused", "Paused", "Nothing falls due while it is paused", "USD 24.50", "Resume"],
        );
        has_not(&paused, &["Change\n", "Suspend\n"]);
        has(&person.open(&newest(&paused, "customers")), &["Credit balance", "USD 24.50"]);
        // Looking is no mistake; doing it is refused.
        let again = person.open(&format!("{subscription}/pause"));
        let sentence = "A subscription that is paused cannot be paused";
        has(&again, &["This is not possible now", sentence, "Back to the subscription"]);
        let confirmation = [("once", "once more"), ("seen", "")];
        let refused = person.send(&again, &format!("{subscription}/pause"), &confirmation);
        assert_eq!(refused.status, 409);
        has(&refused, &[sentence]);

        let (shown, resumed) = ground.deed(&subscription, "resume");
        has(&shown, &["It goes on at once", "14 Feb – 27 Feb 2026", "USD 24.50", "Amount due", "USD 0.00"]);
        has(&resumed, &["Subscription resumed", "Active", "Paid", "USD 24.50", "Invoice 28 Feb 2026"]);

        let (_, suspended) = ground.deed(&subscription, "suspend");
        has(&suspended, &["Subscription suspended", "Nothing falls due while it is suspended", "Reinstate"]);
        let (shown, back) = ground.deed(&subscription, "reinstate");
        has(&shown, &["It goes on as it was"]);
        has(&back, &["Subscription reinstated", "Active"]);

        let choices = person.open(&path);
        let now = choices.text.split("name=\"timing\" value=\"now\"").nth(1).unwrap();
        let now = Page { status: 200, headers: Default::default(), text: format!("{now}{}", choices.text) };
        let (_, canceled) = person.confirm(&now, &path, &[("timing", "now")]);
        has(&canceled, &["Subscription canceled", "Canceled", "Ended", "Nothing: it is canceled"]);
        for word in ["change", "pause", "reinstate", "cancel"] {
            assert!(!canceled.text.contains(&format!("{subscription}/{word}")), "{word}");
        }
        has(
            &person.open("/facts"),
            &["Subscription canceled", "Kept on: nothing is scheduled any more", "To end on"],
        );
    });
}

#[test]
fn a_change_waits_for_the_end_of_the_period_and_happens_then() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let person = &ground.person;
        let subscription =
            ground.start(&[("plan", "starter/month"), ("addons.extra_user", "2"), ("finalize", "true")]);
        let path = format!("{subscription}/change");
        let asked = [("plan", "professional/year"), ("addons.extra_user", ""), ("timing", "period_end")];
        let preview = person.send(&person.open(&path), &format!("{path}/preview"), &asked);
        has(&preview, &["Schedule the change", "Invoice of 28 Feb 2026, at today’s prices", "USD 2,149.00"]);
        has_not(&preview, &["Credit note"]);
        let (_, waiting) = person.confirm(&preview, &path, &asked);
        has(
            &waiting,
            &[
                "Change scheduled",
                "It changes on 28 Feb 2026",
                "Professional, yearly, no Extra user",
                "Keep on",
            ],
        );
        has(&waiting, &["Starter, monthly", "Scheduled change", "USD 2,149.00", "28 Feb 2026 – 27 Feb 2027"]);
        ground.advance("2026-03-01", "10:00");
        has(&person.open(&subscription), &["Professional, yearly", "USD 2,149.00", "Invoice 28 Feb 2027"]);
    });
}

#[test]
fn what_has_changed_since_is_shown_again_and_mistakes_stand_beside_their_field() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let person = &ground.person;
        let subscription = ground.start(&[("plan", "starter/month"), ("finalize", "true")]);
        let (change, pause) = (format!("{subscription}/change"), format!("{subscription}/pause"));
        let asked = [("plan", "professional/month"), ("timing", "now")];
        let preview = person.send(&person.open(&change), &format!("{change}/preview"), &asked);
        let to_pause = person.open(&pause);
        ground.advance("2026-02-10", "10:00");

        let confirmed = |page: &Page| [("once", page.hidden("once")), ("seen", page.hidden("seen"))];
        for (page, path, asked) in [(&preview, &change, &asked[..]), (&to_pause, &pause, &[])] {
            let confirmation = confirmed(page);
            let fields =
                asked.iter().copied().chain(confirmation.iter().map(|(name, value)| (*name, value.as_str())));
            let stale = person.send(page, path, &fields.collect::<Vec<_>>());
            assert_eq!(stale.status, 409, "{}", stale.text);
            has(&stale, &["Something has changed since you looked", "18 of 28 days", "USD 31.50"]);
            assert_ne!(confirmed(&stale)[1], confirmation[1]);
        }
        has(&person.open(&subscription), &["Active", "Starter, monthly"]);
        let bare = person.send(&preview, &change, &asked);
        assert_eq!(bare.status, 422);
        has(&bare, &["Look at the preview first"]);

        let refused = |asked: &[(&str, &str)]| person.send(&preview, &format!("{change}/preview"), asked);
        let wrong = refused(&[("plan", "starter/month"), ("addons.extra_user", "4.5"), ("timing", "now")]);
        assert_eq!(wrong.status, 422);
        assert!(wrong.text.contains("id=\"field-addons.extra_user-error\""), "{}", wrong.text);
        let wrong = refused(&[("plan", "enterprise/month"), ("addons.extra_user", "2")]);
        assert!(wrong.text.contains("id=\"field-addons.extra_user-error\""), "{}", wrong.text);
        let wrong = refused(&[("plan", "starter/week")]);
        assert!(wrong.text.contains("id=\"field-plan-error\""), "{}", wrong.text);
        for timing in ["now", "period_end"] {
            let same = refused(&[("plan", "starter/month"), ("timing", timing)]);
            assert_eq!(same.status, 409);
            has(&same, &["The subscription already is what this would make of it"]);
        }
        assert_eq!(world.get("/unison/rehearsal/subscriptions/sub_x/pause", &person.cookie).status, 404);
        assert_eq!(world.get(&format!("/unison/rehearsal{subscription}/dance"), &person.cookie).status, 404);
    });
}

#[test]
fn a_draft_stands_in_the_way_of_a_credit_and_a_customer_has_one_trial() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let person = &ground.person;
        let subscription = ground.start(&[("plan", "starter/month")]);
        let choices = person.open(&format!("{subscription}/cancel"));
        has(
            &choices,
            &["This is not possible now", "is a draft. Finalize it first", "Cancel at the end of the period"],
        );

        let tried = ground.start(&[("plan", "starter/month"), ("trial", "true"), ("has_method", "true")]);
        let page = person.open(&tried);
        has(&page, &["A method of payment is on file", "USD 49.00"]);
        let customer = newest(&page, "customers").rsplit('/').next().unwrap().to_owned();
        let form = person.open(&format!("/subscriptions/new?customer={customer}"));
        let asked = [("customer", customer.as_str()), ("plan", "starter/month"), ("trial", "true")];
        let second = person.send(&form, "/subscriptions/preview", &asked);
        assert_eq!(second.status, 409);
        assert!(second.text.contains("id=\"field-trial-error\""), "{}", second.text);
        let invoices = words(&person.open("/invoices"));
        assert!(!invoices.contains("UN-000001"), "a rehearsal leaves nothing behind: {invoices}");
    });
}
