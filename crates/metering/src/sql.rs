//! The only SQL of metering.

use store::{bulks, statements};

statements! {
    environment OWNER = "SELECT epoch, holder, until, next_chunk, next_series, next_segment, accepted, secret, address
        FROM meter_owner WHERE env_id = $1";
    environment FOUND_OWNER = "INSERT INTO meter_owner
            (env_id, epoch, holder, until, next_chunk, next_series, next_segment, accepted, secret)
        VALUES ($1, 0, $2, $3, 1, 1, 1, 0, $4) ON CONFLICT (env_id) DO NOTHING";
    /// Take the lease: it is ours by name, or it has run out.
    environment TAKE_OVER = "UPDATE meter_owner SET epoch = epoch + 1, holder = $2, until = $3, address = $5
        WHERE env_id = $1 AND (holder = $2 OR until < $4)";
    /// Every commit of an owner begins with this: a deposed one changes no row.
    environment KEEP = "UPDATE meter_owner SET until = $3, next_chunk = $4, next_series = $5, accepted = $6
        WHERE env_id = $1 AND epoch = $2";
    environment STILL_OWNER = "SELECT epoch FROM meter_owner WHERE env_id = $1 AND epoch = $2 FOR SHARE";
    environment NEXT_SEGMENT = "UPDATE meter_owner SET next_segment = $3 WHERE env_id = $1 AND epoch = $2";

    environment SERIES_OF = "SELECT customer_id, meter, kind, subscription_id, dimensions, id, shift
        FROM meter_series WHERE env_id = $1 AND customer_id IN_IDS($2)";
    environment SERIES_OF_METER = "SELECT subscription_id, dimensions, id FROM meter_series
        WHERE env_id = $1 AND customer_id = $2 AND meter = $3 AND kind = $4";
    environment SERIES = "SELECT customer_id, meter, kind, subscription_id, dimensions FROM meter_series
        WHERE env_id = $1 AND id = $2";
    environment TALLIES_AT = "SELECT series, head, tally FROM meter_tally
        WHERE env_id = $1 AND hour = $2 AND series IN_INTS($3)";
    environment TALLIES_OF = "SELECT series, hour, head, tally FROM meter_tally
        WHERE env_id = $1 AND series IN_INTS($2) AND hour > $3 AND hour < $4 ORDER BY series, hour";
    environment TALLY_BEFORE = "SELECT hour, head, tally FROM meter_tally
        WHERE env_id = $1 AND series = $2 AND hour < $3 ORDER BY hour DESC LIMIT 1";
    /// In the order of their keys, of every series.
    environment TALLIES_AFTER = "SELECT hour, series, head, tally FROM meter_tally
        WHERE env_id = $1 AND (hour, series) > ($2, $3) ORDER BY hour, series LIMIT $4";
    environment VALUES_OF = "SELECT value, events FROM meter_value
        WHERE env_id = $1 AND hour = $2 AND series = $3 AND events <> 0";
    environment VALUES_AT = "SELECT value FROM meter_value
        WHERE env_id = $1 AND hour IN_INTS($2) AND series = $3 AND events > 0";

    environment CHUNK = "SELECT n, series, hour, prev, accepted, entries FROM meter_chunk WHERE env_id = $1 AND n = $2";
    environment CHUNKS_FROM = "SELECT n, series, hour, prev, accepted, entries FROM meter_chunk
        WHERE env_id = $1 AND n > $2 ORDER BY n LIMIT $3";
    environment CHUNKS_OF_WHOM = "SELECT c.n, s.customer_id, s.subscription_id, s.meter, c.hour
        FROM meter_chunk c JOIN meter_series s ON s.env_id = c.env_id AND s.id = c.series
        WHERE c.env_id = $1 AND c.n > $2 ORDER BY c.n LIMIT $3";
    environment HOURS_BETWEEN = "SELECT n, series, hour FROM meter_chunk WHERE env_id = $1 AND n > $2 AND n <= $3
        ORDER BY n";
    environment WHOSE = "SELECT id, customer_id, subscription_id, meter FROM meter_series
        WHERE env_id = $1 AND id IN_INTS($2)";
    environment DROP_CHUNKS = "DELETE FROM meter_chunk WHERE env_id = $1 AND n > $2 AND n <= $3 AND hour < $4";
    environment FIRST_CHUNK = "SELECT n FROM meter_chunk WHERE env_id = $1 ORDER BY n LIMIT 1";
    environment ACCEPTED = "SELECT accepted FROM meter_chunk WHERE env_id = $1 AND n <= $2 ORDER BY n DESC LIMIT 1";
    environment DROP_SEGMENT = "DELETE FROM meter_segment WHERE env_id = $1 AND number = $2";
    environment DROP_PAGES = "DELETE FROM meter_page WHERE env_id = $1 AND segment = $2";
    /// The chunks of an hour of a series, the last one first.
    environment CHAIN = "WITH RECURSIVE chain (n, series, hour, prev, accepted, entries) AS (
            SELECT n, series, hour, prev, accepted, entries FROM meter_chunk WHERE env_id = $1 AND n = $2
            UNION ALL
            SELECT c.n, c.series, c.hour, c.prev, c.accepted, c.entries
            FROM chain JOIN meter_chunk c ON c.env_id = $1 AND c.n = chain.prev)
        SELECT n, series, hour, prev, accepted, entries FROM chain LIMIT $3";

    /// Names that are in no segment. Rows of those that are may still be there for a while.
    environment TAIL = "SELECT names FROM meter_tail
        WHERE env_id = $1 AND n > COALESCE((SELECT max(last_chunk) FROM meter_segment WHERE env_id = $1), 0) ORDER BY n";
    environment TAIL_BEGINS = "SELECT min(n) FROM meter_tail WHERE env_id = $1";
    environment CUT_TAIL = "DELETE FROM meter_tail WHERE env_id = $1 AND n <= $2";
    environment SEGMENTS = "SELECT number, last_chunk, filter FROM meter_segment WHERE env_id = $1 ORDER BY number";
    environment SEAL = "INSERT INTO meter_segment (env_id, number, names, last_chunk, filter)
        VALUES ($1, $2, $3, $4, $5)";
    environment CLEAR_PAGES = "DELETE FROM meter_page WHERE env_id = $1 AND segment >= $2";
    environment PAGES = "SELECT page, names FROM meter_page WHERE env_id = $1 AND segment = $2 AND page IN_INTS($3)";

    environment SEGMENT_NUMBERS = "SELECT number FROM meter_segment WHERE env_id = $1 ORDER BY number";
    environment FILTER = "SELECT filter FROM meter_segment WHERE env_id = $1 AND number = $2";
    environment PAGES_AFTER = "SELECT page, names FROM meter_page WHERE env_id = $1 AND segment = $2 AND page > $3
        ORDER BY page LIMIT $4";

    environment READER = "SELECT chunk FROM meter_reader WHERE env_id = $1 AND name = $2";
    environment READ_TO = "INSERT INTO meter_reader (env_id, name, chunk) VALUES ($1, $2, $3)
        ON CONFLICT (env_id, name) DO UPDATE SET chunk = excluded.chunk";

    environment CHANGES = "SELECT number, replacement FROM meter_change
        WHERE env_id = $1 AND original = $2 ORDER BY number DESC LIMIT 1";
    environment CHANGE = "INSERT INTO meter_change (env_id, original, number, replacement, actor, reason, recorded)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";

    environment SECONDS = "SELECT second, amount FROM meter_second
        WHERE env_id = $1 AND customer_id = $2 AND meter = $3 AND who = $4 AND second > $5 ORDER BY second";
    environment SECONDS_BY_WHO = "SELECT who, CAST(sum(amount) AS bigint) FROM meter_second
        WHERE env_id = $1 AND customer_id = $2 AND meter = $3 AND second > $4 GROUP BY who ORDER BY 2 DESC, who LIMIT $5";
    /// The customer so many seconds behind another.
    environment FAR_SECOND = "SELECT customer_id FROM meter_second WHERE env_id = $1 AND customer_id > $2
        ORDER BY customer_id LIMIT 1 OFFSET $3";
    environment DROP_SECONDS = "DELETE FROM meter_second
        WHERE env_id = $1 AND customer_id > $2 AND customer_id <= $3 AND second < $4";
    environment DROP_HOLDS = "DELETE FROM meter_hold WHERE env_id = $1 AND expires < $2";
    environment OPEN_HOLDS_OF = "SELECT customer_id, who, id, amount, reserved, expires FROM meter_hold
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND meter = $3 AND state = 'open' AND expires > $4 ORDER BY id";
    environment TOLD_OF = "SELECT customer_id, who, level, until FROM meter_crossing
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND meter = $3 AND until > $4";
    environment UNTOLD = "SELECT customer_id, meter, who, since, level, until, subscription_id, amount, used, decimals,
            upgrade, at
        FROM meter_crossing WHERE env_id = $1 AND told IS NULL ORDER BY at, customer_id, meter, who, level LIMIT $2";
    environment DROP_CROSSINGS = "DELETE FROM meter_crossing WHERE env_id = $1 AND told IS NOT NULL AND until < $2";
    environment HOLD = "SELECT id, state, meter, amount, reserved, expires, event, answer, identity FROM meter_hold
        WHERE env_id = $1 AND id = $2";
    environment HOLD_BY_NAME = "SELECT id, answer, expires FROM meter_hold WHERE env_id = $1 AND identity = $2";
}

bulks! {
    INSERT_SERIES = insert "meter_series" {
        customer_id: uuid, meter: text, kind: text, subscription_id: uuid, dimensions: text, id: int, shift: int,
    };
    INSERT_CHUNKS = append "meter_chunk" { n: int, series: int, hour: int, prev: int, accepted: int, entries: bytes };
    SAVE_TALLIES = insert "meter_tally" { hour: int, series: int, head: int, tally: bytes }
        "ON CONFLICT (env_id, hour, series) DO UPDATE SET head = excluded.head, tally = excluded.tally";
    COUNT_VALUES = insert "meter_value" { hour: int, series: int, value: bytes, events: int }
        "ON CONFLICT (env_id, hour, series, value) DO UPDATE SET events = meter_value.events + excluded.events";
    INSERT_TAIL = insert "meter_tail" { n: int, names: bytes };
    INSERT_PAGES = insert "meter_page" { segment: int, page: int, names: bytes };
    SAVE_SECONDS = insert "meter_second" { customer_id: uuid, meter: text, who: text, second: int, amount: int }
        "ON CONFLICT (env_id, customer_id, meter, who, second) DO UPDATE SET amount = excluded.amount";
    INSERT_HOLDS = insert "meter_hold" {
        id: uuid, identity: bytes, state: text, customer_id: uuid, meter: text, who: text, amount: int, reserved: int,
        expires: int, event: json, answer: bytes,
    };
    INSERT_CROSSINGS = insert "meter_crossing" {
        customer_id: uuid, meter: text, who: text, since: int, level: int, until: int, subscription_id: uuid, amount: int,
        used: int, decimals: int, upgrade: text, at: int,
    } "ON CONFLICT (env_id, customer_id, meter, who, since, level) DO NOTHING";
    TELL = update "meter_crossing" { customer_id: uuid, meter: text, who: text, since: int, level: int, told: int } 5;
    CLOSE_HOLDS = update "meter_hold" { id: uuid, state: text, answer: bytes } 1;
}
