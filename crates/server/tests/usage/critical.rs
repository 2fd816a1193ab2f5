//! A critical meter's lines are posted, and one that was not is named.

use billing::subscription;
use kernel::Cycle;
use server::CONTEXTS;
use store::{params, statements};
use testkit::on_both;

use crate::{BOOK, Ground};

statements! {
    environment LOSE = "DELETE FROM meter_billed WHERE env_id = $1";
}

#[test]
fn a_line_that_was_never_posted_is_named() {
    on_both(CONTEXTS, |test| {
        let book = BOOK.replace(r#"unit = "call","#, r#"unit = "call", critical = true,"#);
        let ground = Ground::on(test, &book, |acme| subscription::Start::of(acme, "metered", Cycle::MONTH));
        ground.send("1", "acme", "2026-01-01T00:00:00Z", "eu");
        ground.advance("2026-02-02T00:00:00Z");
        let named = || {
            let proof = server::reconcile(&test.db, &ground.scope, 90).unwrap().proof;
            proof.named.into_iter().map(|one| (one.code, one.found)).collect::<Vec<_>>()
        };
        assert_eq!(named(), []);
        // The meter was critical before it was ever used, and of the invoice nothing at all is posted.
        test.db.usage().write(&ground.scope, |tx| tx.exec(&LOSE, params![])).wait().unwrap();
        assert_eq!(named(), [("billed_differs", "nothing posted".to_owned())]);
    });
}
