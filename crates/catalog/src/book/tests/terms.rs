//! The trial, cancellations and what is carried over.

use super::{
    super::*,
    good,
    knobs::{PLAN, mistakes, text},
};

#[test]
fn the_trial_says_for_whom_and_when_it_is() {
    let trial =
        |written: &str| good(&text("", &format!("{PLAN}[trial]\ndays = 7\n{written}\n"))).trial.unwrap();
    let default = trial("");
    assert!(default.once_per.holds(Sameness::Email) && !default.once_per.holds(Sameness::EmailDomain));
    assert!(!default.at_sign_up && default.follow_ups.is_empty());
    let all = trial(
        "plan = \"a\"\nat_sign_up = true\nfollow_ups = [9, 2]\nonce_per = [\"email_domain\", \"customer\"]",
    );
    assert_eq!((all.at_sign_up, all.follow_ups.as_slice()), (true, [2, 9].as_slice()));
    let kinds: Vec<_> = all.once_per.0.iter().map(|one| one.word()).collect();
    assert_eq!(kinds, ["customer", "email_domain"]);
    assert!(trial("once_per = []").once_per.0.is_empty());
    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Trial>(&json).unwrap(), all);
    let wrong = |written: &str| mistakes("", &format!("{PLAN}[trial]\ndays = 7\n{written}\n"));
    for (written, sentence) in [
        ("at_sign_up = true", "which plan a trial at sign-up is of is not said; add `plan`"),
        (
            "plan = \"a\"\nat_sign_up = true\ncard_required = true",
            "a trial at sign-up cannot ask for a card first; leave out `card_required`",
        ),
        ("once_per = [\"email\", \"email\"]", "it is listed twice"),
        ("follow_ups = [0]", "a follow-up must be from 1 to 365"),
        ("follow_ups = [2, 2]", "the follow-up 2 days after the end is listed twice"),
    ] {
        assert_eq!(wrong(written), [sentence]);
    }
    let word = &wrong("once_per = [\"mail\"]")[0];
    assert!(word.starts_with("`mail` is not a choice for `once_per`"), "{word}");
}

#[test]
fn the_reasons_to_cancel_and_what_is_offered_then() {
    const COUPONS: &str = "[coupons.stay]\nname = \"Stay\"\npercent = 20\n\
         [coupons.first]\nname = \"First\"\npercent = 20\nnew_customers_only = true\n";
    let read = |written: &str| good(&text("", &format!("{PLAN}{COUPONS}{written}\n"))).cancellation;
    let usual = read("");
    assert_eq!(usual, Cancellation::default());
    assert!(usual.reason("too_expensive").is_some() && usual.reason("other").is_some());
    let own = read(
        "[cancellation]\nreason = \"required\"\nwin_back = { coupon = \"stay\", days = 90 }\n\
         [cancellation.reasons]\nprice = { name = \"The price\", offer = \"stay\" }\nend = \"We close\"",
    );
    assert_eq!((own.reason, own.reasons.len()), (ReasonIs::Required, 2));
    assert_eq!(own.reason("price").unwrap().offer.as_deref(), Some("stay"));
    assert_eq!(own.win_back.as_ref().map(|back| back.days), Some(90));
    let json = serde_json::to_string(&own).unwrap();
    assert_eq!(serde_json::from_str::<Cancellation>(&json).unwrap(), own);
    let wrong = |written: &str| mistakes("", &format!("{PLAN}{COUPONS}[cancellation]\n{written}\n"));
    for (written, sentence) in [
        ("reasons = {}", "there is no reason; leave `reasons` out for the usual ones"),
        ("win_back = { coupon = \"sty\", days = 9 }", "coupon `sty` is not defined; did you mean `stay`?"),
        ("win_back = { coupon = \"stay\", days = 0 }", "`days` must be from 1 to 3650"),
        ("win_back = { coupon = \"stay\" }", "`win_back` has no `days`"),
        (
            "win_back = { coupon = \"first\", days = 9 }",
            "coupon `first` is for new customers only; who cancels is none: offer another coupon",
        ),
        ("reasons = { a = \"A\", b = \"A\" }", "reason `a` is already called \"A\""),
        ("reasons = { a = 1 }", "a name is a text in quotes; this is a whole number"),
        ("reasons = { a = { offer = \"stay\" } }", "reason `a` has no `name`"),
    ] {
        assert_eq!(wrong(written), [sentence]);
    }
    let old = good(&text("", &format!("{PLAN}{COUPONS}")));
    let new = good(&text(
        "",
        &format!(
            "{PLAN}{COUPONS}[cancellation]\nreason = \"required\"\n[cancellation.reasons]\nprice = \"Price\"\n"
        ),
    ));
    let said: Vec<String> = diff(&old, &new).iter().map(ToString::to_string).collect();
    assert!(said.contains(&"cancellation: reason optional → required".to_owned()), "{said:?}");
    assert!(said.contains(&"reason Price: added".to_owned()), "{said:?}");
}

#[test]
fn what_is_carried_over_has_an_amount_and_an_end() {
    for (written, sentence) in [
        (
            "carry_over = { below = 0, periods = 3 }",
            "what is carried over is above 0; leave `carry_over` out",
        ),
        ("carry_over = { below = 5, periods = 0 }", "`periods` must be from 1 to 24"),
        ("carry_over = { below = 5 }", "`carry_over` has no `periods`"),
        ("carry_over = 5", "`carry_over` is a section with keys of its own; this is a whole number"),
    ] {
        assert_eq!(mistakes(written, PLAN), [sentence]);
    }
    let said = |old: &str, new: &str| {
        let all = diff(&good(&text(old, PLAN)), &good(&text(new, PLAN)));
        all.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        said("", "carry_over = { below = 5, periods = 3 }"),
        ["billing: carries over nothing → below USD 5, at most 3 times"]
    );
}

#[test]
fn advice_and_prompts_say_when_and_in_which_words() {
    const TEAM: &str = "[features]\nusers = { name = \"Users\", kind = \"limit\", unit = \"user\" }\n\
         [plans.b]\nname = \"B\"\nprice = { month = 9 }\n[plans.c]\nname = \"C\"\nprice = { month = 9 }\nnegotiated = true\n";
    let read = |written: &str| good(&text("", &format!("{PLAN}{TEAM}{written}\n")));
    let default = read("");
    assert_eq!((default.advice.clone(), default.prompts.is_empty()), (Advice::default(), true));
    assert!(!default.canonical_json().contains("advice"), "what is not said is not stored");
    let said = read(
        "[advice]\nperiods = 6\nsaves = \"12.5\"\nnear = 90\nfeatures = \"named\"\n\
         team = { plan = \"b\", seats = \"users\", public_mail = [\"isp.example\"] }\n\
         [prompts]\nexport = \"Export with {offer}, {price}.\"",
    );
    let team = said.advice.team.clone().unwrap();
    assert_eq!((team.plan.as_str(), team.from, team.seats.as_deref()), ("b", 3, Some("users")));
    assert_eq!((said.advice.periods, said.advice.near, said.advice.features), (6, 90, Lacking::Named));
    assert!(said.is_public_mail("isp.example") && !said.is_public_mail("acme.example"));
    assert_eq!(serde_json::from_str::<Book>(&said.canonical_json()).unwrap(), said);
    let export = said.prompts.text(Trigger::Export).unwrap();
    assert_eq!(Prompts::fill(export, &[("offer", "B".to_owned())]), "Export with B, .");
    assert!(
        default.prompts.text(Trigger::Export).is_none() && default.prompts.text(Trigger::LimitNear).is_some()
    );
    let changes: Vec<String> = diff(&default, &said).iter().map(ToString::to_string).collect();
    for sentence in [
        "advice: team none → plan b from 3 on, seats by users",
        "advice: periods 3 → 6",
        "advice: features kept → named",
        "prompts: export nothing → \"Export with {offer}, {price}.\"",
    ] {
        assert!(changes.contains(&sentence.to_owned()), "{sentence}: {changes:?}");
    }
    let wrong = |written: &str| mistakes("", &format!("{PLAN}{TEAM}{written}\n"));
    for (written, sentence) in [
        ("[advice]\nperiods = 0", "`periods` must be from 1 to 24"),
        ("[advice]\nnear = 101", "`near` must be from 1 to 100"),
        ("[advice]\nteam = { from = 3 }", "`team` has no `plan`"),
        ("[advice]\nteam = { plan = \"b\", from = 1 }", "`from` must be from 2 to 1000"),
        (
            "[advice]\nteam = { plan = \"c\" }",
            "the price of plan `c` is agreed with each customer; offer a plan with a price",
        ),
        (
            "[advice]\nteam = { plan = \"a\" }",
            "no plan stands before `a` that teams could come from; name a plan behind the first one",
        ),
        (
            "[advice]\nteam = { plan = \"b\", public_mail = [\"@isp\"] }",
            "`@isp` is not a mail domain; write it in lower case without an @, such as \"isp.example\"",
        ),
        (
            "[prompts]\nexport = \"With {ofer}\"",
            "`{ofer}` is nothing that export knows; did you mean `offer`?",
        ),
    ] {
        assert_eq!(wrong(written), [sentence]);
    }
}
