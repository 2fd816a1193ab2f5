//! One good request for each route.

use serde_json::{Value as Json, json};

use crate::api::{BOOK, Known};

/// A request that succeeds in a fresh house.
pub struct Sample {
    /// The id in its path, if there is one.
    pub id: Option<String>,
    /// The key in its path, if there is one.
    pub key: &'static str,
    /// Its query, with the question mark.
    pub query: &'static str,
    pub body: Option<Json>,
    pub status: u16,
}

impl Sample {
    const fn get() -> Self {
        Self { id: None, key: "", query: "", body: None, status: 200 }
    }

    pub fn path(&self, template: &str) -> String {
        let path = template.replace("{id}", self.id.as_deref().unwrap_or_default());
        path.replace("{key}", self.key) + self.query
    }
}

/// The sample of a route.
pub fn sample(name: &str, known: &Known) -> Sample {
    let show = |id: &dyn ToString| Sample { id: Some(id.to_string()), ..Sample::get() };
    let send = |status: u16, body: Json| Sample { body: Some(body), status, ..Sample::get() };
    let tell = |id: &dyn ToString, body: Json| Sample { body: Some(body), ..show(id) };
    match name {
        "environment_show"
        | "legal_entity_list"
        | "customer_list"
        | "price_book_in_force"
        | "price_book_versions"
        | "subscription_list"
        | "invoice_list"
        | "ledger_trial_balance"
        | "ledger_accounts"
        | "ledger_transactions"
        | "ledger_chart"
        | "fact_list"
        | "alert_list"
        | "advice_plans"
        | "advice_team_plans"
        | "alert_jumps"
        | "event_rejected"
        | "job_list"
        | "sandbox_clock" => Sample::get(),
        "customer_show" | "customer_credit" | "customer_may_try" => show(&known.customer),
        "price_book_version" | "price_book_source" => show(&known.book),
        "subscription_show" | "subscription_invoices" => show(&known.subscription),
        "invoice_show" | "invoice_ledger" | "invoice_credit_notes" => show(&known.invoice),
        "credit_note_show" => show(&known.credit_note.unwrap()),
        "ledger_statement" => show(&known.account),
        "job_show" => show(&known.job),
        "customer_links" | "advice_show" | "advice_prompts" => show(&known.customer),
        "customer_make_link" => Sample { status: 201, ..tell(&known.customer, json!({ "days": 3 })) },
        "customer_revoke_link" => tell(&known.link, json!({})),
        "customer_erase" => tell(&known.customer, json!({})),
        "invoice_void" | "invoice_uncollectible" => tell(&known.issued, json!({ "reason": "duplicate" })),
        "customer_preview_credit" | "customer_apply_credit" => {
            tell(&known.customer, json!({ "invoices": [known.issued] }))
        }
        "payment_list" => Sample::get(),
        "payment_show" | "payment_ledger" => show(&known.payment.unwrap()),
        "payment_of_invoice" => show(&known.issued),
        "payment_record" => send(201, payment(known)),
        "payment_reverse" => tell(&known.payment.unwrap(), json!({})),
        "invoice_finalize" => tell(&known.invoice, json!({})),
        "subscription_preview_change" | "subscription_change" => {
            tell(&known.running, json!({ "plan": "professional", "addons": { "extra_user": 2 } }))
        }
        "subscription_cancel" | "subscription_preview_cancel" => tell(
            &known.running,
            json!({ "timing": "period_end", "reason": "too_expensive", "comment": "We had hoped for less." }),
        ),
        "subscription_accept_save_offer" => tell(&known.running, json!({ "reason": "too_expensive" })),
        "subscription_preview_reactivation" => tell(&known.gone, json!({})),
        "subscription_reactivate" => Sample { status: 201, ..tell(&known.gone, json!({})) },
        "subscription_renewal_offers" => show(&known.ending),
        "subscription_preview_renewal" => {
            tell(&known.running, json!({ "coupon": "five", "term": { "months": 12, "renews": true } }))
        }
        "subscription_offer_renewal" => Sample {
            status: 201,
            ..tell(&known.running, json!({ "cycle": "year", "prices": { "starter": { "amount": "500" } } }))
        },
        "subscription_accept_renewal" | "subscription_decline_renewal" | "subscription_withdraw_renewal" => {
            tell(&known.ending, json!({}))
        }
        "subscription_cancellations" => Sample::get(),
        "subscription_cancellation_counts" => Sample { query: "?from=2026-01-01T00:00:00Z", ..Sample::get() },
        "subscription_keep_on" => tell(&known.ending, json!({})),
        "subscription_pause" => tell(&known.running, json!({})),
        "subscription_resume" => tell(&known.paused, json!({})),
        "subscription_convert" | "subscription_suspend" => tell(&known.trying, json!({})),
        "subscription_extend_trial" => tell(&known.trying, json!({ "days": 7 })),
        "subscription_reinstate" => tell(&known.suspended, json!({})),
        "subscription_set_payment_method" => tell(&known.trying, json!({ "on_file": true })),
        "ledger_set_chart" => {
            let entry = json!({ "account": "receivable", "code": "1400", "name": "Trade receivables" });
            send(200, json!({ "accounts": [entry] }))
        }
        "coupon_list" | "bill_run_list" => Sample::get(),
        "coupon_redemptions" => Sample { key: "spring", ..Sample::get() },
        "coupon_redeem" => tell(&known.running, json!({ "coupon": "five" })),
        "coupon_take_away" => Sample { key: "spring", ..tell(&known.measured, json!({})) },
        "coupon_comp" => tell(&known.running, json!({ "until": "2026-06-01" })),
        "charge_list" => show(&known.running),
        "charge_preview" => tell(&known.running, json!({ "key": "setup", "quantity": 2, "bill": "now" })),
        "charge_add" => Sample { status: 201, ..tell(&known.running, json!({ "key": "setup" })) },
        "charge_remove" => Sample { key: "0", ..tell(&known.suspended, json!({})) },
        "migration_preview" => send(200, json!({ "plans": ["starter"] })),
        "migration_request" => send(202, json!({ "plan_map": { "starter": "professional" } })),
        "bill_run_show" | "bill_run_invoices" => show(&known.bill_run.unwrap()),
        "bill_run_forecast" => Sample { query: "?until=2026-04-01T00:00:00Z", ..Sample::get() },
        "reconcile_request" => send(202, json!({})),
        "bill_run_request" => send(202, json!({})),
        "event_ingest" => send(200, event("sample")),
        "event_void" => send(200, json!({ "source": "test", "id": "known" })),
        "event_correct" => send(
            200,
            json!({ "source": "test", "id": "known", "type": "calls", "subject": "measured", "data": { "more": 1 } }),
        ),
        "limit_check" => send(200, json!({ "meter": "calls", "subject": "measured" })),
        "limit_consume" => send(200, json!({ "meter": "calls", "subject": "measured", "id": "consumed" })),
        "limit_reserve" => send(200, json!({ "meter": "calls", "subject": "measured", "id": "reserved" })),
        "rate_limit_take" => send(200, json!({ "subject": "measured", "key": "k1" })),
        "limit_commit" | "limit_release" => tell(&known.hold.unwrap(), json!({})),
        "limit_list" => show(&known.customer),
        "feature_list" => show(&known.customer),
        "feature_show" => Sample { key: "inventory", ..show(&known.customer) },
        "feature_tier" => Sample { key: "starter", ..show(&known.customer) },
        "overrides_list" => show(&known.customer),
        "overrides_set" => Sample { key: "inventory", ..tell(&known.customer, json!({ "value": true })) },
        "overrides_remove" => Sample { key: "work_orders", ..tell(&known.customer, json!({})) },
        "flag_list" => Sample::get(),
        "flag_create" => send(201, json!({ "key": "sample", "flag": flag() })),
        "flag_show" | "flag_versions" => Sample { key: "beta", ..Sample::get() },
        "flag_save" => Sample { key: "beta", ..send(200, json!({ "version": 1, "flag": flag() })) },
        "flag_remove" => Sample { key: "beta", ..send(200, json!({ "version": 1 })) },
        "flag_switch" => Sample { key: "beta", ..send(200, json!({ "enabled": false })) },
        "flag_serve" => {
            Sample { key: "beta", ..send(200, json!({ "context": { "targetingKey": "ext:first" } })) }
        }
        "meter_list" => Sample::get(),
        "meter_usage" | "meter_events" => {
            Sample { key: "calls", query: "?subscription=ext:measured", ..Sample::get() }
        }
        "meter_behind" => Sample { key: "1", ..show(&known.metered.unwrap()) },
        "usage_show" => show(&known.measured),
        "usage_put" => Sample { key: "calls", ..tell(&known.measured, json!({ "quantity": "5200" })) },
        "legal_entity_change" => {
            tell(&known.entity, json!({ "tax_id": "12-3456789", "registrations": ["US-NY", "OSS"] }))
        }
        "customer_change" => tell(&known.customer, json!({ "tax_id": "DE123456789", "email": null })),
        "legal_entity_add" => send(
            201,
            json!({
                "name": "Unison GmbH", "country": "DE", "currency": "EUR", "zone": "Europe/Berlin", "series": "DE1",
            }),
        ),
        "customer_create" => send(
            201,
            json!({
                "name": "Meyer Maschinenbau", "country": "DE", "currency": "USD", "external_id": "meyer",
            }),
        ),
        "price_book_apply" => send(201, json!({ "source": BOOK.replace("\"49\"", "\"59\"") })),
        "price_book_check" => send(200, json!({ "source": BOOK })),
        "subscription_preview" => send(200, subscription(known)),
        "subscription_start" => send(201, subscription(known)),
        "sandbox_advance" => send(202, json!({ "to": "2026-02-15T12:00:00Z" })),
        _ => panic!("the route {name} has no sample in tests/it/samples.rs"),
    }
}

/// A flag for half of the customers in Germany.
pub fn flag() -> Json {
    json!({
        "name": "Sample", "kind": "boolean", "variants": { "on": true, "off": false }, "default": "off", "off": "off",
        "rules": [{
            "when": [{ "attribute": "@country", "is": "in", "values": ["DE"] }],
            "serve": [{ "variant": "on", "percent": 50 }],
        }],
    })
}

/// A call of the subscription `measured`.
pub fn event(id: &str) -> Json {
    json!({ "specversion": "1.0", "id": id, "source": "test", "type": "calls", "subject": "measured" })
}

/// Fields of a route's body that need its second permission, with the place a refusal names.
pub fn guarded(name: &str) -> Vec<(&'static str, Json, &'static str)> {
    let prices = json!({ "starter": { "amount": "39" } });
    let later = json!({ "on": "2026-06-01", "change": { "prices": prices } });
    match name {
        "subscription_start" => vec![
            ("agreement", json!({ "prices": prices }), "/agreement"),
            ("agreement", json!({ "minimum": "100" }), "/agreement"),
            ("term", json!({ "months": 12, "renews": true }), "/term"),
            ("ramp", json!([{ "on": "2026-03-01", "change": {} }, later]), "/ramp/1/change/prices"),
            ("charges", json!([{ "key": "setup" }, { "key": "setup", "amount": "1" }]), "/charges/1/amount"),
        ],
        "subscription_change" => vec![("prices", json!({ "professional": { "amount": "150" } }), "/prices")],
        "charge_add" => vec![("amount", json!("100"), "/amount")],
        _ => panic!("the guarded fields of the route {name} are not in tests/it/samples.rs"),
    }
}

pub fn payment(known: &Known) -> Json {
    json!({
        "customer": known.customer, "amount": "20.00", "currency": "USD", "method": "transfer",
        "received": "2026-01-15", "reference": "T-77", "invoices": [known.issued],
    })
}

pub fn subscription(known: &Known) -> Json {
    json!({ "customer": known.customer, "plan": "starter", "cycle": "month" })
}
