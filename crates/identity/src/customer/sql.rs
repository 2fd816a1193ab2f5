//! The only SQL about customers.

use store::{bulks, statements};

statements! {
    environment FIND = "SELECT id, person_id, external_id, country, currency, zone, metadata, created
        FROM customer WHERE env_id = $1 AND id = $2";
    environment MANY = "SELECT id, person_id, external_id, country, currency, zone, metadata, created
        FROM customer WHERE env_id = $1 AND id IN_IDS($2)";
    environment BY_EXTERNAL = "SELECT id FROM customer WHERE env_id = $1 AND external_id = $2";
    environment OF_EXTERNAL = "SELECT id, person_id, external_id, country, currency, zone, metadata, created
        FROM customer WHERE env_id = $1 AND external_id IN_TEXTS($2)";
    environment EXTERNAL_TAKEN = "SELECT external_id FROM customer WHERE env_id = $1 AND external_id IN_TEXTS($2)";
    environment LOCK = "SELECT id FROM customer WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE";
    environment LIST = "SELECT c.id, c.person_id, c.external_id, c.country, c.currency, c.zone, c.metadata, c.created,
            p.name, p.email, p.address, p.erased
        FROM customer c JOIN person p ON p.env_id = c.env_id AND p.id = c.person_id
        WHERE c.env_id = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3";
    environment PERSON = "SELECT name, email, address, erased FROM person WHERE env_id = $1 AND id = $2";
    environment PARTIES = "SELECT c.id, p.name, p.email, p.address, c.country
        FROM customer c JOIN person p ON p.env_id = c.env_id AND p.id = c.person_id
        WHERE c.env_id = $1 AND c.id IN_IDS($2)";
    environment ERASE_PERSON = "UPDATE person SET name = NULL, email = NULL, address = NULL, erased = $3
        WHERE env_id = $1 AND id = $2 AND erased IS NULL";
    environment BLANK_METADATA = "UPDATE customer SET metadata = $3 WHERE env_id = $1 AND id = $2";
}

bulks! {
    INSERT_PEOPLE = insert "person" { id: uuid, name: text, email: text, address: text };
    INSERT = insert "customer" {
        id: uuid, person_id: uuid, external_id: text, country: text, currency: text, zone: text, metadata: json,
        created: instant,
    } "ON CONFLICT DO NOTHING";
}
