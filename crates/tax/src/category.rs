//! What something sold is to the tax rules.

/// What something sold is to the tax rules, as a price book names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// A digital service such as software, at the standard rate: what a price book sells unless it says otherwise.
    #[default]
    Standard,
    /// The same at the reduced rate, such as electronic books. Of several reduced rates the highest is taken.
    Reduced,
    /// A service people render, such as training; consumers are taxed where the seller is.
    Service,
    /// Something that is delivered.
    Goods,
    /// Free of tax by its nature, such as insurance.
    Exempt,
}

impl Category {
    /// The category of a price book's key. A key that the rules do not know is taxed like `standard`: rather too
    /// much than too little.
    pub fn of(key: &str) -> Self {
        match key {
            "reduced" => Self::Reduced,
            "service" => Self::Service,
            "goods" => Self::Goods,
            "exempt" => Self::Exempt,
            _ => Self::Standard,
        }
    }

    /// The keys the rules know; `digital` and `saas` are other words for `standard`.
    pub const KEYS: [&str; 7] = ["standard", "digital", "saas", "reduced", "service", "goods", "exempt"];

    /// The key of it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Reduced => "reduced",
            Self::Service => "service",
            Self::Goods => "goods",
            Self::Exempt => "exempt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_categories() {
        for key in Category::KEYS {
            let known = Category::of(key);
            assert!(known.key() == key || known == Category::Standard, "{key}");
            assert_eq!(Category::of(known.key()), known);
        }
        assert_eq!(Category::of("books"), Category::Standard);
    }
}
