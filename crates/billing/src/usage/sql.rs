//! The only SQL about figures of usage.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT f.subscription_id, f.start_at, f.key, f.figures, f.watermark, f.posted, f.late FROM usage_figure f"
    };
}

statements! {
    /// Those of the stretches that are not billed yet.
    environment OPEN = concat!(columns!(), " JOIN subscription s ON s.env_id = f.env_id AND s.id = f.subscription_id
        WHERE f.env_id = $1 AND f.subscription_id IN_IDS($2) AND (f.start_at = coalesce(s.arrears_from, s.period_start) OR f.start_at = s.usage_from)");
    /// Those of the stretches that began at an instant or later.
    environment OPEN_SINCE = concat!(columns!(), " WHERE f.env_id = $1 AND f.subscription_id IN_IDS($2) AND f.start_at >= $3");
    environment LATE = concat!(columns!(), " WHERE f.env_id = $1 AND f.subscription_id IN_IDS($2) AND f.late
        ORDER BY f.subscription_id, f.start_at, f.key");
    environment OF_STRETCH = concat!(columns!(), " WHERE f.env_id = $1 AND f.subscription_id = $2 AND f.start_at = $3 ORDER BY f.key");
    environment HISTORY = concat!(columns!(), " WHERE f.env_id = $1 AND f.subscription_id = $2 ORDER BY f.start_at DESC, f.key LIMIT $3");
    environment HISTORY_BEHIND = concat!(columns!(), " WHERE f.env_id = $1 AND f.subscription_id = $2
        AND (f.start_at < $3 OR f.start_at = $3 AND f.key > $4) ORDER BY f.start_at DESC, f.key LIMIT $5");
    /// Lines like those of invoices, over nothing.
    environment UNBILLED = "SELECT CAST(0 AS bigint), l.subscription_id, l.item, l.kind, l.key, l.dimensions, l.adjustment,
            l.description, l.start_date, l.start_at, l.end_date, l.end_at, l.quantity, l.measured, CAST(0 AS bigint),
            CAST(0 AS bigint), CAST(0 AS bigint), l.tax_category, l.explanation, s.currency, s.entity_id, s.customer_id
        FROM usage_unbilled l JOIN subscription s ON s.env_id = l.env_id AND s.id = l.subscription_id
        WHERE l.env_id = $1 AND l.subscription_id IN_IDS($2) AND l.start_at >= $3
        ORDER BY l.subscription_id, l.start_at, l.kind, l.item, l.key, l.dimensions";
    environment POST = "INSERT INTO usage_figure (env_id, subscription_id, start_at, key, figures, watermark, posted, late)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (env_id, subscription_id, start_at, key) DO UPDATE
        SET figures = excluded.figures, watermark = excluded.watermark, posted = excluded.posted, late = excluded.late";
    environment SETTLED = "UPDATE usage_figure SET late = FALSE WHERE env_id = $1 AND subscription_id IN_IDS($2) AND late";
}

bulks! {
    POST_ALL = insert "usage_figure" {
        subscription_id: uuid, start_at: instant, key: text, figures: json, watermark: text, posted: instant, late: bool,
    } "ON CONFLICT (env_id, subscription_id, start_at, key) DO UPDATE
        SET figures = excluded.figures, watermark = excluded.watermark, posted = excluded.posted, late = excluded.late";
    KEEP_UNBILLED = insert "usage_unbilled" {
        subscription_id: uuid, start_at: instant, kind: text, item: int, key: text, dimensions: text, adjustment: int,
        description: text, start_date: date, end_date: date, end_at: instant, quantity: int, measured: text,
        tax_category: text, explanation: json,
    } "ON CONFLICT (env_id, subscription_id, start_at, kind, item, key, dimensions) DO UPDATE
        SET adjustment = excluded.adjustment, end_date = excluded.end_date, end_at = excluded.end_at,
            quantity = excluded.quantity, measured = excluded.measured, explanation = excluded.explanation";
}
