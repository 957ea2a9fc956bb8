//! What a Zipkin sink is built from.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use super::encode::Zipkin;
use crate::builder::{Secret, most, timeout};
use crate::deliver::{Courier, Lane, Part};
use crate::resource::Resource;
use crate::send::{Endpoint, Headers, Sender, Way};
use crate::{Compression, ZipkinSink};

const USUAL: &str = "http://localhost:9411/api/v2/spans";

/// Builds a [`ZipkinSink`].
#[must_use = "nothing is sent before `build`"]
#[derive(Clone, Debug, Default)]
pub struct ZipkinSinkBuilder {
    endpoint: Option<String>,
    compression: Compression,
    timeout: Option<Duration>,
    headers: Vec<Secret>,
    ca_file: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    service_name: Option<String>,
    site: bool,
    records: Option<usize>,
    bytes: Option<usize>,
}

impl ZipkinSinkBuilder {
    /// Where spans go, exactly: `http` or `https`; by default
    /// `http://localhost:9411/api/v2/spans`.
    pub fn endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoint = Some(address.into());
        self
    }

    /// Whether requests are compressed; by default with gzip.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How long a request may take, from the look-up of the name to the end of the answer: up to an
    /// hour, by default 10 s. After that its spans are sent again.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Adds a header to every request, in place of one of the same name. Its value is shown in no
    /// error, and is sent to the endpoint only: redirects are not followed.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Secret(name.into(), value.into()));
        self
    }

    /// Trusts the authorities in this PEM file instead of the system's; for `https`.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Shows this certificate to the server: PEM files with the certificate, followed by those
    /// between it and the authority, and with its private key; for `https`.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// The service's name (`localEndpoint.serviceName`); by default `unknown_service:` and the
    /// program's name. Zipkin shows it in lowercase.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// Whether to send where in the source a span was started, as tags; off by default.
    pub fn site(mut self, on: bool) -> Self {
        self.site = on;
        self
    }

    /// Most spans of one request, from 1 to 65,536; by default 512.
    pub fn max_records(mut self, records: usize) -> Self {
        self.records = Some(records);
        self
    }

    /// Most bytes of the spans in one request, before they are compressed: from 16 KiB to 64 MiB, by
    /// default 4 MiB. A span that is larger is sent alone.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// The sink. Nothing is connected yet, and a server that is away is no error here.
    ///
    /// # Errors
    /// When a setting makes no sense, or a file with a certificate can't be used.
    pub fn build(self) -> Result<ZipkinSink, Error> {
        let mut headers = Headers::default();
        for Secret(name, value) in &self.headers {
            headers.add(name, value, "headers")?;
        }
        let way = Way {
            timeout: timeout(self.timeout)?,
            compression: self.compression,
            headers,
            ca_file: self.ca_file,
            identity: self.identity,
            proxy: false,
        };
        let endpoint = Endpoint::exact(self.endpoint.as_deref().unwrap_or(USUAL), "endpoint")?;
        let sender = Sender::new(endpoint, way, "application/json")?;
        let lanes = vec![Lane { what: "spans", sender, part: Part::default() }];
        let mut resource = Resource::default();
        if let Some(name) = self.service_name {
            resource.add("service.name", name);
        }
        resource.complete();
        let service = resource.get("service.name").unwrap_or_default().to_owned();
        let encoding = Zipkin { service, site: self.site };
        Ok(ZipkinSink { courier: Courier::new(encoding, lanes, most(self.records, self.bytes)?) })
    }
}
