//! Every code a problem may carry, with its status and meaning. `docs/api-errors.md` is made of this
//! table, and a test keeps it complete over the sources of the crates below the API.

/// A code of problems.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// What programs compare.
    pub code: &'static str,
    /// The HTTP status it comes with.
    pub status: u16,
    /// What it means.
    pub meaning: &'static str,
}

const fn code(code: &'static str, status: u16, meaning: &'static str) -> Code {
    Code { code, status, meaning }
}

/// Every code, by name. A code is only ever added.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    code("addon_not_for_plan", 422, "The add-on cannot be bought with this plan."),
    code("addon_one_off", 422, "The add-on is charged once and is no part of a subscription."),
    code("addon_unknown", 422, "There is no add-on with this key in the price book."),
    code("already_erased", 409, "The personal data of the customer was erased before."),
    code("amount_malformed", 422, "The text is not an amount in its currency."),
    code("amount_out_of_range", 422, "An amount is beyond 10^15 minor units."),
    code("anchor_day_invalid", 422, "Periods cannot begin on this day."),
    code("body_incomplete", 400, "The body ended before its announced length."),
    code("body_invalid", 422, "The body is JSON and says something else than this operation reads; `errors` says where."),
    code("body_malformed", 400, "The body is not UTF-8 or not JSON, or is nested too deeply; the detail says where."),
    code("body_too_large", 413, "The body is larger than 1 MiB."),
    code("book_invalid", 422, "The price book has mistakes; `errors` lists them with line and column. Nothing was applied."),
    code("clock_advancing", 409, "The sandbox clock is being moved; changes are taken again when it stands still."),
    code("clock_backwards", 422, "A sandbox clock only moves forward."),
    code("clock_is_live", 409, "A live environment runs on real time; only a sandbox has a clock."),
    code("concurrent_change", 409, "Somebody else changed the same thing at the same moment. Try again."),
    code("content_type_wrong", 400, "A body must come as `application/json`."),
    code("country_unknown", 422, "Not a country code of ISO 3166-1 alpha-2."),
    code("currency_mismatch", 422, "Amounts of different currencies do not add up."),
    code("currency_unknown", 422, "Not a currency code of ISO 4217 in capitals."),
    code("cursor_malformed", 422, "`after` is not the `next` of a page of this list."),
    code("cycle_malformed", 422, "Not a billing cycle."),
    code("database_away", 503, "The database cannot be reached. Try again."),
    code("database_busy", 503, "The database is kept busy by something else. Try again."),
    code("email_malformed", 422, "Not an e-mail address."),
    code("external_id_malformed", 422, "An external id has 1 to 100 visible ASCII characters without slashes."),
    code("external_id_taken", 409, "Another thing of the same kind has this external id."),
    code("facts_broken", 409, "The chain of facts does not verify."),
    code("id_malformed", 422, "Not an id of the kind this place takes."),
    code("idempotency_key_malformed", 400, "An `Idempotency-Key` has 1 to 255 visible ASCII characters."),
    code("idempotency_key_reused", 409, "This `Idempotency-Key` came with another request before."),
    code("internal", 500, "A fault of ours. Tell us the request id."),
    code("invoice_is_draft", 409, "An invoice of the subscription is still a draft; finalize it first."),
    code("invoice_not_draft", 409, "Only a draft can be finalized."),
    code("key_missing", 401, "There is no API key in `Authorization: Bearer …`."),
    code("key_unknown", 401, "The API key is not known here, or was revoked."),
    code("legal_entity_unknown", 422, "There is no such legal entity in this environment."),
    code("limit_out_of_range", 422, "`limit` is beyond what this list gives at once."),
    code("metadata_invalid", 422, "Metadata is an object of up to 50 texts, keys of up to 40 and values of up to 500 characters."),
    code("method_not_allowed", 405, "The path does not answer to this method; `Allow` names those it does."),
    code("no_legal_entity", 409, "The environment has no legal entity to issue documents yet."),
    code("no_price_book", 409, "The environment has no price book yet."),
    code("not_found", 404, "There is no such thing in this environment."),
    code("nothing_changes", 409, "The thing already is what the request would make of it."),
    code("nothing_scheduled", 409, "The subscription has no scheduled change or end to take back."),
    code("number_malformed", 422, "The text is not a number."),
    code("outcome_unknown", 503, "The connection broke during the commit. Repeat with the same `Idempotency-Key`."),
    code("path_malformed", 422, "The path has an escape in it that is not UTF-8."),
    code("path_unknown", 404, "There is nothing at this path."),
    code("permission_missing", 403, "The key lacks the permission named."),
    code("permission_unknown", 422, "There is no such permission."),
    code("plan_unknown", 422, "There is no plan with this key in the price book."),
    code("price_malformed", 422, "The text is not a unit price."),
    code("price_missing", 422, "The price book has no price for this plan or add-on in this cycle and currency."),
    code("price_out_of_range", 422, "A unit price is beyond its range."),
    code("quantity_invalid", 422, "The price does not take this quantity."),
    code("quantity_malformed", 422, "The text is not a quantity."),
    code("quantity_out_of_range", 422, "A quantity is beyond its range."),
    code("query_invalid", 422, "The query has a name or value this operation does not read."),
    code("rate_malformed", 422, "The text is not a rate."),
    code("rate_out_of_range", 422, "A rate is beyond its range."),
    code("reason_malformed", 422, "`Steelyard-Reason` is a code of up to 64 lower-case letters, digits and underscores."),
    code("renewal_pending", 503, "The subscription is due and about to be renewed. Try again."),
    code("series_malformed", 422, "A number series is 1 to 10 capitals or digits."),
    code("series_taken", 409, "Another legal entity numbers its documents so."),
    code("start_in_future", 422, "A subscription cannot start later than now."),
    code("storage_full", 503, "The disk of the database is full."),
    code("store_closed", 503, "The program is shutting down. Try again."),
    code("text_invalid", 422, "A text is empty, too long, or has control characters."),
    code("time_malformed", 422, "Not an instant of RFC 3339 with its offset, or not a date."),
    code("time_out_of_range", 422, "A time is outside the years 1970 to 2999."),
    code("too_busy", 503, "More requests are waiting than can be served in good time. Try again."),
    code("transition_illegal", 409, "The state of the thing does not allow this; the detail names what it allows."),
    code("window_malformed", 422, "Not a window of a limit."),
    code("zone_unknown", 422, "Not a time zone of the IANA database."),
];
