//! Flags as they are stored, and together with features.

use entitlements::{Context, Metered, Source, Whom, flag, override_};
use serde_json::json;
use testkit::on_both;

use crate::ground::{CONTEXTS, Ground, boolean, on_for};

#[test]
fn the_last_writer_has_seen_the_version_before() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let made = ground.write(|tx| flag::create(tx, "beta", true, &boolean(Some("off"), vec![])));
        assert_eq!((made.version, made.enabled), (1, true));
        assert_eq!(
            ground.refused(|tx| flag::create(tx, "beta", true, &boolean(Some("off"), vec![]))),
            "flag_key_taken"
        );
        let everybody = || boolean(Some("on"), vec![]);
        let saved = ground.write(move |tx| flag::save(tx, "beta", 1, true, &everybody()));
        assert_eq!(saved.version, 2);
        assert_eq!(
            ground.refused(move |tx| flag::save(tx, "beta", 1, true, &everybody())),
            "flag_changed_meanwhile"
        );
        // What changes nothing makes no version.
        assert_eq!(ground.write(move |tx| flag::save(tx, "beta", 2, true, &everybody())).version, 2);
        assert_eq!(ground.write(|tx| flag::switch(tx, "beta", false)).version, 3);
        assert_eq!(ground.write(|tx| flag::switch(tx, "beta", false)).version, 3);
        let mut text = everybody();
        text.kind = flag::Kind::String;
        text.variants.values_mut().for_each(|value| *value = json!("x"));
        assert_eq!(ground.refused(move |tx| flag::save(tx, "beta", 3, true, &text)), "flag_kind_fixed");
        let history =
            test.db.read(&ground.scope, move |view| flag::history(view, made.id, 10)).wait().unwrap();
        let told: Vec<_> = history.iter().map(|one| (one.version, one.enabled, one.actor.as_str())).collect();
        assert_eq!(told, [(3, false, "command_line"), (2, true, "command_line"), (1, true, "command_line")]);
        assert_eq!(ground.refused(|tx| flag::archive(tx, "beta", 2)), "flag_changed_meanwhile");
        ground.write(|tx| flag::archive(tx, "beta", 3));
        assert_eq!(ground.refused(|tx| flag::switch(tx, "beta", true)), "not_found");
        let facts = ground.facts();
        let told: Vec<&str> =
            facts.iter().map(String::as_str).filter(|kind| kind.starts_with("flag.")).collect();
        assert_eq!(told, ["flag.created", "flag.changed", "flag.switched_off", "flag.removed"]);
    });
}

#[test]
fn of_two_who_change_a_flag_at_once_one_is_told() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        ground.write(|tx| flag::create(tx, "beta", true, &boolean(Some("off"), vec![])));
        let other = test.second_process(CONTEXTS);
        let save = |db: &store::Db, percent: &str| {
            let rules = vec![on_for("@country", json!(["DE"]), percent)];
            let wanted = boolean(Some("off"), rules);
            db.write(&ground.scope, move |tx| flag::save(tx, "beta", 1, true, &wanted))
        };
        let (one, two) = (save(&test.db, "10"), save(&other, "20"));
        let ended = [one.wait().map(|flag| flag.version), two.wait().map(|flag| flag.version)];
        assert_eq!(ended.iter().filter(|one| **one == Ok(2)).count(), 1, "{ended:?}");
        let refused = ended.iter().find_map(|one| one.as_ref().err()).unwrap();
        assert_eq!(refused.code, "flag_changed_meanwhile");
    });
}

#[test]
fn a_flag_called_like_a_feature_decides_about_it() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme;
        // Germans have it; what the plan says holds for others.
        let rules = vec![on_for("@country", json!(["DE"]), "100")];
        ground.write(move |tx| flag::create(tx, "export", true, &boolean(None, rules.clone())));
        assert_eq!(ground.says("export"), "flag Yes");
        let austria = vec![on_for("@country", json!(["AT"]), "100")];
        ground.write(move |tx| flag::save(tx, "export", 1, true, &boolean(None, austria.clone())));
        assert_eq!(ground.says("export"), "not_included None");
        ground.write(move |tx| override_::set(tx, acme, "export", &json!(true), None, None));
        assert_eq!(ground.says("export"), "override Yes");
        ground.write(|tx| flag::switch(tx, "export", false));
        assert_eq!(ground.says("export"), "switched_off None");
    });
}

#[test]
fn rules_ask_for_plans_features_and_customers() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme.to_string();
        let asked = [
            ("@plan", json!(["free"]), true),
            ("@plan", json!(["team"]), false),
            ("@feature", json!(["chat"]), true),
            ("@feature", json!(["export"]), false),
            ("@feature", json!(["export", "storage"]), true),
            ("@customer", json!([acme]), true),
            ("@external_id", json!(["acme"]), true),
            ("@country", json!(["DE"]), true),
            ("@currency", json!(["EUR"]), false),
            ("team", json!(["ops"]), true),
        ];
        let mut context = Context { targeting_key: Some("ext:acme".into()), ..Context::default() };
        context.attributes.insert("team".into(), "ops".into());
        for (number, (attribute, values, holds)) in asked.into_iter().enumerate() {
            let (key, wanted) =
                (format!("f{number}"), boolean(Some("off"), vec![on_for(attribute, values, "100")]));
            let name = key.clone();
            ground.write(move |tx| flag::create(tx, &name, true, &wanted));
            let served =
                ground.seen(&ground.desk, &Whom::parse("ext:acme")).served(&key, &context).unwrap().unwrap();
            assert_eq!(served.value, json!(holds), "{attribute}");
        }
    });
}

/// A customer is dealt the same by either of its ids; anybody else by what was sent.
#[test]
fn buckets_are_those_of_the_customer() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let bucket = flag::bucket("beta", &ground.acme.to_string());
        let (inside, outside) = (bucket + 1, bucket);
        for (thousandths, value) in [(inside, true), (outside, false)] {
            let percent = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
            let mut rule = on_for("@country", json!(["DE"]), &percent);
            rule.when.clear();
            let version =
                ground.seen(&ground.desk, &Whom::Anybody).flags.get("beta").map(|flag| flag.flag.version);
            let wanted = boolean(Some("off"), vec![rule]);
            match version {
                None => ground.write(move |tx| flag::create(tx, "beta", true, &wanted)),
                Some(seen) => ground.write(move |tx| flag::save(tx, "beta", seen, true, &wanted)),
            };
            for name in [ground.acme.to_string(), "ext:acme".to_owned()] {
                let context = Context { targeting_key: Some(name.clone()), ..Context::default() };
                let sight = ground.seen(&ground.desk, &Whom::parse(&name));
                let served = sight.served("beta", &context).unwrap().unwrap();
                assert_eq!(served.value, json!(value), "{name}");
                assert!(matches!(served.source, Source::Flag { split, .. } if split == value));
            }
        }
        let nobody = ground.seen(&ground.desk, &Whom::Anybody).served("beta", &Context::default()).unwrap();
        assert!(nobody.is_err(), "there is nothing to deal by");
    });
}

/// What metering is told is what the feature says.
#[test]
fn a_flag_called_like_a_meter_withholds_it() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme;
        let withheld = || {
            let told = ground.test.db.read(&ground.scope, move |view| Metered::read(view)?.of(view, &[acme]));
            let told = &told.wait().unwrap()[&acme];
            (told.withheld.contains("runs"), told.amounts.get("runs").copied())
        };
        let mut germans = on_for("@country", json!(["DE"]), "100");
        germans.serve[0].variant = "off".into();
        ground.write(move |tx| flag::create(tx, "runs", true, &boolean(None, vec![germans.clone()])));
        assert_eq!((ground.says("runs").as_str(), withheld()), ("flag None", (true, None)));
        ground.write(move |tx| override_::set(tx, acme, "runs", &json!(7), None, None));
        assert_eq!((ground.says("runs").as_str(), withheld()), ("override UpTo(7)", (false, Some(Some(7)))));
        ground.write(|tx| flag::switch(tx, "runs", false));
        assert_eq!((ground.says("runs").as_str(), withheld()), ("switched_off None", (true, Some(Some(7)))));
        let austrians = vec![on_for("@country", json!(["AT"]), "100")];
        ground.write(move |tx| flag::save(tx, "runs", 2, true, &boolean(None, austrians.clone())));
        assert_eq!((ground.says("runs").as_str(), withheld()), ("override UpTo(7)", (false, Some(Some(7)))));
    });
}
