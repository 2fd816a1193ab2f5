//! What makes two customers the same one who tries twice. Pure.
//!
//! Addresses are compared as mail reaches them, so that one mailbox is one address however it is written:
//! - Case does not matter. By RFC 5321 §2.4 a host may tell `Smith` from `smith`, and by the same section exploiting
//!   that is discouraged; no large one does.
//! - What follows a `+` is a note to oneself ("subaddress", RFC 5233) and is left out.
//! - Dots in an address at Gmail do not matter (Google Account Help, "Dots don't matter in Gmail addresses"), and
//!   `googlemail.com` is `gmail.com`.

use catalog::Sameness;
use kernel::ids::EnvironmentId;
use sha2::{Digest, Sha256};

use super::model::Sign;

/// An e-mail address as mail reaches it; none when it is no address.
pub fn mailbox(email: &str) -> Option<String> {
    let email = email.trim().to_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let (local, _note) = local.split_once('+').unwrap_or((local, ""));
    let domain = match domain.trim_end_matches('.') {
        "googlemail.com" => "gmail.com",
        domain => domain,
    };
    let local = if domain == "gmail.com" { local.replace('.', "") } else { local.to_owned() };
    (!local.is_empty() && !domain.is_empty()).then(|| format!("{local}@{domain}"))
}

/// The domain of an e-mail address when it is somebody's own; none where everybody can have an address.
pub fn own_domain(email: &str) -> Option<String> {
    let mailbox = mailbox(email)?;
    let (_, domain) = mailbox.rsplit_once('@')?;
    let (first, rest) = domain.split_once('.')?;
    let anybodys = PUBLIC.contains(&domain) || EVERYWHERE.contains(&first) && rest.len() <= 6;
    (!anybodys).then(|| domain.to_owned())
}

/// Where everybody can have an address.
const PUBLIC: &[&str] = &[
    "126.com",
    "163.com",
    "aol.com",
    "duck.com",
    "fastmail.com",
    "free.fr",
    "gmail.com",
    "hey.com",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "naver.com",
    "orange.fr",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rediffmail.com",
    "sina.com",
    "t-online.de",
    "tuta.com",
    "tutanota.com",
    "web.de",
    "ymail.com",
    "zoho.com",
];

/// Names of such hosts under the domain of every country.
const EVERYWHERE: &[&str] = &["gmx", "hotmail", "live", "outlook", "yahoo", "yandex"];

/// What is known of whoever wants a trial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'k> {
    /// Its e-mail address.
    pub email: Option<&'k str>,
    /// Its country, ISO 3166-1 alpha-2.
    pub country: &'k str,
    /// Its tax id.
    pub tax_id: Option<&'k str>,
    /// What a gateway says tells its method of payment from others.
    pub fingerprint: Option<&'k str>,
}

/// The signs somebody is recognised by again. A sign is a hash over the environment too: it says nothing by itself, and
/// is another one elsewhere.
pub fn signs(environment: EnvironmentId, known: &Known<'_>) -> Vec<Sign> {
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
    };
    let parts = [
        (Sameness::Email, known.email.and_then(mailbox)),
        (Sameness::EmailDomain, known.email.and_then(own_domain)),
        (Sameness::TaxId, known.tax_id.map(|id| format!("{} {}", known.country, letters(id)))),
        (Sameness::Fingerprint, known.fingerprint.map(|one| one.trim().to_owned())),
    ];
    let sign = |(sameness, text): (Sameness, Option<String>)| {
        let text = text.filter(|text| !text.is_empty())?;
        let hash = Sha256::digest(format!("{}\n{}\n{text}", environment.uuid(), sameness.word()));
        let mark = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Sign { sameness, mark })
    };
    parts.into_iter().filter_map(sign).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(email: &str) -> Vec<Sign> {
        let known =
            Known { email: Some(email), country: "DE", tax_id: Some("DE 123.456-789"), fingerprint: None };
        signs(kernel::Id::from_uuid(uuid::Uuid::from_u128(1)), &known)
    }

    #[test]
    fn one_mailbox_is_one_address_however_it_is_written() {
        for same in [
            "ann.lee@gmail.com",
            "AnnLee+trial2@googlemail.com",
            " a.n.n.l.e.e@GMAIL.com. ",
            "annlee@gmail.com",
        ] {
            assert_eq!(mailbox(same).as_deref(), Some("annlee@gmail.com"), "{same}");
        }
        assert_eq!(
            mailbox("Ann.Lee+x@Example.org").as_deref(),
            Some("ann.lee@example.org"),
            "dots matter elsewhere"
        );
        for none in ["", "ann", "@example.org", "+x@example.org", "ann@"] {
            assert_eq!(mailbox(none), None, "{none}");
        }
    }

    #[test]
    fn a_domain_that_is_everybodys_is_nobodys() {
        assert_eq!(own_domain("ann@Meyer.example").as_deref(), Some("meyer.example"));
        assert_eq!(own_domain("ann@mail.yahoo.meyer.example").as_deref(), Some("mail.yahoo.meyer.example"));
        for everybodys in ["a@gmail.com", "a@yahoo.co.uk", "a@outlook.de", "a@qq.com", "a@gmx.at"] {
            assert_eq!(own_domain(everybodys), None, "{everybodys}");
        }
    }

    #[test]
    fn a_sign_shows_nothing_of_what_it_stands_for() {
        let signs = of("ann@meyer.example");
        let kinds: Vec<Sameness> = signs.iter().map(|sign| sign.sameness).collect();
        assert_eq!(kinds, [Sameness::Email, Sameness::EmailDomain, Sameness::TaxId]);
        assert!(signs.iter().all(|sign| sign.mark.len() == 64));
        let elsewhere = kernel::Id::from_uuid(uuid::Uuid::from_u128(2));
        let known = Known { email: Some("ann@meyer.example"), country: "DE", ..Known::default() };
        assert_ne!(super::signs(elsewhere, &known)[0].mark, signs[0].mark);
    }

    proptest! {
        #[test]
        fn writing_an_address_otherwise_is_no_other_address(local in "[a-z]{1,8}(\\.[a-z]{1,8}){0,2}", note in "[a-z0-9]{0,6}", up in any::<bool>()) {
            let plain = format!("{local}@meyer.example");
            let noted = format!("{local}+{note}@meyer.example");
            let noted = if up { noted.to_uppercase() } else { noted };
            prop_assert_eq!(of(&plain), of(&noted));
            let again = mailbox(&plain).unwrap();
            prop_assert_eq!(mailbox(&again), Some(again), "it is its own mailbox");
        }
    }
}
