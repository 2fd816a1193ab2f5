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
}
