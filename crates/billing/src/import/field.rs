//! Where a value stands: a column, the first of several that says something, several joined, or a constant.

use std::{borrow::Cow, fmt};

use serde::Deserialize;

/// Where a value of a row comes from.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(
    untagged,
    expecting = "the name of a column; or [\"first choice\", \"second choice\"]; or { join = [\"column\", …], \
                 with = \", \" }; or { optional = \"a column that need not be there\" }; or { value = \"constant\" }"
)]
pub(super) enum Field {
    /// A column the file must have.
    Column(String),
    /// The first of them that is not empty.
    First(Vec<Field>),
    /// Columns one after the other, without the empty ones.
    Joined {
        join: Vec<String>,
        #[serde(default = "space")]
        with: String,
    },
    /// A column the file may have.
    Optional { optional: String },
    /// The same in every row.
    Constant { value: String },
}

fn space() -> String {
    " ".to_owned()
}

impl Field {
    /// The columns the file must have for it.
    pub(super) fn needed(&self) -> Vec<&str> {
        match self {
            Self::Column(name) => vec![name],
            Self::First(fields) => fields.iter().flat_map(Self::needed).collect(),
            Self::Joined { join, .. } => join.iter().map(String::as_str).collect(),
            Self::Optional { .. } | Self::Constant { .. } => Vec::new(),
        }
    }

    /// What a row says, by a way to read its columns; none when that is nothing.
    pub(super) fn read<'r>(&'r self, cell: &impl Fn(&str) -> Option<&'r str>) -> Option<Cell<'r>> {
        let column = |name: &'r str| {
            let text = cell(name).filter(|text| !text.is_empty())?;
            Some(Cell { column: Some(name), text: Cow::Borrowed(text) })
        };
        match self {
            Self::Column(name) | Self::Optional { optional: name } => column(name),
            Self::First(fields) => fields.iter().find_map(|field| field.read(cell)),
            Self::Joined { join, with } => {
                let parts: Vec<&str> =
                    join.iter().filter_map(|name| cell(name).filter(|text| !text.is_empty())).collect();
                let column = join.first().map(String::as_str);
                (!parts.is_empty()).then(|| Cell { column, text: Cow::Owned(parts.join(with)) })
            }
            Self::Constant { value } => Some(Cell { column: None, text: Cow::Borrowed(value) }),
        }
    }
}

impl fmt::Display for Field {
    /// For people: the column, or what is made of several.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) | Self::Optional { optional: name } => f.write_str(name),
            Self::First(fields) => {
                let names: Vec<String> = fields.iter().map(Self::to_string).collect();
                f.write_str(&names.join(" or "))
            }
            Self::Joined { join, .. } => f.write_str(&join.join(" + ")),
            Self::Constant { value } => write!(f, "always {value}"),
        }
    }
}

/// A value and the column it stands in; none when the mapping itself says it.
#[derive(Clone, Debug)]
pub(super) struct Cell<'r> {
    pub(super) column: Option<&'r str>,
    pub(super) text: Cow<'r, str>,
}
