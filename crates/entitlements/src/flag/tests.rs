//! Laws of flags.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{SystemIds, new_id};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::{
    Compiled, Condition, Definition, Flag, Kind, Op, Outcome, Percent, Rule, Share, Subject, bucket, check,
    version::Version,
};

struct Person {
    key: Option<String>,
    context: Map<String, Json>,
    plan: &'static str,
}

impl Person {
    fn of(key: &str, context: Json) -> Self {
        let Json::Object(context) = context else { panic!("a context is an object") };
        Self { key: Some(key.to_owned()), context, plan: "pro" }
    }
}

impl Subject for Person {
    fn targeting_key(&self) -> Option<&str> {
        self.key.as_deref()
    }
    fn context(&self) -> &Map<String, Json> {
        &self.context
    }
    fn known(&self, attribute: &str, is: &mut dyn FnMut(&str) -> bool) -> bool {
        attribute == "plan" && is(self.plan)
    }
}

fn now() -> Timestamp {
    "2026-01-15T12:00:00Z".parse().unwrap()
}

fn definition(rules: Vec<Rule>) -> Definition {
    Definition {
        name: "New checkout".into(),
        description: String::new(),
        kind: Kind::String,
        variants: BTreeMap::from(["a", "b", "c"].map(|name| (name.to_owned(), json!(name)))),
        default: Some("c".into()),
        off: "c".into(),
        rules,
        browser: false,
    }
}

fn flag(key: &str, rules: Vec<Rule>) -> Compiled {
    let definition = definition(rules);
    let key = key.to_owned();
    Compiled::of(Flag {
        id: new_id(&SystemIds),
        key,
        version: 1,
        enabled: true,
        definition,
        created: now(),
        changed: now(),
    })
}

fn share(variant: &str, thousandths: u32) -> Share {
    Share { variant: variant.into(), percent: Percent::of(thousandths).unwrap() }
}

fn rule(when: Vec<Condition>, serve: Vec<Share>) -> Rule {
    Rule { when, serve, ..Rule::default() }
}

fn one(attribute: &str, is: Op, values: Json) -> Condition {
    let values = values.as_array().cloned().unwrap_or_default();
    Condition { attribute: attribute.into(), is, values, not: false }
}

fn served<'f>(flag: &'f Compiled, person: &Person) -> &'f str {
    match flag.evaluate(person, now()) {
        Outcome::Off(variant) | Outcome::Rule { variant, .. } | Outcome::Default(Some(variant)) => variant,
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// Raising a percentage never takes anyone out, nor does raising the last share of several.
    #[test]
    fn a_rollout_only_grows(key in "[a-z]{1,12}", people in proptest::collection::vec("\\PC{1,20}", 1..40), first in 0_u32..50_000, less in 0_u32..50_000, more in 0_u32..50_000) {
        let (less, more) = (less.min(more), less.max(more));
        let before = flag(&key, vec![rule(vec![], vec![share("a", first), share("b", less)])]);
        let after = flag(&key, vec![rule(vec![], vec![share("a", first), share("b", more)])]);
        for person in &people {
            let person = Person::of(person, json!({}));
            let (before, after) = (served(&before, &person), served(&after, &person));
            prop_assert!(before == after || (before, after) == ("c", "b"), "{before} became {after}");
        }
    }

    /// A share is what it says, and the buckets of two flags have nothing to do with each other.
    #[test]
    fn shares_are_what_they_say(key in "[a-z]{3,12}", other in "[0-9]{3,12}", thousandths in 5_000_u32..95_000) {
        let share = u64::from(thousandths);
        let people: Vec<String> = (0..4_000).map(|number| format!("user-{number}")).collect();
        let inside: Vec<&String> = people.iter().filter(|person| bucket(&key, person) < share).collect();
        let close = |count: usize, of: usize| {
            let (expected, count) = (share as i64 * of as i64 / 100_000, count as i64);
            (expected - count).abs() < 5 * (of as i64).isqrt()
        };
        prop_assert!(close(inside.len(), people.len()));
        let both = inside.iter().filter(|person| bucket(&other, person) < share).count();
        prop_assert!(close(both, inside.len()));
    }

    /// The same question has the same answer, whatever rules that do not match stand before.
    #[test]
    fn rules_that_do_not_match_do_not_matter(person in "\\PC{1,20}", country in "[A-Z]{2}", before in 0_usize..5) {
        let last = rule(vec![one("country", Op::In, json!([country]))], vec![share("a", 30_000), share("b", 30_000)]);
        let never = rule(vec![one("nowhere", Op::Known, json!([]))], vec![share("c", 100_000)]);
        let alone = flag("flag", vec![last.clone()]);
        let after = flag("flag", std::iter::repeat_n(never, before).chain([last]).collect());
        let person = Person::of(&person, json!({ "country": country }));
        prop_assert_eq!(served(&alone, &person), served(&after, &person));
    }

    #[test]
    fn percentages_read_back(thousandths in 0_u32..=100_000) {
        let percent = Percent::of(thousandths).unwrap();
        prop_assert_eq!(Percent::parse(&percent.to_string()).unwrap(), percent);
        let json = serde_json::to_string(&percent).unwrap();
        prop_assert_eq!(serde_json::from_str::<Percent>(&json).unwrap(), percent);
        prop_assert_eq!(json, percent.to_string());
    }

    /// Versions are ordered by their numbers, and what is marked comes before what it leads to.
    #[test]
    fn versions_are_ordered_by_number(one: (u16, u16, u16), other: (u16, u16, u16)) {
        let read = |(a, b, c): (u16, u16, u16)| Version::parse(&format!("{a}.{b}.{c}")).unwrap();
        prop_assert_eq!(read(one).cmp(&read(other)), one.cmp(&other));
        let marked = Version::parse(&format!("{}.{}.{}-rc.1", one.0, one.1, one.2)).unwrap();
        prop_assert!(marked < read(one));
    }
}

/// Published, so that another program can deal the same: changing it would move everybody.
#[test]
fn buckets_never_move() {
    let buckets = [("new_checkout", "user-1"), ("new_checkout", "user-2"), ("other", "user-1"), ("", "")];
    assert_eq!(buckets.map(|(flag, person)| bucket(flag, person)), BUCKETS);
}

const BUCKETS: [u64; 4] = [45_744, 60_439, 9_913, 83_192];

#[test]
fn conditions_compare() {
    let person = Person::of(
        "u-1",
        json!({ "country": "DE", "age": 30, "beta": true, "version": "2.10.0", "teams": ["ops", "sales"], "nothing": null }),
    );
    for (condition, holds) in [
        (one("country", Op::In, json!(["AT", "DE"])), true),
        (one("country", Op::In, json!(["de"])), false),
        (one("country", Op::StartsWith, json!(["D"])), true),
        (one("country", Op::EndsWith, json!(["D"])), false),
        (one("country", Op::Contains, json!(["x", "E"])), true),
        (one("country", Op::Less, json!([3])), false),
        (one("age", Op::In, json!([30.0])), true),
        (one("age", Op::In, json!(["30"])), false),
        (one("age", Op::AtLeast, json!([30])), true),
        (one("age", Op::Greater, json!([30])), false),
        (one("age", Op::AtMost, json!([29.5])), false),
        (one("age", Op::Less, json!([30.5])), true),
        (one("beta", Op::In, json!([true])), true),
        (one("beta", Op::Contains, json!(["t"])), false),
        (one("version", Op::VersionAtLeast, json!(["2.9.0"])), true),
        (one("version", Op::VersionLess, json!(["2.10.0-rc.1"])), false),
        (one("country", Op::VersionAtLeast, json!(["0.0.1"])), false),
        (one("teams", Op::In, json!(["sales"])), true),
        (one("teams", Op::In, json!(["hr"])), false),
        (one("teams", Op::Known, json!([])), true),
        (one("nothing", Op::Known, json!([])), false),
        (one("missing", Op::Known, json!([])), false),
        (one("targetingKey", Op::StartsWith, json!(["u-"])), true),
        (one("@plan", Op::In, json!(["pro", "team"])), true),
        (one("@plan", Op::In, json!(["free"])), false),
        (one("@country", Op::Known, json!([])), false),
    ] {
        for not in [false, true] {
            let condition = Condition { not, ..condition.clone() };
            let flag = flag("f", vec![rule(vec![condition.clone()], vec![share("a", 100_000)])]);
            assert_eq!(served(&flag, &person) == "a", holds != not, "{condition:?}");
        }
    }
}

#[test]
fn a_rule_is_heeded_in_its_time_only_and_a_key_is_needed_only_to_deal() {
    let timed = Rule { from: Some(now()), ..rule(vec![], vec![share("a", 100_000)]) };
    let nobody = Person { key: None, context: Map::new(), plan: "" };
    let timed_flag = flag("f", vec![timed.clone()]);
    assert_eq!(served(&timed_flag, &nobody), "a");
    let until = Rule { from: None, until: Some(now()), ..timed };
    let dealt = flag("f", vec![until.clone(), rule(vec![], vec![share("b", 0)])]);
    assert_eq!(served(&dealt, &nobody), "c", "over, and dealt to nobody");
    let dealt = flag("f", vec![rule(vec![], vec![share("b", 1)])]);
    assert_eq!(dealt.evaluate(&nobody, now()), Outcome::KeyMissing);
    let mut off = dealt;
    off.flag.enabled = false;
    assert_eq!(off.evaluate(&nobody, now()), Outcome::Off("c"));
}

#[test]
fn faults_are_told_with_their_places() {
    let good = rule(vec![one("@plan", Op::In, json!(["pro"]))], vec![share("a", 50_000), share("b", 50_000)]);
    check("new.checkout-2", &definition(vec![good.clone()])).unwrap();
    let wrong = |change: fn(&mut Definition)| {
        let mut wrong = definition(vec![good.clone()]);
        change(&mut wrong);
        let error = check("f", &wrong).unwrap_err();
        assert_eq!(error.code, "flag_invalid");
        error.fields.into_iter().map(|field| field.pointer).collect::<Vec<_>>()
    };
    assert_eq!(wrong(|flag| flag.name.clear()), ["/name"]);
    assert_eq!(wrong(|flag| flag.off = "d".into()), ["/off"]);
    assert_eq!(wrong(|flag| flag.default = Some("d".into())), ["/default"]);
    assert_eq!(wrong(|flag| drop(flag.variants.insert("d".into(), json!(1)))), ["/variants/d"]);
    assert_eq!(wrong(|flag| flag.rules[0].serve[0].variant = "d".into()), ["/rules/0/serve/0/variant"]);
    assert_eq!(wrong(|flag| flag.rules[0].serve[0].percent = Percent::ALL), ["/rules/0/serve"]);
    assert_eq!(wrong(|flag| flag.rules[0].serve.clear()), ["/rules/0/serve"]);
    assert_eq!(wrong(|flag| flag.rules[0].when[0].attribute = "@size".into()), ["/rules/0/when/0/attribute"]);
    assert_eq!(wrong(|flag| flag.rules[0].when[0].values.clear()), ["/rules/0/when/0/values"]);
    assert_eq!(wrong(|flag| flag.rules[0].when[0].values[0] = json!({})), ["/rules/0/when/0/values/0"]);
    assert_eq!(
        wrong(|flag| flag.rules[0].when[0].is = Op::Known),
        ["/rules/0/when/0/values", "/rules/0/when/0/values/0"]
    );
    assert_eq!(
        wrong(|flag| flag.rules = vec![Rule::default(); 51]).first().map(String::as_str),
        Some("/rules")
    );
    for key in ["", "a b", "ä", &"k".repeat(101)] {
        assert_eq!(check(key, &definition(vec![])).unwrap_err().code, "flag_key_malformed");
    }
    let mut long = definition(vec![]);
    long.variants.insert("a".into(), json!("x".repeat(200_000)));
    assert_eq!(check("f", &long).unwrap_err().fields[0].pointer, "");
}
