//! Everything an answer about somebody is made of, at one instant; and the answers.

use std::{collections::HashMap, sync::Arc};

use catalog::version::{self, Version};
use identity::customer::{self, CustomerRef};
use jiff::Timestamp;
use kernel::{Kind as Fault, Result, ids::CustomerId};
use serde_json::{Map, Value as Json};
use store::View;

use crate::{
    feature::{
        self, Account, Decision, Kind, Tier, Value,
        rules::{self, Flagged, Ground},
    },
    flag::{self, Compiled, Outcome, Subject},
};

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// This customer.
    Customer(CustomerId),
    /// The customer with this id of the merchant's.
    External(String),
    /// Somebody we do not know.
    Anybody,
}

impl Whom {
    /// `cus_…` and `ext:…` name customers, anything else somebody not known here.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("ext:") {
            Some(external) => Self::External(external.to_owned()),
            None => text.parse().map_or(Self::Anybody, Self::Customer),
        }
    }
}

impl From<CustomerRef> for Whom {
    fn from(reference: CustomerRef) -> Self {
        match reference {
            CustomerRef::Id(id) => Self::Customer(id),
            CustomerRef::External(external) => Self::External(external),
        }
    }
}

/// The flags of an environment, made ready.
pub type Flags = HashMap<String, Compiled>;

/// What there is at an instant, for one customer or somebody not known.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Business time.
    pub now: Timestamp,
    /// The price book in force; none before the first.
    pub newest: Option<Arc<Version>>,
    /// The flags.
    pub flags: Arc<Flags>,
    /// The customer; none: there is none of that name, or nobody was named.
    pub account: Option<Arc<Account>>,
}

/// Read what there is, in one transaction.
pub fn sight(view: &mut View<'_>, whom: &Whom) -> Result<Sight> {
    let account = match resolve(view, whom)? {
        Some(id) => Some(Arc::new(feature::account(view, id)?)),
        None => None,
    };
    let newest = version::newest(view)?;
    Ok(Sight { now: view.now(), newest, flags: Arc::new(flags(view)?), account })
}

/// The customer that is meant, when there is one.
pub(crate) fn resolve(view: &mut View<'_>, whom: &Whom) -> Result<Option<CustomerId>> {
    let found = match whom {
        Whom::Anybody => return Ok(None),
        Whom::Customer(id) => customer::find(view, *id).map(|customer| customer.id),
        Whom::External(external) => customer::resolve(view, &CustomerRef::External(external.clone())),
    };
    match found {
        Ok(id) => Ok(Some(id)),
        Err(error) if matches!(error.kind, Fault::NotFound | Fault::Invalid) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The flags, made ready.
pub(crate) fn flags(view: &mut View<'_>) -> Result<Flags> {
    Ok(flag::all(view)?.into_iter().map(|flag| (flag.key.clone(), Compiled::of(flag))).collect())
}

/// What a caller says about whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// What shares are dealt by.
    pub targeting_key: Option<String>,
    /// Everything else.
    pub attributes: Map<String, Json>,
}

impl Context {
    /// Who is meant: the targeting key, when it names a customer, and else the attribute `customer`, which names the
    /// customer of a user.
    pub fn whom(&self, targeted: Whom) -> Whom {
        let named = self.attributes.get("customer").and_then(Json::as_str);
        match targeted {
            Whom::Anybody => named.map_or(Whom::Anybody, Whom::parse),
            targeted => targeted,
        }
    }
}

/// What is served for a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Json,
    /// What it is called.
    pub variant: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where what is served comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A flag that has no feature of its name, or whose feature has no say.
    Flag {
        /// Its version.
        version: i64,
        /// The rule that matched, from 0.
        rule: Option<usize>,
        /// Whether the bucket decided.
        split: bool,
        /// Whether it is switched off.
        off: bool,
        /// Whether it has rules, none of which matched.
        unmatched: bool,
    },
    /// A feature of the price book.
    Feature(Box<Decision>),
}

/// As many as there are, in a flag: the greatest integer every client reads exactly.
const ENDLESS: i64 = 9_007_199_254_740_991;

impl Sight {
    fn ground(&self) -> Ground<'_> {
        Ground { account: self.account.as_deref(), newest: self.newest.as_deref(), now: self.now }
    }

    /// Every feature and meter there is for whoever this is, each with what may be used of it.
    pub fn features(&self, context: &Context) -> Vec<Decision> {
        let keys = rules::keys(&self.ground());
        keys.iter().filter_map(|(key, ..)| self.feature(key, context)).collect()
    }

    /// What may be used of one; none when there is no such feature or meter. A flag of the same key that deals by
    /// targeting key deals by the customer.
    pub fn feature(&self, key: &str, context: &Context) -> Option<Decision> {
        let person = Person::of(self, context);
        rules::decide(&self.ground(), key, self.flagged(key, &person))
    }

    /// Whether whoever this is has a plan or one that stands behind it in its price book; none when there is no such plan.
    pub fn tier(&self, plan: &str) -> Option<Tier> {
        rules::tier(&self.ground(), plan)
    }

    /// What is served for a key, a feature's or a flag's; nothing when there is neither. The error is that a flag deals
    /// by targeting key, and there is none.
    pub fn served(&self, key: &str, context: &Context) -> Option<Result<Served, KeyMissing>> {
        let flag = self.flags.get(key);
        let person = Person::of(self, context);
        let outcome = flag.map(|flag| flag.evaluate(&person, self.now));
        if outcome == Some(Outcome::KeyMissing) {
            return Some(Err(KeyMissing));
        }
        let shown = rules::decide(&self.ground(), key, self.flagged(key, &person));
        let shown = shown.filter(|decision| !matches!(decision.kind, Kind::Metered { .. }));
        if let Some(decision) = shown
            && flag.is_none_or(|flag| fits(&decision.kind, flag.flag.definition.kind))
        {
            return Some(Ok(of_feature(decision)));
        }
        Some(Ok(of_flag(flag?, outcome?)))
    }

    /// The keys there is something served for: features and flags.
    pub fn served_keys(&self) -> Vec<String> {
        let features = rules::keys(&self.ground());
        let features = features.into_iter().filter(|(_, _, kind)| !matches!(kind, Kind::Metered { .. }));
        let mut keys: Vec<String> = features.map(|(key, ..)| key).collect();
        keys.extend(self.flags.keys().cloned());
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// What a flag says about the feature or meter of its key: that it is switched off, and else what it serves, when its
    /// values are of the feature's kind.
    fn flagged(&self, key: &str, person: &Person<'_>) -> Option<Flagged> {
        let flag = self.flags.get(key)?;
        let kind = rules::named(&self.ground(), key)?.2;
        let served = |variant: &str, rule: Option<usize>| {
            let value = value_of(flag.flag.definition.variants.get(variant)?);
            let says = match kind {
                // Of a meter a flag can say only that it is withheld.
                Kind::Metered { .. } => flag.flag.definition.kind == flag::Kind::Boolean && !value.is_some(),
                _ => fits(&kind, flag.flag.definition.kind),
            };
            says.then(|| Flagged::Served { rule, variant: variant.to_owned(), value })
        };
        match flag.evaluate(person, self.now) {
            Outcome::Off(_) => Some(Flagged::Off),
            Outcome::Rule { rule, variant, .. } => served(variant, Some(rule)),
            Outcome::Default(variant) => served(variant?, None),
            Outcome::KeyMissing => None,
        }
    }

    /// The meters whose flag withholds them from the customer: it is switched off, or serves `false`.
    pub fn withheld(&self) -> Vec<String> {
        let context = Context::default();
        let by_flag = |key: &&String| {
            let decision = self.feature(key, &context);
            decision.is_some_and(|one| {
                let said = matches!(one.reason, feature::Reason::SwitchedOff | feature::Reason::Flag { .. });
                said && matches!(one.kind, Kind::Metered { .. }) && !one.allowed()
            })
        };
        self.flags.keys().filter(by_flag).cloned().collect()
    }

    /// The next instant at which an override runs out or a rule of a flag begins or ends, after which what was said
    /// here is to be asked again.
    pub fn turns(&self) -> Option<Timestamp> {
        let overrides = self.account.iter().flat_map(|account| &account.overrides);
        let overrides = overrides.filter_map(|one| one.expires);
        let rules = self.flags.values().flat_map(|flag| &flag.flag.definition.rules);
        let edges = rules.flat_map(|rule| [rule.from, rule.until]).flatten();
        overrides.chain(edges).filter(|at| *at > self.now).min()
    }
}

/// A flag deals by targeting key, and there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMissing;

/// Whether values of a flag can stand for those of a feature.
const fn fits(feature: &Kind, flag: flag::Kind) -> bool {
    matches!(
        (feature, flag),
        (Kind::Boolean, flag::Kind::Boolean)
            | (Kind::Limit { .. }, flag::Kind::Number)
            | (Kind::Value, flag::Kind::String)
    )
}

/// What a variant gives of a feature.
fn value_of(json: &Json) -> Value {
    match json {
        Json::Bool(true) => Value::Yes,
        Json::Number(number) => match kernel::Exact::parse_decimal(&number.to_string()) {
            Ok(amount) if !amount.is_zero() && !amount.is_negative() => Value::UpTo(amount),
            _ => Value::None,
        },
        Json::String(text) if !text.is_empty() => Value::Text(text.clone()),
        _ => Value::None,
    }
}

fn of_feature(decision: Decision) -> Served {
    let none = !decision.value.is_some();
    let (value, variant) = match (&decision.value, &decision.kind) {
        (Value::Yes, _) => (Json::Bool(true), "on".to_owned()),
        (Value::UpTo(amount), _) => (number(amount), amount.to_string()),
        (Value::Unlimited, _) => (ENDLESS.into(), "unlimited".to_owned()),
        (Value::Text(text), _) => (text.clone().into(), "value".to_owned()),
        (Value::None, Kind::Boolean) => (Json::Bool(false), "off".to_owned()),
        (Value::None, Kind::Value) => (String::new().into(), "none".to_owned()),
        (Value::None, _) => (0.into(), "none".to_owned()),
    };
    let variant = match &decision.reason {
        feature::Reason::Flag { variant, .. } if !none => variant.clone(),
        _ => variant,
    };
    Served { key: decision.key.clone(), value, variant, source: Source::Feature(Box::new(decision)) }
}

/// A limit as a JSON number; limits of features are whole numbers.
fn number(amount: &kernel::Exact) -> Json {
    amount.floor().map_or_else(|_| ENDLESS.into(), Json::from)
}

fn of_flag(compiled: &Compiled, outcome: Outcome<'_>) -> Served {
    let definition = &compiled.flag.definition;
    let (variant, rule, split, off) = match outcome {
        Outcome::Off(variant) => (variant, None, false, true),
        Outcome::Rule { rule, variant, split } => (variant, Some(rule), split, false),
        Outcome::Default(variant) => (variant.unwrap_or(&definition.off), None, false, false),
        Outcome::KeyMissing => (definition.off.as_str(), None, false, false),
    };
    let unmatched = rule.is_none() && !off && !definition.rules.is_empty();
    Served {
        key: compiled.flag.key.clone(),
        value: definition.variants.get(variant).cloned().unwrap_or_default(),
        variant: variant.to_owned(),
        source: Source::Flag { version: compiled.flag.version, rule, split, off, unmatched },
    }
}

/// Whoever asks, to the rules of flags.
struct Person<'a> {
    sight: &'a Sight,
    context: &'a Context,
    key: Option<String>,
}

impl<'a> Person<'a> {
    /// A customer is dealt the same whichever of its ids was sent, and also when none was.
    fn of(sight: &'a Sight, context: &'a Context) -> Self {
        let said = context.targeting_key.as_deref();
        let customer = sight.account.as_ref().map(|account| account.customer.to_string());
        let key = match said {
            Some(key) if customer.is_none() || Whom::parse(key) == Whom::Anybody => Some(key.to_owned()),
            _ => customer,
        };
        Self { sight, context, key }
    }
}

impl Subject for Person<'_> {
    fn targeting_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    fn context(&self) -> &Map<String, Json> {
        &self.context.attributes
    }

    fn known(&self, attribute: &str, is: &mut dyn FnMut(&str) -> bool) -> bool {
        let account = self.sight.account.as_deref();
        match attribute {
            "plan" => rules::plans(&self.sight.ground()).into_iter().any(is),
            "feature" => {
                let ground = self.sight.ground();
                let keys = rules::keys(&ground);
                keys.iter().any(|(key, ..)| is(key) && rules::has(&ground, key))
            }
            "customer" => account.is_some_and(|account| is(&account.customer.to_string())),
            "external_id" => account.and_then(|account| account.external_id.as_deref()).is_some_and(is),
            "country" => account.is_some_and(|account| is(&account.country)),
            "currency" => account.is_some_and(|account| is(account.currency.code())),
            _ => false,
        }
    }
}
