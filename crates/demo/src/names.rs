//! What customers are called. None of them exists.

use crate::dice::Dice;

const FIRST: [&str; 40] = [
    "Brandt",
    "Northfield",
    "Kestrel",
    "Lavoie",
    "Zürcher",
    "Ångström",
    "Oakridge",
    "Meridian",
    "Halden",
    "Castellan",
    "Ironwood",
    "Sable",
    "Vantage",
    "Kowalski",
    "Rossi",
    "Lindqvist",
    "Hartmann",
    "Okafor",
    "Tanaka",
    "Delacroix",
    "Pemberton",
    "Quill",
    "Stavros",
    "Whitlock",
    "Al-Sabah",
    "Moreau",
    "Fjord",
    "Marlowe",
    "Ishikawa",
    "Navarro",
    "Thornbury",
    "Greystone",
    "Bellamy",
    "Novak",
    "Silva",
    "Petrov",
    "Haddad",
    "Mbeki",
    "Larkspur",
    "Winslow",
];
const SECOND: [&str; 32] = [
    "Metalworks",
    "Castings",
    "Precision",
    "Ateliers",
    "Studios",
    "Tooling",
    "Logistics",
    "Foundry",
    "Robotics",
    "Plastics",
    "Bearings",
    "Packaging",
    "Optics",
    "Ceramics",
    "Forgings",
    "Textiles",
    "Instruments",
    "Hydraulics",
    "Components",
    "Machining",
    "Media",
    "Press",
    "Labs",
    "Systems",
    "Trading",
    "Foods",
    "Cosmetics",
    "Jewellery",
    "Analytics",
    "Publishing",
    "Works",
    "Supply",
];

/// A company's name, and the part of it that is in its addresses.
pub fn company(dice: &mut Dice, form: &str) -> (String, String) {
    let (first, second) = (*dice.one(&FIRST), *dice.one(&SECOND));
    (format!("{first} {second} {form}"), second.to_lowercase())
}

/// Where in a company somebody works who came on their own.
const DEPARTMENTS: [&str; 8] =
    ["Sales", "Design", "Purchasing", "Research", "Marketing", "Service", "Planning", "Finance"];

/// A department of a company.
pub(crate) fn department(company: &str, number: usize) -> String {
    format!("{company}, {}", DEPARTMENTS[number % DEPARTMENTS.len()])
}

/// The mail domain of a company, by its name: `brandt-metalworks.example`.
pub(crate) fn domain(company: &str) -> String {
    let plain = |letter: char| match letter {
        'ü' => 'u',
        'å' => 'a',
        'ö' => 'o',
        other => other,
    };
    let words: Vec<String> = company.split(' ').take(2).map(str::to_lowercase).collect();
    let words = words.join("-").chars().map(plain).collect::<String>();
    format!("{words}.example")
}
