//! A worked case: what is given, what comes out, and what has been compared of it.

use std::cell::{Cell, RefCell};

use kernel::{Currency, Error, Exact, Money};
use serde_json::{Map, Value};

use crate::read;

/// Why a case has not passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The engine says something else.
    Wrong(String),
    /// It was not put before the engine, for this reason.
    Not(String),
}

impl Miss {
    /// Not put before the engine.
    pub fn not(reason: impl Into<String>) -> Self {
        Self::Not(reason.into())
    }

    /// The engine says something else.
    pub fn wrong(reason: impl Into<String>) -> Self {
        Self::Wrong(reason.into())
    }
}

/// What the engine refuses, a case cannot have meant.
impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Self::Wrong(format!("the engine refuses: {error}"))
    }
}

/// What checking gives.
pub type Checked<T = ()> = Result<T, Miss>;

/// One case.
pub struct Case {
    /// Its id.
    pub id: String,
    /// Its family and kind: `pricing.volume`.
    pub topic: String,
    /// The policy it assumes: `U`, `SECOND`, …
    pub policy: String,
    /// What is given, what other cases it names give among it.
    pub given: Value,
    /// What comes out.
    pub expect: Map<String, Value>,
    compared: RefCell<Vec<String>>,
    any: Cell<bool>,
}

/// Keys under which a case names another one whose givens count too.
const REFERENCES: [&str; 4] = ["same_as", "same_tiers_as", "continues", "same_given_as"];

impl Case {
    /// All cases of a list, each with the givens of those it refers to.
    pub fn all(list: &[Value]) -> Vec<Self> {
        list.iter().map(|value| Self::of(value, list)).collect()
    }

    fn of(value: &Value, list: &[Value]) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("id"),
            topic: text("topic"),
            policy: text("policy"),
            given: given(value, list, 0),
            expect: value["expect"].as_object().cloned().unwrap_or_default(),
            compared: RefCell::default(),
            any: Cell::new(false),
        }
    }

    /// What is given under the first of these names that is there.
    pub fn find(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().map(|key| &self.given[*key]).find(|value| !value.is_null())
    }

    /// The same; without it the shape is not known.
    pub fn need(&self, keys: &[&str]) -> Checked<&Value> {
        self.find(keys)
            .ok_or_else(|| Miss::not(format!("shape not known: nothing is given as `{}`", keys[0])))
    }

    /// A number that is given.
    pub fn number(&self, keys: &[&str]) -> Checked<Exact> {
        let value = self.need(keys)?;
        read::number(value).ok_or_else(|| Miss::not(format!("`{}` is no number: {value}", keys[0])))
    }

    /// The currency with as many minor digits as the case says; two unless it does.
    pub fn currency(&self) -> Currency {
        let code = match self.given["currency_exponent"].as_u64() {
            Some(0) => "JPY",
            Some(3) => "KWD",
            Some(4) => "CLF",
            _ => "USD",
        };
        Currency::parse(code).expect("the table has these")
    }

    /// An amount of so many minor units.
    pub fn minor(&self, value: &Value) -> Checked<Money> {
        let minor = value.as_i64().ok_or_else(|| Miss::not(format!("no minor units: {value}")))?;
        Ok(Money::new(minor, self.currency())?)
    }

    /// Whether a key is among what comes out.
    pub fn expects(&self, key: &str) -> bool {
        self.expect.contains_key(key)
    }

    /// Compare an amount with what comes out under `key`, in minor units when the key says so, in major ones
    /// otherwise. A key that is not there is not compared.
    pub fn money(&self, key: &str, found: Money) -> Checked {
        let Some(wanted) = self.expect.get(key) else { return Ok(()) };
        let found = if key.contains("minor") { Exact::from(found.minor()) } else { found.exact_major() };
        self.equal(key, wanted, &found)
    }

    /// Compare an amount under whichever of `key`, `key_minor` comes out.
    pub fn amount(&self, key: &str, found: Money) -> Checked {
        self.money(key, found)?;
        self.money(&format!("{key}_minor"), found)
    }

    /// Compare a list of amounts.
    pub fn amounts(&self, key: &str, found: &[Money]) -> Checked {
        for (key, minor) in [(key.to_owned(), false), (format!("{key}_minor"), true)] {
            let Some(wanted) = self.expect.get(&key) else { continue };
            let minor = minor || key.contains("minor");
            let found: Vec<Exact> = found
                .iter()
                .map(|found| if minor { Exact::from(found.minor()) } else { found.exact_major() })
                .collect();
            self.list(&key, wanted, &found)?;
        }
        Ok(())
    }

    /// Compare a list of numbers.
    pub fn list(&self, key: &str, wanted: &Value, found: &[Exact]) -> Checked {
        let numbers: Option<Vec<Exact>> =
            wanted.as_array().map(|list| list.iter().filter_map(read::number).collect());
        self.note(key);
        if numbers.as_deref() == Some(found) {
            return Ok(());
        }
        Err(Miss::wrong(format!("`{key}` is {found:?}, expected {wanted}")))
    }

    /// Compare a list of numbers whatever their order.
    pub fn in_any_order(&self, key: &str, found: &[Exact]) -> Checked {
        let Some(wanted) = self.expect.get(key) else { return Ok(()) };
        let mut numbers: Vec<Exact> = read::several(wanted).iter().filter_map(read::number).collect();
        let mut found = found.to_vec();
        numbers.sort();
        found.sort();
        self.note(key);
        if numbers == found {
            return Ok(());
        }
        Err(Miss::wrong(format!("`{key}` is {found:?} in some order, expected {wanted}")))
    }

    /// Compare a number.
    pub fn equal(&self, key: &str, wanted: &Value, found: &Exact) -> Checked {
        self.note(key);
        if read::number(wanted).as_ref() == Some(found) {
            return Ok(());
        }
        Err(Miss::wrong(format!("`{key}` is {found}, expected {wanted}")))
    }

    /// Compare a number with what comes out under `key`, rounded to as many decimals as that has.
    pub fn figure(&self, key: &str, found: &Exact) -> Checked {
        let Some(wanted) = self.expect.get(key) else { return Ok(()) };
        self.note(key);
        let text = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let shown = found.to_decimal_string(u32::try_from(places).unwrap_or(0));
        if shown == text {
            return Ok(());
        }
        Err(Miss::wrong(format!("`{key}` is {shown}, expected {text}")))
    }

    /// Compare a text, such as a date, with what comes out under `key`.
    pub fn text(&self, key: &str, found: &str) -> Checked {
        let Some(wanted) = self.expect.get(key) else { return Ok(()) };
        self.note(key);
        if wanted.as_str() == Some(found) {
            return Ok(());
        }
        Err(Miss::wrong(format!("`{key}` is {found}, expected {wanted}")))
    }

    /// Compare a list of texts, or of pairs of texts.
    pub fn texts(&self, key: &str, found: &Value) -> Checked {
        let Some(wanted) = self.expect.get(key) else { return Ok(()) };
        self.note(key);
        if wanted == found {
            return Ok(());
        }
        Err(Miss::wrong(format!("`{key}` is {found}, expected {wanted}")))
    }

    /// Remember that `key` has been compared.
    pub fn note(&self, key: &str) {
        self.any.set(true);
        self.compared.borrow_mut().push(key.to_owned());
    }

    /// A case of which nothing was compared has not passed.
    pub fn something_compared(&self) -> Checked {
        if self.any.get() {
            return Ok(());
        }
        let keys: Vec<&str> = self.expect.keys().map(String::as_str).collect();
        Err(Miss::not(format!("shape not known: nothing comes out as {}", keys.join(", "))))
    }

    /// What comes out and was not compared, as a remark.
    pub fn left_out(&self) -> String {
        let compared = self.compared.borrow();
        let left: Vec<&str> = self
            .expect
            .keys()
            .map(String::as_str)
            .filter(|key| !compared.iter().any(|done| done == key))
            .collect();
        if left.is_empty() { String::new() } else { format!("not compared: {}", left.join(", ")) }
    }
}

/// The givens of a case over those of the cases it refers to.
fn given(value: &Value, list: &[Value], depth: u8) -> Value {
    let mut own = value["given"].clone();
    let Some(table) = own.as_object_mut() else { return Value::Object(Map::new()) };
    for reference in REFERENCES {
        let Some(other) = table.get(reference).and_then(Value::as_str) else { continue };
        let Some(base) = list.iter().find(|case| case["id"] == other).filter(|_| depth < 8) else { continue };
        let only_tiers = reference == "same_tiers_as";
        for (key, value) in given(base, list, depth + 1).as_object().into_iter().flatten() {
            if !only_tiers || key == "tiers" || key == "model" {
                table.entry(key).or_insert_with(|| value.clone());
            }
        }
    }
    own
}
