//! Places that levy tax, and their rates. Plain data; `docs/tax.md` is made of it.

use jiff::civil::{Date, date};
use kernel::Rate;

use crate::Category;

/// What a seller from elsewhere does about a business that buys in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// A member state of the European Union: the business accounts for the tax (directive 2006/112/EC, article 196).
    Union,
    /// The business accounts for the tax.
    ReverseCharge,
    /// Whoever is registered charges it to businesses too.
    Charged,
}

/// Which of a place's rates an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// What applies unless another entry does.
    Standard,
    /// The reduced rate; of several the highest.
    Reduced,
    /// Of things that are delivered, where it is not the standard rate.
    Goods,
}

/// A rate from a date on, until the next entry of the same band.
#[derive(Clone, Copy, Debug)]
pub struct Dated {
    /// Which of the rates.
    pub band: Band,
    /// Percent, as [`Rate`] reads it.
    pub percent: &'static str,
    /// The first day it is valid.
    pub from: Date,
}

/// A place that levies a tax of its own.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// ISO 3166-1 alpha-2, or with a region of ISO 3166-2: `US-NY`.
    pub code: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What the tax is called there.
    pub tax: &'static str,
    /// What is done about businesses that buy from elsewhere.
    pub regime: Regime,
    /// Whether being registered for the country is being registered here.
    pub with_country: bool,
    /// The law.
    pub source: &'static str,
    /// Its rates: bands in order, dates rising within each.
    pub rates: &'static [Dated],
}

impl Place {
    /// The country it is or lies in.
    pub fn country(&self) -> &'static str {
        self.code.split_once('-').map_or(self.code, |(country, _)| country)
    }

    /// The rate of a category on a day. Before its first entry a band's first entry counts, so that no bill fails
    /// over its date.
    pub fn rate(&self, category: Category, on: Date) -> Rate {
        let band = match category {
            Category::Exempt => return Rate::ZERO,
            // The states tax services by name only; those that people render are not among them.
            Category::Service if self.country() == "US" => return Rate::ZERO,
            Category::Reduced => Band::Reduced,
            Category::Goods => Band::Goods,
            Category::Standard | Category::Service => Band::Standard,
        };
        self.of_band(band, on).or_else(|| self.of_band(Band::Standard, on)).unwrap_or(Rate::ZERO)
    }

    fn of_band(&self, band: Band, on: Date) -> Option<Rate> {
        let of_band = || self.rates.iter().filter(|rate| rate.band == band);
        let entry = of_band().rfind(|rate| rate.from <= on).or_else(|| of_band().next())?;
        // Every entry of the table is read by a test.
        Rate::parse_percent(entry.percent).ok()
    }
}

/// The place with this code.
pub(crate) fn by_code(code: &str) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.code == code)
}

/// Regions that their country's tax does not reach: the Canary Islands, Ceuta and Melilla, Åland, Mount Athos.
const OUTSIDE: &[(&str, &str)] = &[
    ("ES", "CN"),
    ("ES", "GC"),
    ("ES", "TF"),
    ("ES", "CE"),
    ("ES", "ML"),
    ("ES", "EA"),
    ("FI", "01"),
    ("GR", "69"),
];

/// The country whose tax a country levies: Monaco that of France, the Isle of Man that of the United Kingdom.
pub(crate) fn country_of_tax(country: &str) -> &str {
    match country {
        "MC" => "FR",
        "IM" => "GB",
        other => other,
    }
}

/// Whether the tax of the country does not reach this region of it.
pub(crate) fn is_outside(country: &str, region: Option<&str>) -> bool {
    region.is_some_and(|region| OUTSIDE.contains(&(country, region)))
}

/// The places whose tax may apply there, the narrowest first.
pub(crate) fn at(country: &str, region: Option<&str>) -> Vec<&'static Place> {
    if is_outside(country, region) {
        return Vec::new();
    }
    let country = country_of_tax(country);
    let narrow = region.and_then(|region| by_code(&format!("{country}-{region}")));
    narrow.into_iter().chain(by_code(country)).collect()
}

const fn s(percent: &'static str, year: i16, month: i8, day: i8) -> Dated {
    Dated { band: Band::Standard, percent, from: date(year, month, day) }
}
const fn r(percent: &'static str, year: i16, month: i8, day: i8) -> Dated {
    Dated { band: Band::Reduced, percent, from: date(year, month, day) }
}
const fn g(percent: &'static str, year: i16, month: i8, day: i8) -> Dated {
    Dated { band: Band::Goods, percent, from: date(year, month, day) }
}

type Rates = &'static [Dated];
type Text = &'static str;

const fn union(code: Text, name: Text, source: Text, rates: Rates) -> Place {
    Place { code, name, tax: "VAT", regime: Regime::Union, with_country: true, source, rates }
}
const fn reverse(code: Text, name: Text, tax: Text, source: Text, rates: Rates) -> Place {
    Place { code, name, tax, regime: Regime::ReverseCharge, with_country: true, source, rates }
}
const fn charged(code: Text, name: Text, tax: Text, source: Text, rates: Rates) -> Place {
    Place { code, name, tax, regime: Regime::Charged, with_country: true, source, rates }
}
/// A state or province one registers in by itself.
const fn own(code: Text, name: Text, tax: Text, source: Text, rates: Rates) -> Place {
    Place { code, name, tax, regime: Regime::Charged, with_country: false, source, rates }
}

/// Every place the rules know.
///
/// State rates of the United States are without what counties and cities add. There, `standard` is software as a
/// service: nothing where a state does not tax it. Quebec, British Columbia, Saskatchewan and Manitoba have the
/// federal and the provincial rate together; one registers for theirs separately.
#[rustfmt::skip]
pub const PLACES: &[Place] = &[
    // The European Union.
    union("AT", "Austria", "UStG 1994, § 10", &[s("20", 1984, 1, 1), r("10", 1984, 1, 1), r("13", 2016, 1, 1)]),
    union("BE", "Belgium", "Arrêté royal n° 20 of 20 July 1970", &[s("21", 1996, 1, 1), r("12", 1992, 4, 1)]),
    union("BG", "Bulgaria", "ЗДДС, art. 66", &[s("20", 1999, 1, 1), r("9", 2011, 4, 1)]),
    union("CY", "Cyprus", "VAT Law 95(I)/2000, sections 17–18", &[s("19", 2014, 1, 13), r("9", 2014, 1, 13)]),
    union("CZ", "Czechia", "Act 235/2004 Coll., § 47", &[s("21", 2013, 1, 1), r("15", 2013, 1, 1), r("12", 2024, 1, 1)]),
    union("DE", "Germany", "UStG, §§ 12 and 28", &[
        s("19", 2007, 1, 1), s("16", 2020, 7, 1), s("19", 2021, 1, 1), r("7", 1983, 7, 1), r("5", 2020, 7, 1), r("7", 2021, 1, 1)]),
    union("DK", "Denmark", "Momsloven, § 33", &[s("25", 1992, 1, 1)]),
    union("EE", "Estonia", "Käibemaksuseadus, § 15", &[
        s("20", 2009, 7, 1), s("22", 2024, 1, 1), s("24", 2025, 7, 1), r("9", 2009, 1, 1), r("13", 2025, 1, 1)]),
    union("ES", "Spain", "Ley 37/1992, arts. 90–91", &[s("21", 2012, 9, 1), r("10", 2012, 9, 1)]),
    union("FI", "Finland", "Arvonlisäverolaki 1501/1993, §§ 84–85", &[
        s("24", 2013, 1, 1), s("25.5", 2024, 9, 1), r("14", 2013, 1, 1), r("13.5", 2026, 1, 1)]),
    union("FR", "France", "Code général des impôts, arts. 278–279", &[s("20", 2014, 1, 1), r("10", 2014, 1, 1)]),
    union("GR", "Greece", "VAT Code (Law 2859/2000, art. 21; now Law 5144/2024)", &[s("24", 2016, 6, 1), r("13", 2011, 1, 1)]),
    union("HR", "Croatia", "Zakon o PDV-u, art. 38", &[s("25", 2012, 3, 1), r("13", 2014, 1, 1)]),
    union("HU", "Hungary", "Act CXXVII of 2007, § 82", &[s("27", 2012, 1, 1), r("18", 2009, 7, 1)]),
    union("IE", "Ireland", "Value-Added Tax Consolidation Act 2010, s. 46", &[
        s("23", 2012, 1, 1), s("21", 2020, 9, 1), s("23", 2021, 3, 1), r("13.5", 2003, 1, 1)]),
    union("IT", "Italy", "D.P.R. 633/1972, art. 16", &[s("22", 2013, 10, 1), r("10", 1995, 2, 24)]),
    union("LT", "Lithuania", "PVM įstatymas IX-751, art. 19", &[s("21", 2009, 9, 1), r("9", 2009, 9, 1), r("12", 2026, 1, 1)]),
    union("LU", "Luxembourg", "Loi TVA of 12 February 1979, arts. 39–40", &[
        s("17", 2015, 1, 1), s("16", 2023, 1, 1), s("17", 2024, 1, 1), r("8", 2015, 1, 1), r("7", 2023, 1, 1), r("8", 2024, 1, 1)]),
    union("LV", "Latvia", "Pievienotās vērtības nodokļa likums, s. 41", &[s("21", 2012, 7, 1), r("12", 2011, 1, 1)]),
    union("MT", "Malta", "VAT Act (Cap. 406), Eighth Schedule", &[s("18", 2004, 1, 1), r("7", 2011, 1, 1), r("12", 2024, 1, 1)]),
    union("NL", "the Netherlands", "Wet op de omzetbelasting 1968, art. 9", &[s("21", 2012, 10, 1), r("6", 1986, 10, 1), r("9", 2019, 1, 1)]),
    union("PL", "Poland", "VAT Act of 11 March 2004, arts. 41 and 146ef", &[s("23", 2011, 1, 1), r("8", 2011, 1, 1)]),
    union("PT", "Portugal", "Código do IVA, art. 18", &[s("23", 2011, 1, 1), r("13", 2010, 7, 1)]),
    union("PT-20", "the Azores", "Código do IVA, art. 18(3)", &[s("18", 2014, 1, 1), s("16", 2021, 7, 1), r("9", 2015, 7, 1)]),
    union("PT-30", "Madeira", "Código do IVA, art. 18(3)", &[s("22", 2012, 4, 1), r("12", 2012, 4, 1)]),
    union("RO", "Romania", "Codul fiscal (Law 227/2015), art. 291", &[
        s("19", 2017, 1, 1), s("21", 2025, 8, 1), r("9", 2008, 12, 1), r("11", 2025, 8, 1)]),
    union("SE", "Sweden", "Mervärdesskattelag (2023:200), ch. 9", &[s("25", 1990, 7, 1), r("12", 1996, 1, 1)]),
    union("SI", "Slovenia", "ZDDV-1, art. 41", &[s("22", 2013, 7, 1), r("9.5", 2013, 7, 1)]),
    union("SK", "Slovakia", "Act 222/2004 Coll., § 27", &[s("20", 2011, 1, 1), s("23", 2025, 1, 1), r("10", 2007, 1, 1), r("19", 2025, 1, 1)]),
    // The rest of Europe.
    reverse("GB", "the United Kingdom", "VAT", "Value Added Tax Act 1994, s. 2 and Schedule 7A", &[s("20", 2011, 1, 4), r("5", 1997, 9, 1)]),
    charged("CH", "Switzerland", "VAT", "MWSTG, art. 25", &[s("8", 2011, 1, 1), s("7.7", 2018, 1, 1), s("8.1", 2024, 1, 1), r("2.5", 2011, 1, 1), r("2.6", 2024, 1, 1)]),
    charged("LI", "Liechtenstein", "VAT", "MWSTG (LGBl. 2009 Nr. 330), art. 25", &[s("8", 2011, 1, 1), s("7.7", 2018, 1, 1), s("8.1", 2024, 1, 1), r("2.5", 2011, 1, 1), r("2.6", 2024, 1, 1)]),
    reverse("NO", "Norway", "VAT", "Stortingets vedtak om merverdiavgift, §§ 2–4", &[s("25", 2005, 1, 1), r("15", 2012, 1, 1)]),
    reverse("IS", "Iceland", "VAT", "Act 50/1988, art. 14", &[s("24", 2015, 1, 1), r("11", 2015, 1, 1)]),
    // Asia, Africa and Oceania.
    reverse("AE", "the United Arab Emirates", "VAT", "Federal Decree-Law 8 of 2017, art. 3", &[s("5", 2018, 1, 1)]),
    reverse("AU", "Australia", "GST", "A New Tax System (Goods and Services Tax) Act 1999, s. 9-70", &[s("10", 2000, 7, 1)]),
    reverse("IN", "India", "GST", "Integrated Goods and Services Tax Act 2017, s. 5", &[s("18", 2017, 7, 1), r("5", 2017, 7, 1)]),
    reverse("JP", "Japan", "Consumption tax", "Consumption Tax Act, art. 29, with Local Tax Act, art. 72-83", &[s("8", 2014, 4, 1), s("10", 2019, 10, 1), r("8", 2019, 10, 1)]),
    reverse("KR", "South Korea", "VAT", "Value-Added Tax Act, art. 30", &[s("10", 1977, 7, 1)]),
    reverse("NZ", "New Zealand", "GST", "Goods and Services Tax Act 1985, s. 8", &[s("15", 2010, 10, 1)]),
    reverse("SA", "Saudi Arabia", "VAT", "VAT Implementing Regulations; Royal Order A/638", &[s("5", 2018, 1, 1), s("15", 2020, 7, 1)]),
    reverse("SG", "Singapore", "GST", "Goods and Services Tax Act 1993, s. 16", &[s("7", 2007, 7, 1), s("8", 2023, 1, 1), s("9", 2024, 1, 1)]),
    charged("ZA", "South Africa", "VAT", "Value-Added Tax Act 89 of 1991, s. 7", &[s("14", 1993, 4, 7), s("15", 2018, 4, 1)]),
    // Canada.
    charged("CA", "Canada", "GST", "Excise Tax Act, s. 165", &[s("5", 2008, 1, 1)]),
    charged("CA-NB", "New Brunswick", "HST", "Excise Tax Act, s. 165 and Schedule VIII", &[s("15", 2016, 7, 1)]),
    charged("CA-NL", "Newfoundland and Labrador", "HST", "Excise Tax Act, s. 165 and Schedule VIII", &[s("15", 2016, 7, 1)]),
    charged("CA-NS", "Nova Scotia", "HST", "Excise Tax Act, s. 165 and Schedule VIII", &[s("15", 2010, 7, 1), s("14", 2025, 4, 1)]),
    charged("CA-ON", "Ontario", "HST", "Excise Tax Act, s. 165 and Schedule VIII", &[s("13", 2010, 7, 1)]),
    charged("CA-PE", "Prince Edward Island", "HST", "Excise Tax Act, s. 165 and Schedule VIII", &[s("15", 2016, 10, 1)]),
    own("CA-BC", "British Columbia", "GST and PST", "Excise Tax Act, s. 165; Provincial Sales Tax Act (SBC 2012, c. 35)", &[s("12", 2013, 4, 1)]),
    own("CA-MB", "Manitoba", "GST and RST", "Excise Tax Act, s. 165; Retail Sales Tax Act (C.C.S.M. c. R130)", &[s("12", 2019, 7, 1)]),
    own("CA-QC", "Quebec", "GST and QST", "Excise Tax Act, s. 165; Act respecting the Québec sales tax, s. 16", &[s("14.975", 2013, 1, 1)]),
    own("CA-SK", "Saskatchewan", "GST and PST", "Excise Tax Act, s. 165; Provincial Sales Tax Act (SS, c. P-34.1)", &[s("11", 2017, 3, 23)]),
    // The United States.
    own("US-AZ", "Arizona", "Sales tax", "A.R.S. §§ 42-5010, 42-5071", &[s("5.6", 2013, 6, 1)]),
    own("US-CA", "California", "Sales tax", "Revenue and Taxation Code § 6051; 18 CCR § 1502", &[s("0", 2017, 1, 1), g("7.25", 2017, 1, 1)]),
    own("US-CO", "Colorado", "Sales tax", "C.R.S. §§ 39-26-102, 39-26-106", &[s("0", 2001, 1, 1), g("2.9", 2001, 1, 1)]),
    own("US-FL", "Florida", "Sales tax", "Florida Statutes § 212.05", &[s("0", 1988, 2, 1), g("6", 1988, 2, 1)]),
    own("US-GA", "Georgia", "Sales tax", "O.C.G.A. § 48-8-30", &[s("0", 1989, 4, 1), g("4", 1989, 4, 1)]),
    own("US-IL", "Illinois", "Sales tax", "35 ILCS 120/2-10", &[s("0", 1990, 1, 1), g("6.25", 1990, 1, 1)]),
    own("US-MA", "Massachusetts", "Sales tax", "M.G.L. c. 64H, § 2; 830 CMR 64H.1.3", &[s("6.25", 2009, 8, 1)]),
    own("US-MI", "Michigan", "Sales tax", "MCL 205.52", &[s("0", 1994, 5, 1), g("6", 1994, 5, 1)]),
    own("US-NC", "North Carolina", "Sales tax", "G.S. 105-164.4", &[s("0", 2011, 7, 1), g("4.75", 2011, 7, 1)]),
    own("US-NJ", "New Jersey", "Sales tax", "N.J.S.A. 54:32B-3", &[s("0", 2018, 1, 1), g("6.625", 2018, 1, 1)]),
    own("US-NY", "New York", "Sales tax", "Tax Law §§ 1101(b)(6), 1105", &[s("4", 2005, 6, 1)]),
    own("US-OH", "Ohio", "Sales tax", "R.C. §§ 5739.01(B)(3)(e), 5739.02", &[s("5.75", 2013, 9, 1)]),
    own("US-PA", "Pennsylvania", "Sales tax", "72 P.S. § 7202; 61 Pa. Code § 60.19", &[s("6", 1968, 1, 1)]),
    own("US-TN", "Tennessee", "Sales tax", "T.C.A. §§ 67-6-202, 67-6-231", &[s("7", 2002, 7, 15)]),
    // Data processing is taxed on 80 % of its price: 6.25 % of it is 5 % of the whole.
    own("US-TX", "Texas", "Sales tax", "Tax Code §§ 151.051, 151.351", &[s("5", 1999, 10, 1), g("6.25", 1990, 7, 1)]),
    own("US-UT", "Utah", "Sales tax", "Utah Code § 59-12-103", &[s("4.85", 2019, 4, 1)]),
    own("US-VA", "Virginia", "Sales tax", "Code of Virginia §§ 58.1-603, 58.1-609.5", &[s("0", 2013, 7, 1), g("5.3", 2013, 7, 1)]),
    own("US-WA", "Washington", "Sales tax", "RCW 82.04.050, 82.08.020", &[s("6.5", 1983, 6, 1)]),
];
