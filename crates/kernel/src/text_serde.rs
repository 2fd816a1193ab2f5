//! One way for a type with a text form to travel through serde.

/// Serialize by `Display`, deserialize by the given parser; the parser's sentence is the error.
macro_rules! text_serde {
    ($type:ty, $parse:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                $parse(&text).map_err(|error: crate::Error| serde::de::Error::custom(error.detail))
            }
        }
        impl std::str::FromStr for $type {
            type Err = crate::Error;

            fn from_str(text: &str) -> crate::Result<Self> {
                $parse(text)
            }
        }
    };
}
pub(crate) use text_serde;
