//! The only SQL of rejected events.

use store::{bulks, statements};

statements! {
    environment LIST = "SELECT id, code, pointer, meter, source, subject, detail, event, happened, content, cut, events,
            first_seen, last_seen
        FROM meter_reject WHERE env_id = $1 AND (last_seen, id) < ($2, $3) ORDER BY last_seen DESC, id DESC LIMIT $4";
    /// All but those seen last.
    environment CUT = "DELETE FROM meter_reject WHERE env_id = $1 AND (last_seen, id) <
        (SELECT last_seen, id FROM meter_reject WHERE env_id = $1 ORDER BY last_seen DESC, id DESC LIMIT 1 OFFSET $2)";
    environment DROP_BEFORE = "DELETE FROM meter_reject WHERE env_id = $1 AND last_seen < $2";
}

bulks! {
    KEEP = insert "meter_reject" {
        id: uuid, code: text, pointer: text, meter: text, source: text, subject: text, detail: text, event: text,
        happened: int, content: text, cut: bool, events: int, first_seen: int, last_seen: int,
    } "ON CONFLICT (env_id, id) DO UPDATE SET events = meter_reject.events + excluded.events, detail = excluded.detail,
        event = excluded.event, happened = excluded.happened, content = excluded.content, cut = excluded.cut,
        last_seen = excluded.last_seen";
}
