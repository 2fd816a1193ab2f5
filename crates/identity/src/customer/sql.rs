//! The only SQL about customers.

use store::{Statement, bulks, statements};

/// The columns of a customer `c`.
macro_rules! columns {
    () => {
        "c.id, c.person_id, c.external_id, c.country, c.currency, c.zone, c.metadata, c.created, c.region, c.tax_exempt"
    };
}

/// A customer with its person.
macro_rules! found {
    ($cond:expr) => {
        concat!(
            "SELECT ",
            columns!(),
            ", p.name, p.email, p.address, p.tax_id, p.erased, p.name_key, p.words
            FROM customer c JOIN person p ON p.env_id = c.env_id AND p.id = c.person_id
            WHERE c.env_id = $1 AND ",
            $cond
        )
    };
    // The same by a condition that has an index, in the three orders; `$more` is filtered row by row.
    (newest $cond:expr, $more:expr) => {
        found!(concat!($cond, " AND c.id < $2", $more, " ORDER BY c.id DESC LIMIT $3"))
    };
    (oldest $cond:expr, $more:expr) => {
        found!(concat!($cond, " AND c.id > $2", $more, " ORDER BY c.id LIMIT $3"))
    };
    (name $cond:expr, $more:expr) => {
        found!(concat!(
            $cond,
            " AND (p.name_key, p.id) > ($6, $2)",
            $more,
            " ORDER BY p.name_key, p.id LIMIT $3"
        ))
    };
}

macro_rules! country {
    () => {
        " AND ($4 = '' OR c.country = $4)"
    };
}
macro_rules! currency {
    () => {
        " AND ($5 = '' OR c.currency = $5)"
    };
}
macro_rules! either {
    () => {
        concat!(country!(), currency!())
    };
}
/// Some word of the customer is in a range, from the parameter on that follows the others.
macro_rules! word {
    ($from:literal, $to:literal) => {
        concat!(
            "c.id IN (SELECT customer_id FROM customer_word WHERE env_id = $1 AND word >= ",
            $from,
            " AND word < ",
            $to,
            ")"
        )
    };
}
/// Customers one of whose words is in a range, `$and` narrows them down; from the index of words alone.
macro_rules! by_words {
    ($cond:literal, $and:expr, $order:literal) => {
        concat!(
            "SELECT DISTINCT customer_id FROM customer_word w WHERE w.env_id = $1 AND w.word >= $4 AND w.word < $5
                AND w.customer_id ", $cond, " $2", $and, " ORDER BY customer_id ", $order, " LIMIT $3"
        )
    };
}
macro_rules! and_word {
    () => {
        " AND w.customer_id IN (SELECT customer_id FROM customer_word WHERE env_id = $1 AND word >= $6 AND word < $7)"
    };
}
macro_rules! patterns {
    ($($n:literal)*) => { concat!(either!(), $(" AND p.words LIKE ", $n, " ESCAPE '!'"),*) };
}

statements! {
    environment FIND = concat!("SELECT ", columns!(), " FROM customer c WHERE c.env_id = $1 AND c.id = $2");
    environment MANY = concat!("SELECT ", columns!(), " FROM customer c WHERE c.env_id = $1 AND c.id IN_IDS($2)");
    environment BY_EXTERNAL = "SELECT id FROM customer WHERE env_id = $1 AND external_id = $2";
    environment OF_EXTERNAL = concat!("SELECT ", columns!(), " FROM customer c WHERE c.env_id = $1 AND c.external_id IN_TEXTS($2)");
    environment EXTERNAL_TAKEN = "SELECT external_id FROM customer WHERE env_id = $1 AND external_id IN_TEXTS($2)";
    environment LOCK = "SELECT id FROM customer WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE";
    environment LIST = concat!("SELECT ", columns!(), ", p.name, p.email, p.address, p.tax_id, p.erased
        FROM customer c JOIN person p ON p.env_id = c.env_id AND p.id = c.person_id
        WHERE c.env_id = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3");
    environment PERSON = "SELECT name, email, address, tax_id, erased FROM person WHERE env_id = $1 AND id = $2";
    environment SIDES = "SELECT c.id, p.name, p.email, p.address, c.country, c.region, p.tax_id, c.tax_exempt
        FROM customer c JOIN person p ON p.env_id = c.env_id AND p.id = c.person_id
        WHERE c.env_id = $1 AND c.id IN_IDS($2)";
    environment CHANGE = "UPDATE customer SET country = $3, region = $4, tax_exempt = $5, zone = $6, metadata = $7
        WHERE env_id = $1 AND id = $2";
    environment CHANGE_PERSON = "UPDATE person SET name = $3, email = $4, address = $5, tax_id = $6
        WHERE env_id = $1 AND id = $2 AND erased IS NULL";
    environment ERASE_PERSON = "UPDATE person SET name = NULL, email = NULL, address = NULL, tax_id = NULL, erased = $3,
            name_key = $4, words = $5, domain = $6
        WHERE env_id = $1 AND id = $2 AND erased IS NULL";
    environment WORDS = "SELECT words FROM person WHERE env_id = $1 AND id = $2";
    environment DROP_WORDS = "DELETE FROM customer_word WHERE env_id = $1 AND customer_id = $2 AND word = $3";
    environment UNINDEXED = "SELECT c.id, p.id, p.name, p.email, c.external_id
        FROM person p JOIN customer c ON c.env_id = p.env_id AND c.person_id = p.id
        WHERE p.env_id = $1 AND p.words IS NULL ORDER BY p.id LIMIT $2";
    /// One by one, which takes its time.
    environment COUNT = "SELECT count(*) FROM customer WHERE env_id = $1";
    /// How many, `$3` at most.
    environment COUNT_IN_COUNTRY = "SELECT count(*) FROM (SELECT id FROM customer WHERE env_id = $1 AND country = $2 LIMIT $3) AS found";
    environment COUNT_IN_CURRENCY = "SELECT count(*) FROM (SELECT id FROM customer WHERE env_id = $1 AND currency = $2 LIMIT $3) AS found";
    environment FOUND = found!("c.id IN_IDS($2)");
    environment NEWEST = found!(newest "1 = 1", either!());
    environment OLDEST = found!(oldest "1 = 1", either!());
    environment NAMED = found!(name "1 = 1", either!());
    environment NEWEST_IN_COUNTRY = found!(newest "c.country = $4", currency!());
    environment OLDEST_IN_COUNTRY = found!(oldest "c.country = $4", currency!());
    environment NAMED_IN_COUNTRY = found!(name "c.country = $4", currency!());
    environment NEWEST_IN_CURRENCY = found!(newest "c.currency = $5", country!());
    environment OLDEST_IN_CURRENCY = found!(oldest "c.currency = $5", country!());
    environment NAMED_IN_CURRENCY = found!(name "c.currency = $5", country!());
    environment NEWEST_BY_WORD = found!(newest word!("$6", "$7"), patterns!("$8" "$9" "$10"));
    environment OLDEST_BY_WORD = found!(oldest word!("$6", "$7"), patterns!("$8" "$9" "$10"));
    environment NAMED_BY_WORD = found!(name word!("$7", "$8"), patterns!("$9" "$10" "$11"));
    environment IDS_BY_WORD = by_words!("<", "", "DESC");
    environment IDS_BY_WORD_OLDEST = by_words!(">", "", "ASC");
    environment IDS_BY_TWO = by_words!("<", and_word!(), "DESC");
    environment IDS_BY_TWO_OLDEST = by_words!(">", and_word!(), "ASC");
    environment BLANK_METADATA = "UPDATE customer SET metadata = $3 WHERE env_id = $1 AND id = $2";
}

/// By what a search finds its customers: its statements for the newest first, the oldest first, and by name.
pub(crate) type By = [&'static Statement; 3];
pub(crate) const BY_NOTHING: By = [&NEWEST, &OLDEST, &NAMED];
pub(crate) const BY_COUNTRY: By = [&NEWEST_IN_COUNTRY, &OLDEST_IN_COUNTRY, &NAMED_IN_COUNTRY];
pub(crate) const BY_CURRENCY: By = [&NEWEST_IN_CURRENCY, &OLDEST_IN_CURRENCY, &NAMED_IN_CURRENCY];
pub(crate) const BY_WORD: By = [&NEWEST_BY_WORD, &OLDEST_BY_WORD, &NAMED_BY_WORD];

bulks! {
    INSERT_PEOPLE = insert "person" { id: uuid, name: text, email: text, address: text, tax_id: text, name_key: bytes, words: text, domain: text };
    INSERT_WORDS = insert "customer_word" { word: bytes, customer_id: uuid } "ON CONFLICT DO NOTHING";
    SET_WORDS = update "person" { id: uuid, name_key: bytes, words: text, domain: text } 1;
    INSERT = insert "customer" {
        id: uuid, person_id: uuid, external_id: text, country: text, currency: text, zone: text, metadata: json,
        created: instant, region: text, tax_exempt: bool,
    } "ON CONFLICT DO NOTHING";
}
