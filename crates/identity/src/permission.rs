//! What somebody may do. Each permission is a type too, so that a handler names it in its signature.

use kernel::{Error, Kind, Result};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident $word:literal;)*) => {
        /// One permission.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in keys and documentation.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }

        /// The permissions as types.
        pub mod may {
            use super::{Permission, Grant};
            $($(#[$doc])* pub enum $name {}
            impl Grant for $name {
                const PERMISSION: Permission = Permission::$name;
            })*
        }
    };
}

permissions! {
    /// See customers.
    CustomerRead "customer.read";
    /// Create, change and erase customers.
    CustomerWrite "customer.write";
    /// See subscriptions.
    SubscriptionRead "subscription.read";
    /// Start and change subscriptions.
    SubscriptionWrite "subscription.write";
    /// Agree prices, minimums and terms beside the price book, and give subscriptions away.
    SubscriptionNegotiate "subscription.negotiate";
    /// Override what customers may use beside what they agreed to.
    OverrideWrite "override.write";
    /// See flags.
    FlagRead "flag.read";
    /// Make, change and switch flags.
    FlagWrite "flag.write";
    /// Ask what is served to somebody. A key that may only do this can stand in a web page.
    FlagEvaluate "flag.evaluate";
    /// Post what was used.
    UsageWrite "usage.write";
    /// See invoices.
    InvoiceRead "invoice.read";
    /// Finalize and void invoices, and mark them uncollectible.
    InvoiceWrite "invoice.write";
    /// See payments.
    PaymentRead "payment.read";
    /// Record payments and reverse them.
    PaymentWrite "payment.write";
    /// See price books.
    BookRead "book.read";
    /// Apply price books.
    BookWrite "book.write";
    /// See the ledger.
    LedgerRead "ledger.read";
    /// Name the accounts of the ledger.
    LedgerWrite "ledger.write";
    /// Read the feed of facts.
    FactRead "fact.read";
    /// See jobs.
    JobRead "job.read";
    /// Move a sandbox clock.
    ClockWrite "clock.write";
}

/// A permission as a type.
pub trait Grant: 'static {
    /// Which.
    const PERMISSION: Permission;
}

/// A set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Everything, what is added later too.
    All,
    /// Everything that only reads.
    Read,
    /// These.
    These(Vec<Permission>),
}

impl Permissions {
    /// Read `all`, `read`, or permission words separated by spaces. Errors: `permission_unknown`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "all" => Ok(Self::All),
            "read" => Ok(Self::Read),
            words => words.split_whitespace().map(parse_word).collect::<Result<_>>().map(Self::These),
        }
    }

    /// The inverse of [`Permissions::parse`].
    pub fn text(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Read => "read".to_owned(),
            Self::These(these) => these.iter().map(|one| one.word()).collect::<Vec<_>>().join(" "),
        }
    }

    /// Whether a key with these may stand where everybody can read it: it can only ask what is served.
    pub fn are_public(&self) -> bool {
        matches!(self, Self::These(these) if matches!(these.as_slice(), [Permission::FlagEvaluate]))
    }

    /// Whether the set holds a permission.
    pub fn allow(&self, permission: Permission) -> bool {
        match self {
            Self::All => true,
            Self::Read => permission.word().ends_with(".read"),
            Self::These(these) => these.contains(&permission),
        }
    }

    /// Errors: `permission_missing`, naming it.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.allow(permission) {
            return Ok(());
        }
        let word = permission.word();
        Err(Error::new(Kind::Forbidden, "permission_missing", format!("This needs the permission {word}.")))
    }
}

fn parse_word(word: &str) -> Result<Permission> {
    Permission::ALL.iter().copied().find(|known| known.word() == word).ok_or_else(|| {
        let known: Vec<_> = Permission::ALL.iter().map(|one| one.word()).collect();
        Error::invalid(
            "permission_unknown",
            format!("There is no permission {word:?}. Known: all, read, {}.", known.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_read_back_and_hold_what_they_say() {
        for text in ["all", "read", "customer.read invoice.write"] {
            assert_eq!(Permissions::parse(text).unwrap().text(), text);
        }
        let some = Permissions::parse("customer.read invoice.write").unwrap();
        assert!(some.allow(Permission::InvoiceWrite) && !some.allow(Permission::InvoiceRead));
        assert_eq!(some.require(Permission::ClockWrite).unwrap_err().code, "permission_missing");
        let read = Permissions::Read;
        assert!(read.allow(Permission::LedgerRead) && !read.allow(Permission::BookWrite));
        assert!(!read.allow(Permission::SubscriptionNegotiate));
        let writes = Permissions::parse("subscription.write").unwrap();
        assert!(!writes.allow(Permission::SubscriptionNegotiate), "it is given by its own name only");
        assert!(Permission::ALL.iter().all(|one| Permissions::All.allow(*one)));
        assert_eq!(Permissions::parse("customers.read").unwrap_err().code, "permission_unknown");
    }
}
