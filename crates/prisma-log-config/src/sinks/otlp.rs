//! The settings of OTLP sinks.

use std::time::Duration;

use super::http::{HttpCompression, HttpTls, Timeout, Url, pairs};
use crate::scalars::{Number, Size, words};
use crate::section::Section;

/// The settings of a sink of `type: otlp`.
///
/// What is `None` here, variables such as `OTEL_EXPORTER_OTLP_ENDPOINT` may say, unless
/// `environment` is off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// A collector's address, to which `/v1/logs` and `/v1/traces` are added;
    /// `http://localhost:4318` by default.
    pub endpoint: Option<String>,
    /// Where log records go, exactly; by default below `endpoint`.
    pub logs_endpoint: Option<String>,
    /// Where spans go, exactly; by default below `endpoint`.
    pub traces_endpoint: Option<String>,
    /// [`OtlpProtocol::HttpProtobuf`] by default.
    pub protocol: Option<OtlpProtocol>,
    /// [`HttpCompression::Gzip`] by default.
    pub compression: Option<HttpCompression>,
    /// How long a request may take; 10 s by default.
    pub timeout: Option<Duration>,
    /// Of every request; their values are shown to nobody.
    pub headers: Vec<(String, String)>,
    /// Attributes of the resource, besides those of the service.
    pub resource: Vec<(String, String)>,
    /// Whether `OTEL_*` variables fill in what is not set; on by default.
    pub environment: bool,
    /// Whether sampled spans go to the traces' endpoint; otherwise they are log records. On by
    /// default.
    pub traces: bool,
    /// Whether to send where in the source a record comes from; on by default.
    pub site: bool,
    /// Most attributes of a record; 128 by default.
    pub max_attributes: Option<u64>,
    /// Most records of a request; 512 by default.
    pub max_records: Option<u64>,
    /// Most bytes of a request before it is compressed; 4 MiB by default.
    pub max_request_bytes: Option<u64>,
    /// Certificates and keys of `https`.
    pub tls: HttpTls,
}

/// How requests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// Binary.
    HttpProtobuf,
    /// JSON.
    HttpJson,
}
words!(
    OtlpProtocol,
    "a protocol: http/protobuf or http/json",
    HttpProtobuf = "http/protobuf",
    HttpJson = "http/json"
);

pub(super) const KEYS: [&str; 15] = [
    "endpoint",
    "logs_endpoint",
    "traces_endpoint",
    "protocol",
    "compression",
    "timeout",
    "headers",
    "resource",
    "environment",
    "traces",
    "site",
    "max_attributes",
    "max_records",
    "max_request",
    "tls",
];

pub(super) type Attributes = Number<0, { 1 << 16 }>;
pub(super) type Records = Number<1, { 1 << 16 }>;
pub(super) type RequestBytes = Size<{ 16 << 10 }, { 64 << 20 }>;

impl OtlpConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        OtlpConfig {
            endpoint: section.optional::<Url>("endpoint").map(|Url(url)| url),
            logs_endpoint: section.optional::<Url>("logs_endpoint").map(|Url(url)| url),
            traces_endpoint: section.optional::<Url>("traces_endpoint").map(|Url(url)| url),
            protocol: section.optional("protocol"),
            compression: section.optional("compression"),
            timeout: section.optional::<Timeout>("timeout").map(|Timeout(time)| time),
            headers: pairs(section, "headers", true),
            resource: pairs(section, "resource", false),
            environment: section.value("environment", true),
            traces: section.value("traces", true),
            site: section.value("site", true),
            max_attributes: section.optional::<Attributes>("max_attributes").map(|most| most.0),
            max_records: section.optional::<Records>("max_records").map(|most| most.0),
            max_request_bytes: section.optional::<RequestBytes>("max_request").map(|most| most.0),
            tls: HttpTls::read(section),
        }
    }
}
