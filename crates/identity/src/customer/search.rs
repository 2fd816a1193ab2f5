//! Finding customers: by words, by what they are, a page at a time.

use std::str::FromStr;

use kernel::{
    Currency, Error, Result,
    ids::{CustomerId, PersonId},
};
use store::{Row, Tx, Value, View, counts, params};
use uuid::Uuid;

use super::{
    model::{Customer, Person},
    ops::{read, read_person},
    sql, words,
};

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
    /// By name, whatever its case and accents; erased ones last.
    Name,
}

impl Sort {
    /// Every order.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Oldest, Self::Name];

    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Name => "name",
        }
    }

    /// The inverse of [`Sort::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.word() == word)
    }
}

/// Which customers. What is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Find {
    /// Beginnings of words of name, e-mail address or external id, all of which a customer must have; or our id.
    /// Case and accents do not matter.
    pub search: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Billed in this unless a subscription says otherwise.
    pub currency: Option<Currency>,
    /// In which order.
    pub sort: Sort,
}

/// A customer with its name, and its place in the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The customer.
    pub customer: Customer,
    /// Who that is.
    pub person: Person,
    /// Its name as lists are sorted by it.
    key: Vec<u8>,
    words: String,
}

/// Behind which customer a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    customer: CustomerId,
    person: PersonId,
    key: Vec<u8>,
}

impl Place {
    /// The customer a list goes on behind.
    pub fn customer(&self) -> CustomerId {
        self.customer
    }
}

impl Found {
    /// Its place in a list.
    pub fn place(&self) -> Place {
        Place { customer: self.customer.id, person: self.customer.person, key: self.key.clone() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.", self.customer, self.person)?;
        self.key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("cursor_malformed", "This is not a place in a list of customers.");
        let mut parts = text.split('.');
        let (Some(customer), Some(person), Some(key), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let byte = |at: usize| key.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let key: Option<Vec<u8>> = (0..key.len()).step_by(2).map(byte).collect();
        Ok(Self {
            customer: customer.parse().map_err(|_| wrong())?,
            person: person.parse().map_err(|_| wrong())?,
            key: key.ok_or_else(wrong)?,
        })
    }
}

impl Find {
    /// Whether nothing is asked for but an order.
    pub const fn is_everybody(&self) -> bool {
        self.search.is_none() && self.country.is_none() && self.currency.is_none()
    }

    /// Whether a customer is among those asked for.
    pub fn matches(&self, found: &Found) -> bool {
        let searched = match self.sought() {
            Sought::Everybody => true,
            Sought::Nobody => false,
            Sought::One(id) => found.customer.id == id,
            Sought::Words(sought) => sought.iter().all(|word| found.words.contains(&format!(" {word}"))),
        };
        searched
            && self.country.as_ref().is_none_or(|country| *country == found.customer.country)
            && self.currency.is_none_or(|currency| currency == found.customer.currency)
    }

    /// How two customers stand in this order.
    pub fn compare(&self, one: &Found, other: &Found) -> std::cmp::Ordering {
        match self.sort {
            Sort::Newest => other.customer.id.cmp(&one.customer.id),
            Sort::Oldest => one.customer.id.cmp(&other.customer.id),
            Sort::Name => (&one.key, one.customer.person).cmp(&(&other.key, other.customer.person)),
        }
    }

    /// Whether a customer comes behind a place.
    pub fn comes_after(&self, found: &Found, place: &Place) -> bool {
        match self.sort {
            Sort::Newest => found.customer.id < place.customer,
            Sort::Oldest => found.customer.id > place.customer,
            Sort::Name => (&found.key, found.customer.person) > (&place.key, place.person),
        }
    }

    fn sought(&self) -> Sought {
        let Some(text) = self.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
            return Sought::Everybody;
        };
        if let Ok(id) = text.parse() {
            return Sought::One(id);
        }
        match words::sought(text) {
            words if words.is_empty() => Sought::Nobody,
            words => Sought::Words(words),
        }
    }
}

enum Sought {
    Everybody,
    /// Nothing in it can be looked for.
    Nobody,
    One(CustomerId),
    Words(Vec<String>),
}

fn read_found(row: &Row<'_>) -> Result<Found> {
    Ok(Found {
        customer: read(row)?,
        person: read_person(row, 10)?,
        key: row.get::<Option<Vec<u8>>>(15)?.unwrap_or_default(),
        words: row.get::<Option<String>>(16)?.unwrap_or_default(),
    })
}

/// The customers asked for behind a place (none: from the first), at most `limit`.
pub fn search(view: &mut View<'_>, find: &Find, after: Option<&Place>, limit: i64) -> Result<Vec<Found>> {
    let words = match find.sought() {
        Sought::Everybody => Vec::new(),
        Sought::Nobody => return Ok(Vec::new()),
        Sought::One(id) => return one(view, find, after, id),
        Sought::Words(words) => words,
    };
    if let Some(found) = by_words_alone(view, find, &words, after, limit)? {
        return Ok(found);
    }
    let by = if words.is_empty() { without_words(view, find)? } else { sql::BY_WORD };
    let nil = Uuid::nil();
    let (statement, start) = match find.sort {
        Sort::Newest => (by[0], after.map_or(Uuid::max(), |place| place.customer.uuid())),
        Sort::Oldest => (by[1], after.map_or(nil, |place| place.customer.uuid())),
        Sort::Name => (by[2], after.map_or(nil, |place| place.person.uuid())),
    };
    let mut params = vec![
        Value::Uuid(start),
        Value::Int(limit),
        Value::from(find.country.as_deref().unwrap_or_default()),
        Value::from(find.currency.map_or("", Currency::code)),
    ];
    if find.sort == Sort::Name {
        params.push(bytes(after.map_or(&[], |place| &place.key)));
    }
    if let Some((longest, others)) = words.split_first() {
        params.extend(range(longest));
        // Always as many as the statement has places for; the rest match everybody.
        let patterns =
            others.iter().map(|word| words::pattern(word)).chain(std::iter::repeat("%".to_owned()));
        params.extend(patterns.take(words::MOST_SOUGHT - 1).map(Value::from));
    }
    view.all(statement, &params, read_found)
}

/// Those whom one or two words find in the order of their ids: the index of words has all it takes to tell who comes
/// first, however many are found. None for everything else.
fn by_words_alone(
    view: &mut View<'_>,
    find: &Find,
    words: &[String],
    after: Option<&Place>,
    limit: i64,
) -> Result<Option<Vec<Found>>> {
    let statement = match (find.sort, words.len()) {
        (Sort::Newest, 1) => &sql::IDS_BY_WORD,
        (Sort::Newest, 2) => &sql::IDS_BY_TWO,
        (Sort::Oldest, 1) => &sql::IDS_BY_WORD_OLDEST,
        (Sort::Oldest, 2) => &sql::IDS_BY_TWO_OLDEST,
        _ => return Ok(None),
    };
    if find.country.is_some() || find.currency.is_some() {
        return Ok(None);
    }
    let end = if find.sort == Sort::Newest { Uuid::max() } else { Uuid::nil() };
    let mut params = vec![Value::Uuid(after.map_or(end, |place| place.customer.uuid())), Value::Int(limit)];
    params.extend(words.iter().flat_map(|word| range(word)));
    let ids = view.all(statement, &params, |row| row.get(0))?;
    let mut found = load(view, ids)?;
    found.sort_unstable_by(|one, other| find.compare(one, other));
    Ok(Some(found))
}

/// Where the words that begin with this one are in their index.
fn range(word: &str) -> [Value<'static>; 2] {
    [bytes(word.as_bytes()), bytes(&words::after(word).unwrap_or_else(|| vec![u8::MAX]))]
}

fn bytes(bytes: &[u8]) -> Value<'static> {
    Value::Bytes(bytes.to_vec().into())
}

/// So few are found and sorted by name sooner than they are met in the order of names.
const FEW: i64 = 2_000;

/// The index that leads to those asked for. In the order of names that of a country or currency is for few; among many
/// the names themselves are gone through, where a page is soon full.
fn without_words(view: &mut View<'_>, find: &Find) -> Result<sql::By> {
    let (by, count, word) = match (&find.country, find.currency) {
        (Some(country), _) => (sql::BY_COUNTRY, &sql::COUNT_IN_COUNTRY, country.as_str()),
        (None, Some(currency)) => (sql::BY_CURRENCY, &sql::COUNT_IN_CURRENCY, currency.code()),
        (None, None) => return Ok(sql::BY_NOTHING),
    };
    let many =
        find.sort == Sort::Name && view.one(count, params![word, FEW], |row| row.get::<i64>(0))? == FEW;
    Ok(if many { sql::BY_NOTHING } else { by })
}

fn one(view: &mut View<'_>, find: &Find, after: Option<&Place>, id: CustomerId) -> Result<Vec<Found>> {
    let mut found = load(view, vec![id])?;
    found.retain(|found| find.matches(found) && after.is_none_or(|place| find.comes_after(found, place)));
    Ok(found)
}

/// Several customers with their names, in no order.
pub fn load(view: &mut View<'_>, ids: Vec<CustomerId>) -> Result<Vec<Found>> {
    view.all(&sql::FOUND, params![ids], read_found)
}

/// How many customers there are, erased ones included.
pub fn count(view: &mut View<'_>) -> Result<i64> {
    Ok(counts::of(view, COUNTED)?.into_iter().map(|(_, count)| count).sum())
}

/// The same, counted one by one, to be compared.
pub fn counted_again(view: &mut View<'_>) -> Result<i64> {
    view.one(&sql::COUNT, params![], |row| row.get(0))
}

/// Put what was counted one by one in place of what was kept.
pub fn count_again(tx: &mut Tx<'_>) -> Result<()> {
    let count = counted_again(tx)?;
    counts::set(tx, COUNTED, [(String::new(), count)])
}

/// As they are counted: in one part.
pub(super) const COUNTED: &str = "customer";
