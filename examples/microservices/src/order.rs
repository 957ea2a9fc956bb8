//! What is ordered, as all services and their caller know it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Begins every order's id. The id itself, eight digits more, is in nearly every record of a request
/// for reasons of its own: that is how the check knows whose record it is without its context.
pub(crate) const PREFIX: &str = "order-";
/// Digits after the prefix.
pub(crate) const DIGITS: usize = 8;

/// How many customers there are: `c0` to `c9`.
pub(crate) const CUSTOMERS: u32 = 10;

/// An order to try out.
pub(crate) const SAMPLE: &str = r#"{"customer":"c1","lines":[{"sku":"stocked-7","pieces":2}]}"#;

/// The caller's id of an order, and so of the request that places it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OrderId(String);

impl OrderId {
    pub(crate) fn of_number(number: usize) -> Self {
        OrderId(format!("{PREFIX}{number:0DIGITS$}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let digits = id.strip_prefix(PREFIX).unwrap_or_default();
        if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(OrderId(id))
        } else {
            Err(D::Error::custom(format!("an order's id is `{PREFIX}` and {DIGITS} digits")))
        }
    }
}

/// What a customer wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) customer: String,
    pub(crate) lines: Vec<Line>,
}

/// Some pieces of one article.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The name of its [`Goods`] and a number.
    pub(crate) sku: String,
    pub(crate) pieces: u32,
}

/// How it is with an article; decides how a request for it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Goods {
    /// All goes well.
    Stocked,
    /// All goes well, but the supplier must be asked: slow.
    Imported,
    /// Refused with 409.
    SoldOut,
    /// Nobody gave it a price: the inventory's handler panics.
    Unpriced,
    /// Nobody knows when it comes: the caller gives up waiting.
    Awaited,
}

impl Goods {
    pub(crate) const ALL: [Goods; 5] =
        [Goods::Stocked, Goods::Imported, Goods::SoldOut, Goods::Unpriced, Goods::Awaited];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Goods::Stocked => "stocked",
            Goods::Imported => "imported",
            Goods::SoldOut => "sold_out",
            Goods::Unpriced => "unpriced",
            Goods::Awaited => "awaited",
        }
    }

    pub(crate) fn of_sku(sku: &str) -> Option<Self> {
        let (name, _) = sku.rsplit_once('-')?;
        Goods::ALL.into_iter().find(|goods| goods.name() == name)
    }
}
