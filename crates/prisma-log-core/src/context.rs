//! What rides on every record of a request: ids and own keys.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Error, Fields};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $int:ty, $digits:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($int);

        impl $name {
            /// The id with this number; `None` for zero, which W3C reserves for "invalid".
            pub const fn new(number: $int) -> Option<Self> {
                if number == 0 { None } else { Some($name(number)) }
            }

            /// The id as a number, never zero.
            pub const fn get(self) -> $int {
                self.0
            }

            /// The id as lowercase hex digits in ASCII.
            #[inline]
            pub fn hex(self) -> [u8; $digits] {
                const fn digit(nibble: u8) -> u8 {
                    nibble + if nibble > 9 { b'a' - 10 } else { b'0' }
                }
                let mut out = [0; $digits];
                for (pair, byte) in out.as_chunks_mut::<2>().0.iter_mut().zip(self.0.to_be_bytes()) {
                    *pair = [digit(byte >> 4), digit(byte & 15)];
                }
                out
            }
        }

        impl fmt::Display for $name {
            /// Lowercase hex.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let hex = self.hex();
                f.pad(std::str::from_utf8(&hex).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// # Errors
            /// Unless the text is exactly the W3C form: lowercase hex of full length, not all zeros.
            fn from_str(text: &str) -> Result<Self, Error> {
                let wellformed = text.len() == $digits
                    && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                let number = if wellformed { <$int>::from_str_radix(text, 16).unwrap_or(0) } else { 0 };
                $name::new(number).ok_or_else(|| {
                    Error::data(format!(
                        concat!("invalid ", $what, " {:?}: expected ", $digits, " lowercase hex digits, not all zeros"),
                        text
                    ))
                })
            }
        }
    };
}

id!(
    /// A W3C trace id: 128 bits, never zero.
    TraceId, u128, 32, "trace id"
);
id!(
    /// A W3C span id: 64 bits, never zero.
    SpanId, u64, 16, "span id"
);

/// The context of a record: trace position and request-wide fields.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ContextData {
    /// The trace that the record belongs to.
    pub trace_id: Option<TraceId>,
    /// The span that the record was written in.
    pub span_id: Option<SpanId>,
    /// The span that `span_id` is a child of.
    pub parent_span_id: Option<SpanId>,
    /// W3C trace flags; bit 0 is `sampled`.
    pub trace_flags: u8,
    /// Request-wide fields in the order they were set: `user_id`, `session_id`, `request_id`
    /// and the service's own.
    pub entries: Fields,
}

impl ContextData {
    /// No trace, no fields.
    pub const EMPTY: ContextData = ContextData {
        trace_id: None,
        span_id: None,
        parent_span_id: None,
        trace_flags: 0,
        entries: Fields::new(),
    };
}

/// Where the context of a record comes from at the moment of the call.
pub trait ContextSource: Send + Sync {
    /// The calling thread's context, if it is in one.
    fn current(&self) -> Option<Arc<ContextData>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_w3c_hex() {
        let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        assert_eq!(id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(SpanId::new(0xb7).unwrap().to_string(), "00000000000000b7");
        let upper = "0AF7651916CD43DD8448EB211C80319C";
        for bad in
            ["", "0", upper, &"0".repeat(32), &"g".repeat(32), "+af7651916cd43dd8448eb211c80319c"]
        {
            assert!(bad.parse::<TraceId>().unwrap_err().is_data(), "{bad}");
        }
    }
}
