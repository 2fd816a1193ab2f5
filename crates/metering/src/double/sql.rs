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
        FROM meter_billed WHERE env_id = $1 GROUP BY meter, kind";
    environment MOVED = "SELECT CAST(coalesce(sum(hi), 0) AS bigint), CAST(coalesce(sum(lo), 0) AS bigint)
        FROM meter_billed
        WHERE env_id = $1 AND subscription_id = $2 AND usage_key = $3 AND start_at = $4 AND part = $5";
    environment MOVE = "INSERT INTO meter_billed (env_id, invoice_id, ordinal, undone, meter, kind, customer_id,
            subscription_id, usage_key, start_at, part, measured, hi, lo)
        VALUES ($1, $2, $3, FALSE, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (env_id, invoice_id, ordinal, undone) DO NOTHING";
    environment UNDO = "INSERT INTO meter_billed (env_id, invoice_id, ordinal, undone, meter, kind, customer_id,
            subscription_id, usage_key, start_at, part, measured, hi, lo)
        SELECT env_id, invoice_id, ordinal, TRUE, meter, kind, customer_id, subscription_id, usage_key, start_at, part,
            measured, -hi, -lo
        FROM meter_billed WHERE env_id = $1 AND invoice_id = $2 AND NOT undone
        ON CONFLICT (env_id, invoice_id, ordinal, undone) DO NOTHING";
    environment MOVED_OF = "SELECT invoice_id, ordinal FROM meter_billed
        WHERE env_id = $1 AND invoice_id IN_IDS($2) AND NOT undone";
    environment MOVED_AFTER = "SELECT invoice_id, ordinal, meter, customer_id, measured FROM meter_billed
        WHERE env_id = $1 AND (invoice_id, ordinal) > ($2, $3) AND NOT undone
        ORDER BY invoice_id, ordinal LIMIT $4";
}

bulks! {
    POST = insert "meter_posted" { hour: int, series: int, hi: int, lo: int, events: int }
        "ON CONFLICT (env_id, hour, series) DO UPDATE SET hi = meter_posted.hi + excluded.hi,
            lo = meter_posted.lo + excluded.lo, events = meter_posted.events + excluded.events";
    DRAW = insert "meter_source" { meter: text, kind: text, since: int, began: int, hi: int, lo: int, events: int }
        "ON CONFLICT (env_id, meter, kind) DO UPDATE SET hi = meter_source.hi + excluded.hi,
            lo = meter_source.lo + excluded.lo, events = meter_source.events + excluded.events";
}
