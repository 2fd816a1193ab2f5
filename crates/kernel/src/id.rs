//! Typed ids: a UUIDv7 that knows what it names, shown as `inv_` and 26 base32 characters.
//!
//! Ids order by creation in real time, which keeps database keys dense. They are never used as
//! business time and never derived from an outside id.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Error, Result};

/// What an [`Id`] names.
pub trait IdKind: 'static {
    /// Three letters before the underscore.
    const PREFIX: &'static str;
    /// The noun in error messages.
    const NOUN: &'static str;
}

/// The id of one `K`.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// Wrap a raw id, as read from storage or made by the id source.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The raw id.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<K: IdKind> Id<K> {
    /// The id with its kind as a value.
    pub const fn any(self) -> AnyId {
        AnyId { prefix: K::PREFIX, uuid: self.uuid }
    }
}

/// An id whose kind is known at run time only: the subject of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnyId {
    /// Three letters before the underscore.
    pub prefix: &'static str,
    /// The raw id.
    pub uuid: Uuid,
}

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = encode(self.uuid);
        let letters = str::from_utf8(&letters).map_err(|_| fmt::Error)?;
        f.write_str(self.prefix)?;
        f.write_str("_")?;
        f.write_str(letters)
    }
}

// Derives would ask for the same traits on `K`, which is never held.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any().fmt(f)
    }
}
impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any().fmt(f)
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let (noun, prefix) = (K::NOUN, K::PREFIX);
            Error::invalid(
                "id_malformed",
                format!("This is no {noun} id: it should read {prefix}_ and 26 characters."),
            )
        };
        let body = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(wrong)?;
        decode(body).map(Self::from_uuid).ok_or_else(wrong)
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| serde::de::Error::custom(error.detail))
    }
}

/// Crockford's base32 in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 128 bits as 26 characters, most significant first; the first character holds three bits.
fn encode(uuid: Uuid) -> [u8; 26] {
    let mut bits = uuid.as_u128();
    let mut letters = [0; 26];
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    letters
}

/// The inverse of [`encode`]; strict, so that one id has one spelling.
fn decode(text: &str) -> Option<Uuid> {
    if text.len() != 26 {
        return None;
    }
    let mut bits: u128 = 0;
    for (place, letter) in text.bytes().enumerate() {
        let value = ALPHABET.iter().position(|candidate| *candidate == letter)? as u128;
        if place == 0 && value > 7 {
            return None;
        }
        bits = (bits << 5) | value;
    }
    Some(Uuid::from_u128(bits))
}

/// Every kind of id, in one place so that two never share a prefix.
pub mod ids {
    use super::{AnyId, Id, IdKind};

    macro_rules! kinds {
        ($($kind:ident $alias:ident $prefix:literal $noun:literal;)*) => {
            $(
                #[doc = concat!("Names a ", $noun, ".")]
                pub enum $kind {}
                impl IdKind for $kind {
                    const PREFIX: &'static str = $prefix;
                    const NOUN: &'static str = $noun;
                }
                #[doc = concat!("The id of a ", $noun, ", shown as `", $prefix, "_…`.")]
                pub type $alias = Id<$kind>;
            )*

            /// Every prefix, each once.
            pub const PREFIXES: &[&str] = &[$($prefix),*];

            /// The static spelling of a prefix read from storage.
            pub fn known_prefix(prefix: &str) -> Option<&'static str> {
                PREFIXES.iter().copied().find(|known| *known == prefix)
            }

            /// The id a shown id stands for, whatever it names.
            pub fn parse_any(text: &str) -> Option<AnyId> {
                let (prefix, body) = text.split_once('_')?;
                Some(AnyId { prefix: known_prefix(prefix)?, uuid: super::decode(body)? })
            }
        };
    }

    kinds! {
        Merchant MerchantId "mer" "merchant";
        Environment EnvironmentId "env" "environment";
        LegalEntity LegalEntityId "ent" "legal entity";
        User UserId "usr" "user";
        ApiKey ApiKeyId "key" "API key";
        Person PersonId "per" "person";
        Customer CustomerId "cus" "customer";
        BookVersion BookVersionId "bkv" "price book version";
        Subscription SubscriptionId "sub" "subscription";
        Invoice InvoiceId "inv" "invoice";
        BillRun BillRunId "run" "bill run";
        CreditNote CreditNoteId "crn" "credit note";
        Payment PaymentId "pay" "payment";
        LedgerAccount LedgerAccountId "acc" "ledger account";
        LedgerTransaction LedgerTransactionId "txn" "ledger transaction";
        Job JobId "job" "job";
        Hold HoldId "hld" "hold";
        CustomerLink CustomerLinkId "lnk" "link of a customer";
        Flag FlagId "flg" "flag";
        Alert AlertId "alr" "alert";
    }
}

#[cfg(test)]
mod tests {
    use super::{ids, *};

    #[test]
    fn an_id_reads_back_as_it_is_shown() {
        let id = ids::InvoiceId::from_uuid(Uuid::from_u128(0x0193_5a7e_0000_7000_8000_0000_0000_0001));
        let shown = id.to_string();
        assert_eq!(shown, "inv_01jdd7w000e008000000000001");
        assert_eq!(shown.len(), 30);
        assert_eq!(shown.parse::<ids::InvoiceId>().unwrap(), id);
        assert_eq!(ids::parse_any(&shown), Some(id.any()));
    }

    #[test]
    fn order_of_text_is_order_of_creation() {
        let earlier = ids::InvoiceId::from_uuid(Uuid::from_u128(1 << 90));
        let later = ids::InvoiceId::from_uuid(Uuid::from_u128(1 << 91));
        assert!(earlier < later && earlier.to_string() < later.to_string());
    }

    #[test]
    fn another_kind_or_another_spelling_is_refused() {
        let good = ids::CustomerId::from_uuid(Uuid::from_u128(u128::MAX)).to_string();
        assert!(good.parse::<ids::InvoiceId>().is_err());
        for bad in ["", "cus_", "cus_8zzzzzzzzzzzzzzzzzzzzzzzzz", &good.to_uppercase(), &good[..29], "cus_é"]
        {
            assert!(bad.parse::<ids::CustomerId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_two_kinds_share_a_prefix() {
        let mut prefixes = ids::PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), ids::PREFIXES.len());
    }
}
