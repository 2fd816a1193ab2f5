//! Whose tax applies to a sale, at which rate, and why.

use jiff::civil::Date;
use kernel::Rate;
use serde::{Deserialize, Serialize};

use crate::{
    Category, Jurisdiction, Registration,
    places::{self, Place, Regime},
};

/// Who sells.
#[derive(Clone, Copy, Debug)]
pub struct Seller<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// ISO 3166-2 without the country: `NY`.
    pub region: Option<&'a str>,
    /// What they are registered for; nothing is charged where they are not.
    pub registrations: &'a [Registration],
}

/// Who buys.
#[derive(Clone, Copy, Debug)]
pub struct Buyer<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// ISO 3166-2 without the country.
    pub region: Option<&'a str>,
    /// Whether they have given a tax id, and so buy as a business.
    pub has_tax_id: bool,
    /// Whether nothing is charged to them, such as to a diplomatic mission or a reseller with a certificate.
    pub exempt: bool,
}

/// How a sale is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Taxed at a rate of the place.
    Standard,
    /// The buyer accounts for the tax.
    ReverseCharge,
    /// Supplied to where the seller's tax does not reach.
    Export,
    /// Free of tax: what is sold, or who buys.
    Exempt,
    /// The seller collects no tax there.
    NotRegistered,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Standard, Self::ReverseCharge, Self::Export, Self::Exempt, Self::NotRegistered];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::ReverseCharge => "reverse_charge",
            Self::Export => "export",
            Self::Exempt => "exempt",
            Self::NotRegistered => "not_registered",
        }
    }

    /// The inverse of [`Kind::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// How what is sold is taxed. Lines with the same jurisdiction, kind and rate are one entry of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// Whose tax it is about: that is charged, or that the buyer accounts for, or that is not due.
    pub jurisdiction: Jurisdiction,
    /// What is done.
    pub kind: Kind,
    /// Zero unless the kind is [`Kind::Standard`].
    pub rate: Rate,
    /// What the tax is called: `VAT`.
    pub name: String,
    /// Why, in a sentence for whoever looks into the document. Names places, never persons.
    pub reason: String,
    /// What the law wants printed on the document.
    pub note: Option<String>,
}

impl Treatment {
    /// Whether both are one entry of a document (EN 16931: a category with a rate).
    pub fn is_same_tax(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.kind, one.rate);
        key(self) == key(other) && self.jurisdiction == other.jurisdiction && self.name == other.name
    }

    /// What a document calls it: `VAT 19 %`, `VAT, reverse charge`.
    pub fn label(&self) -> String {
        let Self { name, rate, kind, .. } = self;
        match kind {
            Kind::Standard => format!("{name} {rate} %"),
            Kind::ReverseCharge => format!("{name}, reverse charge"),
            Kind::Export => format!("{name}, not due abroad"),
            Kind::Exempt => format!("{name}, exempt"),
            Kind::NotRegistered => format!("{name}, not charged"),
        }
    }
}

/// How a sale of something of a `category` by `seller` to `buyer` on a day is taxed.
///
/// - Within a country or state: its tax, if the seller is registered there.
/// - From one member state of the European Union to another: a business with a tax id accounts for the tax itself.
///   A consumer pays the tax of the own country when the seller is registered there or for the One-Stop-Shop, and
///   that of the seller's otherwise; services that people render are always taxed where the seller is.
/// - Into the Union: a business accounts for the tax, a consumer pays it when the seller is registered so.
/// - Elsewhere: nothing, unless the seller is registered where the buyer is. Then the tax of that place, which in
///   most countries a business accounts for itself.
pub fn treat(seller: &Seller<'_>, buyer: &Buyer<'_>, category: Category, on: Date) -> Treatment {
    Sale { seller, buyer, category, on }.treat()
}

struct Sale<'a> {
    seller: &'a Seller<'a>,
    buyer: &'a Buyer<'a>,
    category: Category,
    on: Date,
}

impl Sale<'_> {
    fn treat(&self) -> Treatment {
        let (home, there) = (self.home(), self.there());
        if self.category == Category::Exempt {
            return self.free(&there, "What is sold is exempt from tax.");
        }
        if self.buyer.exempt {
            return self.free(&there, "The customer is exempt from tax.");
        }
        if self.is_domestic() {
            return match self.registered(&there) {
                Some(place) => self.taxed(place, &format!("Sold within {}", place.name)),
                None => self.not_registered(&there, self.buyer.country),
            };
        }
        let (from_union, to_union) = (is_union(&home), is_union(&there));
        match (from_union, to_union) {
            (true, true) => self.within_union(&home, &there),
            (false, true) => self.to_the_union(&there),
            _ => self.abroad(&home, &there),
        }
    }

    /// The places whose tax may apply where the seller is.
    fn home(&self) -> Vec<&'static Place> {
        places::at(self.seller.country, self.seller.region)
    }

    /// The places whose tax may apply where the buyer is.
    fn there(&self) -> Vec<&'static Place> {
        places::at(self.buyer.country, self.buyer.region)
    }

    fn is_domestic(&self) -> bool {
        let of = places::country_of_tax;
        let outside = places::is_outside(self.buyer.country, self.buyer.region)
            || places::is_outside(self.seller.country, self.seller.region);
        of(self.seller.country) == of(self.buyer.country) && !outside
    }

    fn has(&self, registration: &str) -> bool {
        self.seller.registrations.iter().any(|one| one.as_str() == registration)
    }

    /// The narrowest of the places the seller is registered for.
    fn registered(&self, places: &[&'static Place]) -> Option<&'static Place> {
        places
            .iter()
            .find(|place| self.has(place.code) || (place.with_country && self.has(place.country())))
            .copied()
    }

    fn within_union(&self, home: &[&'static Place], there: &[&'static Place]) -> Treatment {
        let (Some(at_home), Some(away)) = (home.first(), there.first()) else {
            return self.abroad(home, there);
        };
        let registered_at_home = self.registered(home);
        if self.buyer.has_tax_id {
            return match registered_at_home {
                Some(_) => self.reverse_charge(away),
                None => self.not_registered(home, self.seller.country),
            };
        }
        let consumer = format!("A consumer in {} buys from {}", away.name, at_home.name);
        if self.category != Category::Service {
            if let Some(place) = self.registered(there) {
                return self.taxed(place, &format!("{consumer}, and the seller is registered there"));
            }
            if self.has(Registration::OSS) {
                let why = format!("{consumer}, and the seller is registered for the One-Stop-Shop");
                return self.taxed(away, &why);
            }
        }
        match registered_at_home {
            Some(place) if self.category == Category::Service => {
                self.taxed(place, &format!("{consumer}; this service is taxed where the seller is"))
            }
            Some(place) => {
                let why = format!(
                    "{consumer}, and the seller is registered neither there nor for the One-Stop-Shop"
                );
                self.taxed(place, &why)
            }
            None => self.not_registered(home, self.seller.country),
        }
    }

    /// From outside of the Union.
    fn to_the_union(&self, there: &[&'static Place]) -> Treatment {
        let Some(away) = there.first() else { return self.abroad(&[], there) };
        if self.buyer.has_tax_id {
            return self.reverse_charge(away);
        }
        if self.category == Category::Service {
            return self.abroad(&self.home(), &[]);
        }
        let consumer = format!("A consumer in {} buys", away.name);
        if let Some(place) = self.registered(there) {
            return self.taxed(place, &format!("{consumer}, and the seller is registered there"));
        }
        if self.has(Registration::OSS) {
            return self
                .taxed(away, &format!("{consumer}, and the seller is registered for the One-Stop-Shop"));
        }
        self.not_registered(there, self.buyer.country)
    }

    /// To where the seller's own tax does not reach.
    fn abroad(&self, home: &[&'static Place], there: &[&'static Place]) -> Treatment {
        match self.registered(there) {
            Some(place) if place.regime == Regime::ReverseCharge && self.buyer.has_tax_id => {
                self.reverse_charge(place)
            }
            Some(place) => {
                self.taxed(place, &format!("Sold to {}, where the seller is registered", place.name))
            }
            None => self.export(home),
        }
    }

    fn taxed(&self, place: &'static Place, why: &str) -> Treatment {
        let rate = place.rate(self.category, self.on);
        let (name, of) = (place.tax, place.name);
        let treatment = |kind, reason| Treatment {
            jurisdiction: Jurisdiction::known(place.code),
            kind,
            rate,
            name: name.to_owned(),
            reason,
            note: None,
        };
        if rate.is_zero() {
            return treatment(Kind::Exempt, format!("{why}: {of} does not tax what is sold."));
        }
        treatment(Kind::Standard, format!("{why}: {} of {of}, {rate} %.", lower(name)))
    }

    fn reverse_charge(&self, place: &'static Place) -> Treatment {
        let (name, of) = (place.tax, place.name);
        let law = match place.regime {
            Regime::Union => " (article 196 of Directive 2006/112/EC)",
            Regime::ReverseCharge | Regime::Charged => "",
        };
        Treatment {
            jurisdiction: Jurisdiction::known(place.code),
            kind: Kind::ReverseCharge,
            rate: Rate::ZERO,
            name: name.to_owned(),
            reason: format!(
                "A business in {of} with a tax id buys from abroad: it accounts for the {name} of {of} itself."
            ),
            note: Some(format!("Reverse charge: the customer accounts for the {name}{law}.")),
        }
    }

    fn export(&self, home: &[&'static Place]) -> Treatment {
        let country = places::country_of_tax(self.seller.country);
        let name = home.first().map_or("Tax", |place| place.tax);
        let beyond = match is_union(home) {
            true => "the European Union",
            false => places::by_code(country)
                .map_or(if country == "US" { "the United States" } else { country }, |place| place.name),
        };
        // A state's sales tax never reached there; only a tax of the whole country is said to end at its border.
        let note = home
            .first()
            .filter(|place| place.with_country)
            .map(|_| format!("Not subject to {name}: supplied to a customer outside {beyond}."));
        Treatment {
            jurisdiction: Jurisdiction::known(country),
            kind: Kind::Export,
            rate: Rate::ZERO,
            name: name.to_owned(),
            reason: format!("The customer is outside {beyond}, and the seller collects no tax where it is."),
            note,
        }
    }

    fn free(&self, there: &[&'static Place], reason: &str) -> Treatment {
        let place = self.registered(there).or_else(|| there.first().copied());
        Treatment {
            jurisdiction: Jurisdiction::known(place.map_or(self.buyer.country, |place| place.code)),
            kind: Kind::Exempt,
            rate: Rate::ZERO,
            name: place.map_or("Tax", |place| place.tax).to_owned(),
            reason: reason.to_owned(),
            note: Some("Exempt from tax.".to_owned()),
        }
    }

    fn not_registered(&self, places: &[&'static Place], country: &str) -> Treatment {
        let place = places.first();
        let reason = match place {
            Some(place) => format!(
                "The seller is not registered in {}, so its {} is not charged.",
                place.name,
                lower(place.tax)
            ),
            None if country == "US" => {
                "No sales tax: the customer's state is not known, or not in the tax table.".to_owned()
            }
            None => format!("The tax table has no rates for {country}, so no tax is charged."),
        };
        Treatment {
            jurisdiction: Jurisdiction::known(place.map_or(country, |place| place.code)),
            kind: Kind::NotRegistered,
            rate: Rate::ZERO,
            name: place.map_or("Tax", |place| place.tax).to_owned(),
            reason,
            note: None,
        }
    }
}

fn is_union(places: &[&'static Place]) -> bool {
    places.first().is_some_and(|place| place.regime == Regime::Union)
}

/// Abbreviations stay as they are within a sentence.
fn lower(tax: &str) -> String {
    match tax.chars().nth(1) {
        Some(second) if second.is_lowercase() => tax.to_lowercase(),
        _ => tax.to_owned(),
    }
}
