//! The only SQL about renewal offers.

use store::{bulks, statements};

macro_rules! columns {
    () => {
        "SELECT subscription_id, ordinal, customer_id, terms, valid_until, made, answer, answered FROM renewal_offer
         WHERE env_id = $1 AND "
    };
}

statements! {
    environment OF_SUBSCRIPTION = concat!(columns!(), "subscription_id = $2 ORDER BY ordinal DESC");
    environment ANSWER = "UPDATE renewal_offer SET answer = $4, answered = $5
        WHERE env_id = $1 AND subscription_id = $2 AND ordinal = $3 AND answer IS NULL";
}

bulks! {
    INSERT = insert "renewal_offer" {
        subscription_id: uuid, ordinal: int, customer_id: uuid, terms: json, valid_until: date, made: instant,
    };
}
