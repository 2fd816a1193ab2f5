//! What is kept in memory is never older than what was acknowledged.

use billing::subscription;
use entitlements::{Context, Whom, flag, override_};
use identity::customer;
use serde_json::json;
use store::Scope;
use testkit::on_both;

use crate::ground::{CONTEXTS, Ground, boolean, new_customer};

/// Another process writes; whoever asks here afterwards is told of it.
#[test]
fn what_another_process_acknowledged_is_heeded() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let other = test.second_process(CONTEXTS);
        let (acme, id) = (ground.acme, ground.subscription);
        let whom = Whom::Customer(acme);
        let export = || {
            let sight = ground.seen(&ground.desk, &whom);
            sight.feature("export", &Context::default()).unwrap().reason.word()
        };
        for _ in 0..20 {
            assert_eq!(export(), "not_included");
            let set =
                move |tx: &mut store::Tx<'_>| override_::set(tx, acme, "export", &json!(true), None, None);
            other.write(&ground.scope, set).wait().unwrap();
            assert_eq!(export(), "override");
            other.write(&ground.scope, move |tx| subscription::suspend(tx, id)).wait().unwrap();
            assert_eq!(export(), "access_off");
            other.write(&ground.scope, move |tx| subscription::reinstate(tx, id)).wait().unwrap();
            other.write(&ground.scope, move |tx| override_::remove(tx, acme, "export")).wait().unwrap();
        }
        let made = move |tx: &mut store::Tx<'_>| flag::create(tx, "export", false, &boolean(None, vec![]));
        other.write(&ground.scope, made).wait().unwrap();
        assert_eq!(export(), "switched_off");
        other.write(&ground.scope, |tx| flag::archive(tx, "export", 1)).wait().unwrap();
        let book = crate::ground::BOOK.replace("features = [\"chat\"]", "features = [\"chat\", \"export\"]");
        let apply = move |tx: &mut store::Tx<'_>| catalog::version::apply(tx, "book.toml", &book);
        other.write(&ground.scope, apply).wait().unwrap();
        assert_eq!(export(), "not_included", "what was agreed does not change with the book");
        let nobody = ground.seen(&ground.desk, &Whom::Anybody);
        assert_eq!(nobody.feature("export", &Context::default()).unwrap().reason.word(), "default_plan");
    });
}

/// A name that led to nobody leads to a customer once there is one.
#[test]
fn a_new_customer_is_found() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let whom = Whom::External("later".into());
        assert!(ground.seen(&ground.desk, &whom).account.is_none());
        let unknown = Whom::Customer(kernel::new_id(&kernel::SystemIds));
        assert!(ground.seen(&ground.desk, &unknown).account.is_none());
        let later = ground.write(|tx| customer::create(tx, new_customer("later"))).id;
        assert_eq!(ground.seen(&ground.desk, &whom).account.map(|account| account.customer), Some(later));
    });
}

/// More happened than is read at once: everything is read anew.
#[test]
fn a_flood_of_facts_is_heeded() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        assert_eq!(ground.says("export"), "not_included None");
        let acme = ground.acme;
        ground.write(move |tx| {
            override_::set(tx, acme, "export", &json!(true), None, None)?;
            for number in 0..700 {
                customer::create(tx, new_customer(&format!("c{number}")))?;
            }
            Ok(())
        });
        assert_eq!(ground.says("export"), "override Yes");
    });
}

/// Many who ask at once share reads, and each is told what was acknowledged before it asked.
#[test]
fn those_who_ask_at_once_are_all_told() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let whom = Whom::Customer(ground.acme);
        for round in 1..=30_u64 {
            let acme = ground.acme;
            ground.write(move |tx| override_::set(tx, acme, "storage", &json!(round), None, None));
            let asks: Vec<_> = (0..64)
                .map(|_| {
                    let (desk, scope, whom) = (ground.desk.clone(), ground.scope.clone(), whom.clone());
                    runtime.spawn(async move { desk.sight(&scope, whom).await.unwrap() })
                })
                .collect();
            for ask in asks {
                let sight = runtime.block_on(ask).unwrap();
                let storage = sight.feature("storage", &Context::default()).unwrap();
                assert_eq!(format!("{:?}", storage.value), format!("UpTo({round})"));
            }
        }
    });
}

/// What another environment has is not seen, whatever is kept.
#[test]
fn environments_are_apart() {
    on_both(CONTEXTS, |test| {
        let (ours, theirs) = (Ground::new(test), Ground::new(test));
        theirs.write(|tx| flag::create(tx, "secret", true, &boolean(Some("on"), vec![])));
        assert!(theirs.seen(&ours.desk, &Whom::Anybody).flags.contains_key("secret"));
        let foreign = ours.seen(&ours.desk, &Whom::Customer(theirs.acme));
        assert!(foreign.account.is_none() && foreign.flags.is_empty());
        let outside = Scope::installation("test");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(ours.desk.sight(&outside, Whom::Anybody)).is_err());
    });
}
