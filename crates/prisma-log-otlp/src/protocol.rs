//! How requests are written.

/// How requests are written; both go over HTTP/1.1.
///
/// There is no gRPC: an HTTP/2 client and an async runtime would triple the crates that are compiled
/// for the same bytes in another envelope. Every collector takes OTLP over HTTP, on port 4318.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Binary Protocol Buffers, `http/protobuf`; half the size of JSON, and less work.
    #[default]
    HttpProtobuf,
    /// JSON, `http/json`: readable on the way.
    HttpJson,
}

impl Protocol {
    /// The name in `OTEL_EXPORTER_OTLP_PROTOCOL` and configuration files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Protocol::HttpProtobuf => "http/protobuf",
            Protocol::HttpJson => "http/json",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Protocol::HttpProtobuf => "application/x-protobuf",
            Protocol::HttpJson => "application/json",
        }
    }
}

/// Whether requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// As they are.
    None,
    /// With gzip, at the fastest level.
    #[default]
    Gzip,
}
