//! What comes out of a row, the same for both engines.

use std::error::Error as StdError;

use jiff::{Timestamp, civil::Date};
use kernel::{Error, Id, Result};
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use tokio_postgres::types::Type;
use uuid::Uuid;

/// One row of an answer.
pub enum Row<'r> {
    /// From SQLite.
    Sqlite(&'r rusqlite::Row<'r>),
    /// From PostgreSQL.
    Postgres(&'r tokio_postgres::Row),
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

    /// The JSON at `index`, read as a `T` at once; NULL reads as `null`. What cannot be read so is a fault of
    /// ours: `internal`.
    pub fn json<T: DeserializeOwned>(&self, index: usize) -> Result<T> {
        match self {
            Self::Sqlite(row) => match row.get_ref(index).map_err(|error| column_fault(index, &error))? {
                ValueRef::Null => read_json(index, b"null"),
                ValueRef::Text(text) => read_json(index, text),
                other => Err(column_fault(index, &other.data_type())),
            },
            Self::Postgres(row) => {
                let text: Option<JsonText<'_>> =
                    row.try_get(index).map_err(|error| column_fault(index, &error))?;
                read_json(index, text.map_or(b"null", |JsonText(text)| text))
            }
        }
    }

    /// The text at `index`, read by `parse`: states, kinds and other words with a type of their own.
    pub fn parse<T>(&self, index: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text: String = self.get(index)?;
        parse(&text)
            .ok_or_else(|| Error::internal(format!("column {index} holds {text:?}, which is no known word")))
    }
}

fn read_json<T: DeserializeOwned>(index: usize, text: &[u8]) -> Result<T> {
    serde_json::from_slice(text).map_err(|error| column_fault(index, &error))
}

fn column_fault(index: usize, error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("column {index} could not be read: {error}"))
}

/// A type a column can be read as. `None` from SQLite means the stored value has another type.
pub trait FromColumn: Sized {
    /// Read from SQLite's dynamic value.
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self>;
    /// Read from PostgreSQL's typed row.
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error>;
}

macro_rules! from_column {
    ($($type:ty, $value:ident => $sqlite:expr;)*) => {
        $(impl FromColumn for $type {
            fn from_sqlite($value: ValueRef<'_>) -> Option<Self> {
                $sqlite
            }
            fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
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
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get(index).map(Self::from_uuid)
    }
}

/// JSON text behind PostgreSQL's `jsonb` wire form.
struct JsonText<'r>(&'r [u8]);

impl<'a> tokio_postgres::types::FromSql<'a> for JsonText<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        raw.strip_prefix(&[1]).map(Self).ok_or_else(|| "jsonb of an unknown version".into())
    }
    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }
}

impl FromColumn for serde_json::Value {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        serde_json::from_str(value.as_str().ok()?).ok()
    }
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        let JsonText(text) = row.try_get(index)?;
        // The server only ever stores well-formed JSON in a jsonb column.
        Ok(serde_json::from_slice(text).unwrap_or(Self::Null))
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            other => T::from_sqlite(other).map(Some),
        }
    }
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        match row.try_get::<_, IsNullColumn>(index)? {
            IsNullColumn(true) => Ok(None),
            IsNullColumn(false) => T::from_postgres(row, index).map(Some),
        }
    }
}

/// Whether a column of any type is NULL.
struct IsNullColumn(bool);

impl<'a> tokio_postgres::types::FromSql<'a> for IsNullColumn {
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
            fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
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

impl<'a, T: ParsedColumn> tokio_postgres::types::FromSql<'a> for Parsed<T> {
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
