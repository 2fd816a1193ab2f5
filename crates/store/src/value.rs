//! What goes into a statement and what comes out of a row, the same for both engines.

use std::{borrow::Cow, error::Error as StdError};

use jiff::{Timestamp, civil::Date};
use kernel::{Error, Id, Result};
use postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use rusqlite::types::{ToSqlOutput, ValueRef};
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
            Self::Ids(ids) => {
                let quoted: Vec<String> = ids.iter().map(|id| format!("\"{}\"", id.simple())).collect();
                format!("[{}]", quoted.join(",")).into()
            }
            Self::Ints(numbers) => serde_json::Value::from(numbers.as_slice()).to_string().into(),
            Self::Texts(texts) => {
                serde_json::Value::from(texts.iter().map(String::as_str).collect::<Vec<_>>())
                    .to_string()
                    .into()
            }
        })
    }
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

/// One row of an answer.
pub enum Row<'r> {
    /// From SQLite.
    Sqlite(&'r rusqlite::Row<'r>),
    /// From PostgreSQL.
    Postgres(&'r postgres::Row),
}

impl Row<'_> {
    /// The column at `index`, from 0. A value of another type is a fault of ours: `internal`.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(index).map_err(|error| column_fault(index, &error))?;
                T::from_sqlite(value).ok_or_else(|| column_fault(index, &value.data_type()))
            }
            Self::Postgres(row) => T::from_postgres(row, index).map_err(|error| column_fault(index, &error)),
        }
    }

    /// The text at `index`, read by `parse`: states, kinds and other words with a type of their own.
    pub fn parse<T>(&self, index: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text: String = self.get(index)?;
        parse(&text)
            .ok_or_else(|| Error::internal(format!("column {index} holds {text:?}, which is no known word")))
    }
}

fn column_fault(index: usize, error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("column {index} could not be read: {error}"))
}

/// A type a column can be read as. `None` from SQLite means the stored value has another type.
pub trait FromColumn: Sized {
    /// Read from SQLite's dynamic value.
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self>;
    /// Read from PostgreSQL's typed row.
    fn from_postgres(row: &postgres::Row, index: usize) -> Result<Self, postgres::Error>;
}

macro_rules! from_column {
    ($($type:ty, $value:ident => $sqlite:expr;)*) => {
        $(impl FromColumn for $type {
            fn from_sqlite($value: ValueRef<'_>) -> Option<Self> {
                $sqlite
            }
            fn from_postgres(row: &postgres::Row, index: usize) -> Result<Self, postgres::Error> {
                row.try_get(index)
            }
        })*
    };
}

from_column! {
    i64, v => v.as_i64().ok();
    bool, v => v.as_i64().ok().map(|flag| flag != 0);
    String, v => v.as_str().ok().map(str::to_owned);
    Vec<u8>, v => v.as_blob().ok().map(<[u8]>::to_vec);
    Uuid, v => v.as_blob().ok().and_then(|bytes| Uuid::from_slice(bytes).ok());
    Timestamp, v => v.as_i64().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    Date, v => v.as_str().ok().and_then(|text| text.parse().ok());
}

impl<K> FromColumn for Id<K> {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        Uuid::from_sqlite(value).map(Self::from_uuid)
    }
    fn from_postgres(row: &postgres::Row, index: usize) -> Result<Self, postgres::Error> {
        row.try_get(index).map(Self::from_uuid)
    }
}

/// JSON text behind PostgreSQL's `jsonb` wire form.
struct JsonText(String);

impl<'a> postgres::types::FromSql<'a> for JsonText {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        let text = raw.strip_prefix(&[1]).ok_or("jsonb of an unknown version")?;
        Ok(Self(std::str::from_utf8(text)?.to_owned()))
    }
    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }
}

impl FromColumn for serde_json::Value {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        serde_json::from_str(value.as_str().ok()?).ok()
    }
    fn from_postgres(row: &postgres::Row, index: usize) -> Result<Self, postgres::Error> {
        let JsonText(text) = row.try_get(index)?;
        // The server only ever stores well-formed JSON in a jsonb column.
        Ok(serde_json::from_str(&text).unwrap_or(Self::Null))
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            other => T::from_sqlite(other).map(Some),
        }
    }
    fn from_postgres(row: &postgres::Row, index: usize) -> Result<Self, postgres::Error> {
        match row.try_get::<_, IsNullColumn>(index)? {
            IsNullColumn(true) => Ok(None),
            IsNullColumn(false) => T::from_postgres(row, index).map(Some),
        }
    }
}

/// Whether a column of any type is NULL.
struct IsNullColumn(bool);

impl<'a> postgres::types::FromSql<'a> for IsNullColumn {
    fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(false))
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(true))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Types of the kernel that are stored as their text.
macro_rules! text_column {
    ($($type:ty, $parse:expr;)*) => {
        $(impl FromColumn for $type {
            fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
                $parse(value.as_str().ok()?).ok()
            }
            fn from_postgres(row: &postgres::Row, index: usize) -> Result<Self, postgres::Error> {
                let Parsed(value) = row.try_get::<_, Parsed<$type>>(index)?;
                Ok(value)
            }
        }
        impl ParsedColumn for $type {
            fn parse_column(text: &str) -> Result<Self> {
                $parse(text)
            }
        })*
    };
}

trait ParsedColumn: Sized {
    fn parse_column(text: &str) -> Result<Self>;
}

struct Parsed<T>(T);

impl<'a, T: ParsedColumn> postgres::types::FromSql<'a> for Parsed<T> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(T::parse_column(std::str::from_utf8(raw)?)?))
    }
    fn accepts(ty: &Type) -> bool {
        *ty == Type::TEXT
    }
}

text_column! {
    kernel::Currency, kernel::Currency::parse;
    kernel::Zone, kernel::Zone::parse;
    kernel::Cycle, kernel::Cycle::parse;
}
