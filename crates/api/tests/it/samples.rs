//! One good request for each route.

use serde_json::{Value as Json, json};

use crate::api::{BOOK, Known};

/// A request that succeeds in a fresh house.
pub struct Sample {
    /// The id in its path, if there is one.
    pub id: Option<String>,
    pub body: Option<Json>,
    pub status: u16,
}

impl Sample {
    pub fn path(&self, template: &str) -> String {
        template.replace("{id}", self.id.as_deref().unwrap_or_default())
    }
}

/// The sample of a route.
pub fn sample(name: &str, known: &Known) -> Sample {
    let show = |id: &dyn ToString| Sample { id: Some(id.to_string()), body: None, status: 200 };
    let send = |status: u16, body: Json| Sample { id: None, body: Some(body), status };
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
        | "fact_list"
        | "job_list"
        | "sandbox_clock" => Sample { id: None, body: None, status: 200 },
        "customer_show" | "customer_credit" => show(&known.customer),
        "price_book_version" | "price_book_source" => show(&known.book),
        "subscription_show" | "subscription_invoices" => show(&known.subscription),
        "invoice_show" | "invoice_ledger" | "invoice_credit_notes" => show(&known.invoice),
        "credit_note_show" => show(&known.credit_note.unwrap()),
        "ledger_statement" => show(&known.account),
        "job_show" => show(&known.job),
        "customer_erase" => tell(&known.customer, json!({})),
        "invoice_finalize" => tell(&known.invoice, json!({})),
        "subscription_preview_change" | "subscription_change" => {
            tell(&known.running, json!({ "plan": "professional", "addons": { "extra_user": 2 } }))
        }
        "subscription_cancel" => tell(&known.running, json!({ "timing": "period_end" })),
        "subscription_keep_on" => tell(&known.ending, json!({})),
        "subscription_pause" => tell(&known.running, json!({})),
        "subscription_resume" => tell(&known.paused, json!({})),
        "subscription_convert" | "subscription_suspend" => tell(&known.trying, json!({})),
        "subscription_extend_trial" => tell(&known.trying, json!({ "days": 7 })),
        "subscription_reinstate" => tell(&known.suspended, json!({})),
        "subscription_set_payment_method" => tell(&known.trying, json!({ "on_file": true })),
        "legal_entity_change" => {
            tell(&known.entity, json!({ "tax_id": "DE123456789", "registrations": ["DE", "OSS"] }))
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

pub fn subscription(known: &Known) -> Json {
    json!({ "customer": known.customer, "plan": "starter", "cycle": "month" })
}
