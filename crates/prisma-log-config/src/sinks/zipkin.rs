//! The settings of Zipkin sinks.

use std::time::Duration;

use super::http::{HttpCompression, HttpTls, Timeout, Url, pairs};
use super::otlp::{Records, RequestBytes};
use crate::section::Section;

/// The settings of a sink of `type: zipkin`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZipkinConfig {
    /// Where spans go, exactly; `http://localhost:9411/api/v2/spans` by default.
    pub endpoint: Option<String>,
    /// [`HttpCompression::Gzip`] by default.
    pub compression: HttpCompression,
    /// How long a request may take; 10 s by default.
    pub timeout: Option<Duration>,
    /// Of every request; their values are shown to nobody.
    pub headers: Vec<(String, String)>,
    /// Whether to send where in the source a span was started; off by default.
    pub site: bool,
    /// Most spans of a request; 512 by default.
    pub max_records: Option<u64>,
    /// Most bytes of a request before it is compressed; 4 MiB by default.
    pub max_request_bytes: Option<u64>,
    /// Certificates and keys of `https`.
    pub tls: HttpTls,
}

pub(super) const KEYS: [&str; 8] =
    ["endpoint", "compression", "timeout", "headers", "site", "max_records", "max_request", "tls"];

impl ZipkinConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        ZipkinConfig {
            endpoint: section.optional::<Url>("endpoint").map(|Url(url)| url),
            compression: section.value("compression", HttpCompression::Gzip),
            timeout: section.optional::<Timeout>("timeout").map(|Timeout(time)| time),
            headers: pairs(section, "headers", true),
            site: section.value("site", false),
            max_records: section.optional::<Records>("max_records").map(|most| most.0),
            max_request_bytes: section.optional::<RequestBytes>("max_request").map(|most| most.0),
            tls: HttpTls::read(section),
        }
    }
}
