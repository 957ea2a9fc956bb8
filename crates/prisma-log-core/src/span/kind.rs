//! What a span is to its caller, and how it ended.

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// The name in a record, lowercase.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }

            /// The variant of this name, exactly as [`Self::as_str`] writes it.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($text => Some($name::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

named! {
    /// What a span is to its caller (OpenTelemetry's `SpanKind`).
    SpanKind {
        /// Work within the service.
        #[default]
        Internal = "internal",
        /// Answers a request of somebody else.
        Server = "server",
        /// A request to somebody else, until the answer is there.
        Client = "client",
        /// Puts a message in a queue.
        Producer = "producer",
        /// Takes a message out of a queue.
        Consumer = "consumer",
    }
}

named! {
    /// How a span ended (OpenTelemetry's `StatusCode`).
    SpanStatus {
        /// Nobody said.
        #[default]
        Unset = "unset",
        /// Someone who knows said that it went well.
        Ok = "ok",
        /// It failed.
        Error = "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        use SpanKind::*;
        for kind in [Internal, Server, Client, Producer, Consumer] {
            assert_eq!(SpanKind::parse(kind.as_str()), Some(kind));
        }
        for status in [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error] {
            assert_eq!(SpanStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(SpanKind::parse("Server"), None);
        assert_eq!(SpanStatus::parse(""), None);
    }
}
