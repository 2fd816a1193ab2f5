//! A flag, as it is sent and shown.

use std::collections::BTreeMap;

use entitlements::flag::{self, Condition, Definition, Flag, Kind, Listed, Op, Percent, Share};
use jiff::Timestamp;
use kernel::{Error, Result, time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::parameters::parse_with;

/// What a flag is to serve.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlagDefinition)]
pub(crate) struct FlagIn {
    /// Whether its rules are heeded; switched off, everybody gets the off variant. True when left out of a new flag; as it
    /// is when left out of a change.
    pub(super) enabled: Option<bool>,
    /// Names it on pages, up to 100 characters.
    #[schema(examples("New checkout"))]
    name: String,
    /// What it is for, up to 1,000 characters.
    #[serde(default)]
    description: String,
    /// Of what kind its values are: `boolean`, `string`, `number` or `json`.
    #[schema(examples("boolean"))]
    kind: String,
    /// Its values, 1 to 50, by what they are called.
    #[schema(value_type = Object, examples(json!({ "on": true, "off": false })))]
    variants: BTreeMap<String, Value>,
    /// The variant where no rule matches. Left out: what the price book says about the feature of the same key, and the
    /// off variant where it has none.
    default: Option<String>,
    /// The variant while it is switched off.
    #[schema(examples("off"))]
    off: String,
    /// Looked at in turn; the first that matches decides. Up to 50.
    #[serde(default)]
    rules: Vec<RuleShape>,
    /// Whether keys that stand in web pages may ask for it.
    #[serde(default)]
    browser: bool,
}

impl FlagIn {
    /// The definition. Errors: `flag_invalid`.
    pub(super) fn definition(self) -> Result<Definition> {
        let Self { name, description, kind, variants, default, off, rules, browser, .. } = self;
        let known = Kind::ALL.into_iter().find(|known| known.word() == kind);
        let kind = known.ok_or_else(|| wrong("A kind is boolean, string, number or json.", "/kind"))?;
        let rules = rules.into_iter().enumerate();
        let rules = rules.map(|(at, rule)| rule.read().map_err(|error| error.under(&format!("/rules/{at}"))));
        let rules = rules.collect::<Result<_>>()?;
        Ok(Definition { name, description, kind, variants, default, off, rules, browser })
    }
}

fn wrong(detail: &str, pointer: &str) -> Error {
    Error::invalid("flag_invalid", detail).at(pointer)
}

/// Who gets which variant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlagRule)]
pub(crate) struct RuleShape {
    /// What it is called, for people.
    #[serde(default)]
    name: String,
    /// All of them must hold; none: everybody. Up to 20.
    #[serde(default)]
    when: Vec<ConditionShape>,
    /// The variants and their shares, one after the other; together at most 100 percent. Whoever is beyond them is left to
    /// the next rule. Raising the last share takes nobody out of it.
    serve: Vec<ShareShape>,
    /// It is heeded from this instant on.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// And before this one.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// Something that must hold of whoever asks.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlagCondition)]
pub(crate) struct ConditionShape {
    /// An attribute of the evaluation context (`targetingKey` among them), or what we know ourselves: `@plan`, `@feature`
    /// (by plan, add-on or override), `@customer` (its id), `@external_id`, `@country`, `@currency`.
    #[schema(examples("@plan"))]
    attribute: String,
    /// `in`, `contains`, `starts_with`, `ends_with`, `less`, `at_most`, `greater`, `at_least`, `version_less`,
    /// `version_at_least` (SemVer), `known`.
    #[schema(examples("in"))]
    is: String,
    /// One of them is enough; up to 1,000. None for `known`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>, examples(json!(["team", "enterprise"])))]
    values: Vec<Value>,
    /// It must not be so.
    #[serde(default)]
    not: bool,
}

/// A variant and its share.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlagShare)]
pub(crate) struct ShareShape {
    /// What the variant is called.
    #[schema(examples("on"))]
    variant: String,
    /// How many of those the rule matches, in percent with up to three decimals; all when left out.
    #[schema(value_type = f64, minimum = 0, maximum = 100, examples(12.5))]
    #[serde(default = "all")]
    percent: Percent,
}

const fn all() -> Percent {
    Percent::ALL
}

impl RuleShape {
    fn read(self) -> Result<flag::Rule> {
        let Self { name, when, serve, from, until } = self;
        let read = |(at, condition): (usize, ConditionShape)| {
            let ConditionShape { attribute, is, values, not } = condition;
            let op = Op::ALL.into_iter().find(|op| op.word() == is);
            let words = Op::ALL.map(Op::word).join(", ");
            let known =
                || wrong(&format!("An attribute is compared by one of: {words}."), &format!("/when/{at}/is"));
            Ok(Condition { attribute, is: op.ok_or_else(known)?, values, not })
        };
        Ok(flag::Rule {
            name,
            when: when.into_iter().enumerate().map(read).collect::<Result<_>>()?,
            serve: serve
                .into_iter()
                .map(|ShareShape { variant, percent }| Share { variant, percent })
                .collect(),
            from: parse_with(time::instant, from.as_deref(), "/from")?,
            until: parse_with(time::instant, until.as_deref(), "/until")?,
        })
    }

    fn of(rule: flag::Rule) -> Self {
        let flag::Rule { name, when, serve, from, until } = rule;
        let condition = |Condition { attribute, is, values, not }| ConditionShape {
            attribute,
            is: Op::word(is).to_owned(),
            values,
            not,
        };
        Self {
            name,
            when: when.into_iter().map(condition).collect(),
            serve: serve
                .into_iter()
                .map(|Share { variant, percent }| ShareShape { variant, percent })
                .collect(),
            from: from.map(|at| at.to_string()),
            until: until.map(|at| at.to_string()),
        }
    }
}

/// A flag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Flag)]
pub(crate) struct FlagOut {
    #[schema(examples("flg_01jdd7w000e008000000000001"))]
    id: String,
    /// Names it in programs; it never changes.
    #[schema(examples("new_checkout"))]
    key: String,
    /// With each change one more. A change names the one it was made for.
    version: i64,
    /// Whether its rules are heeded.
    enabled: bool,
    #[serde(flatten)]
    definition: DefinitionOut,
    /// Since when there is this flag.
    created: Timestamp,
    /// Since when it is as it is.
    changed: Timestamp,
}

/// What a flag serves to whom.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FlagServes)]
pub(crate) struct DefinitionOut {
    /// What it is called.
    name: String,
    /// What it is for.
    description: String,
    /// Of what kind its values are.
    kind: &'static str,
    /// Its values, by what they are called.
    #[schema(value_type = Object)]
    variants: BTreeMap<String, Value>,
    /// The variant where no rule matches; null: what the price book says.
    default: Option<String>,
    /// The variant while it is switched off.
    off: String,
    /// Looked at in turn.
    rules: Vec<RuleShape>,
    /// Whether keys that stand in web pages may ask for it.
    browser: bool,
}

impl From<Definition> for DefinitionOut {
    fn from(definition: Definition) -> Self {
        let Definition { name, description, kind, variants, default, off, rules, browser } = definition;
        let rules = rules.into_iter().map(RuleShape::of).collect();
        Self { name, description, kind: kind.word(), variants, default, off, rules, browser }
    }
}

impl From<Flag> for FlagOut {
    fn from(flag: Flag) -> Self {
        let Flag { id, key, version, enabled, definition, created, changed } = flag;
        Self { id: id.to_string(), key, version, enabled, definition: definition.into(), created, changed }
    }
}

/// A version a flag had.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FlagVersion)]
pub(crate) struct VersionOut {
    /// Its number.
    version: i64,
    /// Whether its rules were heeded.
    enabled: bool,
    #[serde(flatten)]
    definition: DefinitionOut,
    /// From when.
    changed: Timestamp,
    /// Who made it so: an id, or `command_line`.
    actor: String,
}

impl From<Listed> for VersionOut {
    fn from(listed: Listed) -> Self {
        let Listed { version, enabled, definition, changed, actor } = listed;
        Self { version, enabled, definition: definition.into(), changed, actor }
    }
}
