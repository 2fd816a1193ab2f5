//! The only SQL about customers.

use store::{bulks, statements};

/// The columns of a customer `c`.
macro_rules! columns {
    () => {
        "c.id, c.person_id, c.external_id, c.country, c.currency, c.zone, c.metadata, c.created, c.region, c.tax_exempt"
    };
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
    environment ERASE_PERSON = "UPDATE person SET name = NULL, email = NULL, address = NULL, tax_id = NULL, erased = $3
        WHERE env_id = $1 AND id = $2 AND erased IS NULL";
    environment BLANK_METADATA = "UPDATE customer SET metadata = $3 WHERE env_id = $1 AND id = $2";
}

bulks! {
    INSERT_PEOPLE = insert "person" { id: uuid, name: text, email: text, address: text, tax_id: text };
    INSERT = insert "customer" {
        id: uuid, person_id: uuid, external_id: text, country: text, currency: text, zone: text, metadata: json,
        created: instant, region: text, tax_exempt: bool,
    } "ON CONFLICT DO NOTHING";
}
