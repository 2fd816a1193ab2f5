//! The only SQL of double entry.

use store::{bulks, statements};

statements! {
    environment SOURCES = "SELECT meter, kind, since, began FROM meter_source WHERE env_id = $1 ORDER BY meter, kind";
    /// Whether a meter was used before: asked once, when it becomes critical.
    environment USED = "SELECT id FROM meter_series WHERE env_id = $1 AND meter = $2 AND kind = $3 AND id < $4 LIMIT 1";
    environment POSTED_AT = "SELECT t.head, t.tally, coalesce(p.hi, 0), coalesce(p.lo, 0), coalesce(p.events, 0)
        FROM meter_tally t LEFT JOIN meter_posted p ON p.env_id = t.env_id AND p.hour = t.hour AND p.series = t.series
        WHERE t.env_id = $1 AND t.hour = $2 AND t.series = $3";
    /// Every account of every critical meter, in one statement: on PostgreSQL two would see different moments.
    environment ACCOUNTS = "SELECT 'source', meter, kind, hi, lo, events FROM meter_source WHERE env_id = $1
        UNION ALL
        SELECT 'usage', s.meter, s.kind, CAST(sum(p.hi) AS bigint), CAST(sum(p.lo) AS bigint),
            CAST(sum(p.events) AS bigint)
        FROM meter_posted p JOIN meter_series s ON s.env_id = p.env_id AND s.id = p.series
        WHERE p.env_id = $1 GROUP BY s.meter, s.kind
        UNION ALL
        SELECT 'billed', meter, kind, CAST(sum(hi) AS bigint), CAST(sum(lo) AS bigint), 0
        FROM meter_settled WHERE env_id = $1 GROUP BY meter, kind";
    environment POSTED_AFTER = "SELECT subscription_id, usage_key, start_at, meter, kind, customer_id, hi, lo FROM meter_settled
        WHERE env_id = $1 AND (subscription_id, usage_key, start_at) > ($2, $3, $4)
        ORDER BY subscription_id, usage_key, start_at LIMIT $5";
    environment POSTED_OF = "SELECT subscription_id, usage_key, start_at FROM meter_settled
        WHERE env_id = $1 AND subscription_id IN_IDS($2)";
}

bulks! {
    POST = insert "meter_posted" { hour: int, series: int, hi: int, lo: int, events: int }
        "ON CONFLICT (env_id, hour, series) DO UPDATE SET hi = meter_posted.hi + excluded.hi,
            lo = meter_posted.lo + excluded.lo, events = meter_posted.events + excluded.events";
    DRAW = insert "meter_source" { meter: text, kind: text, since: int, began: int, hi: int, lo: int, events: int }
        "ON CONFLICT (env_id, meter, kind) DO UPDATE SET hi = meter_source.hi + excluded.hi,
            lo = meter_source.lo + excluded.lo, events = meter_source.events + excluded.events";
    SETTLE = insert "meter_settled" {
        subscription_id: uuid, usage_key: text, start_at: int, meter: text, kind: text, customer_id: uuid, hi: int, lo: int,
    } "ON CONFLICT (env_id, subscription_id, usage_key, start_at) DO UPDATE SET meter = excluded.meter, kind = excluded.kind,
            hi = excluded.hi, lo = excluded.lo";
}
