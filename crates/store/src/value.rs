//! What goes into a statement, the same for both engines.

use std::{borrow::Cow, error::Error as StdError};

use jiff::{Timestamp, civil::Date};
use kernel::{Error, Id, Result};
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Serialize;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use uuid::Uuid;

/// A parameter of a statement.
///
/// PostgreSQL gets its native types; SQLite gets BLOB for ids, microseconds for instants, ISO text
/// for dates, 0 and 1 for booleans, and JSON as text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL of any type.
    Null,
    /// `bigint`.
    Int(i64),
    /// `boolean`.
    Bool(bool),
    /// `text`.
    Text(Cow<'a, str>),
    /// `bytea`.
    Bytes(Cow<'a, [u8]>),
    /// `uuid`.
    Uuid(Uuid),
    /// `timestamptz`, at microsecond precision.
    Instant(Timestamp),
    /// `date`.
    Date(Date),
    /// `jsonb`, already serialised.
    Json(Cow<'a, str>),
    /// A list for `IN_IDS($n)`.
    Ids(Vec<Uuid>),
    /// A list for `IN_TEXTS($n)`.
    Texts(Vec<String>),
    /// A list for `IN_INTS($n)`.
    Ints(Vec<i64>),
}

impl Value<'_> {
    /// A JSON value, serialised.
    pub fn json(value: &serde_json::Value) -> Value<'static> {
        Value::Json(Cow::Owned(value.to_string()))
    }

    /// Anything as JSON, serialised at once. Errors: `internal` when it has no form in JSON.
    pub fn json_of(value: &impl Serialize) -> Result<Value<'static>> {
        let text = serde_json::to_string(value);
        let text = text.map_err(|error| Error::internal(format!("this cannot be JSON: {error}")))?;
        Ok(Value::Json(Cow::Owned(text)))
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}
impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

/// Something that can be a parameter.
pub trait ToValue {
    /// The value to bind, borrowing where it can.
    fn to_value(&self) -> Value<'_>;
}

macro_rules! to_value {
    ($($type:ty, $this:ident => $value:expr;)*) => {
        $(impl ToValue for $type {
            fn to_value(&self) -> Value<'_> {
                let $this = self;
                $value
            }
        })*
    };
}

to_value! {
    i64, v => Value::Int(*v);
    i32, v => Value::Int(i64::from(*v));
    u32, v => Value::Int(i64::from(*v));
    u16, v => Value::Int(i64::from(*v));
    u8, v => Value::Int(i64::from(*v));
    bool, v => Value::Bool(*v);
    str, v => Value::Text(Cow::Borrowed(v));
    String, v => Value::Text(Cow::Borrowed(v));
    [u8], v => Value::Bytes(Cow::Borrowed(v));
    Vec<u8>, v => Value::Bytes(Cow::Borrowed(v));
    [u8; 32], v => Value::Bytes(Cow::Borrowed(v));
    Uuid, v => Value::Uuid(*v);
    Timestamp, v => Value::Instant(*v);
    Date, v => Value::Date(*v);
    serde_json::Value, v => Value::Json(Cow::Owned(v.to_string()));
    Vec<Uuid>, v => Value::Ids(v.clone());
    Vec<String>, v => Value::Texts(v.clone());
    Vec<i64>, v => Value::Ints(v.clone());
    kernel::Currency, v => Value::Text(Cow::Borrowed(v.code()));
    kernel::Zone, v => Value::Text(Cow::Borrowed(v.name()));
    kernel::Cycle, v => Value::Text(Cow::Owned(v.to_string()));
}

impl<K> ToValue for Id<K> {
    fn to_value(&self) -> Value<'_> {
        Value::Uuid(self.uuid())
    }
}
impl<K> ToValue for Vec<Id<K>> {
    fn to_value(&self) -> Value<'_> {
        Value::Ids(self.iter().map(|id| id.uuid()).collect())
    }
}
impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}
impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}
impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        self.clone()
    }
}

/// `params![a, &b, c.id]`: the parameters of a statement after the environment.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::ToValue::to_value(&$value)),*][..] };
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(value) => (*value).into(),
            Self::Bool(value) => (*value).into(),
            Self::Text(value) | Self::Json(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Self::Bytes(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Self::Uuid(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value.as_bytes())),
            Self::Instant(value) => value.as_microsecond().into(),
            Self::Date(value) => value.to_string().into(),
            // Lists travel as JSON and are opened again by `json_each`; ids in hexadecimal.
            Self::Ids(ids) => id_list(ids).into(),
            Self::Ints(numbers) => serde_json::Value::from(numbers.as_slice()).to_string().into(),
            Self::Texts(texts) => {
                serde_json::Value::from(texts.iter().map(String::as_str).collect::<Vec<_>>())
                    .to_string()
                    .into()
            }
        })
    }
}

fn id_list(ids: &[Uuid]) -> String {
    let mut list = String::with_capacity(35 * ids.len() + 2);
    list.push('[');
    for (index, id) in ids.iter().enumerate() {
        list.push_str(if index == 0 { "\"" } else { ",\"" });
        list.push_str(id.simple().encode_lower(&mut Uuid::encode_buffer()));
        list.push('"');
    }
    list.push(']');
    list
}

type SqlResult = Result<IsNull, Box<dyn StdError + Sync + Send>>;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> SqlResult {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Bool(value) => value.to_sql(ty, out),
            Self::Text(value) => value.as_ref().to_sql(ty, out),
            Self::Bytes(value) => value.as_ref().to_sql(ty, out),
            Self::Uuid(value) => value.to_sql(ty, out),
            Self::Instant(value) => value.to_sql(ty, out),
            Self::Date(value) => value.to_sql(ty, out),
            Self::Json(value) => {
                // The binary form of jsonb is its text behind a version byte of 1.
                if *ty == Type::JSONB {
                    out.extend_from_slice(&[1]);
                }
                out.extend_from_slice(value.as_bytes());
                Ok(IsNull::No)
            }
            Self::Ids(ids) => ids.to_sql(ty, out),
            Self::Texts(texts) => texts.to_sql(ty, out),
            Self::Ints(numbers) => numbers.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true // `to_sql` checks below, per value
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> SqlResult {
        let fits = match self {
            Self::Null => true,
            Self::Int(_) => *ty == Type::INT8,
            Self::Bool(_) => *ty == Type::BOOL,
            Self::Text(_) => *ty == Type::TEXT,
            Self::Bytes(_) => *ty == Type::BYTEA,
            Self::Uuid(_) => *ty == Type::UUID,
            Self::Instant(_) => *ty == Type::TIMESTAMPTZ,
            Self::Date(_) => *ty == Type::DATE,
            Self::Json(_) => *ty == Type::JSONB,
            Self::Ids(_) => *ty == Type::UUID_ARRAY,
            Self::Texts(_) => *ty == Type::TEXT_ARRAY,
            Self::Ints(_) => *ty == Type::INT8_ARRAY,
        };
        if !fits {
            return Err(format!("parameter {self:?} does not fit a column of type {ty}").into());
        }
        self.to_sql(ty, out)
    }
}

/// One column of a bulk insert on PostgreSQL: bound as an array.
#[derive(Debug)]
pub(crate) struct Column<'a>(pub(crate) Vec<Value<'a>>);

impl ToSql for Column<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> SqlResult {
        self.0.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        Vec::<Value<'_>>::accepts(ty)
    }

    to_sql_checked!();
}
