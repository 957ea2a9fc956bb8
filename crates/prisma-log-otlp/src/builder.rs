//! What an OTLP sink is built from, and which settings make no sense.

use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use crate::deliver::{Courier, Lane, Most, Part};
use crate::encode::{Otlp, Signal};
use crate::resource::Resource;
use crate::send::{Endpoint, Headers, Sender, Way};
use crate::settings::{Otel, OtelSignal, Variables};
use crate::{Compression, OtlpSink, Protocol};

/// Where a collector listens for HTTP if nobody says otherwise.
const USUAL: &str = "http://localhost:4318";
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// Builds an [`OtlpSink`].
#[must_use = "nothing is sent before `build`"]
#[derive(Clone, Debug, Default)]
pub struct OtlpSinkBuilder {
    endpoint: Option<String>,
    /// Of logs and traces.
    endpoints: [Option<String>; 2],
    protocol: Option<Protocol>,
    compression: Option<Compression>,
    timeout: Option<Duration>,
    headers: Vec<Secret>,
    ca_file: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    resource: Resource,
    variables: Variables,
    traces: Option<bool>,
    site: Option<bool>,
    count: Option<usize>,
    longest: Option<usize>,
    records: Option<usize>,
    bytes: Option<usize>,
}

/// A header, whose value is shown to nobody.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String, pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl OtlpSinkBuilder {
    /// A collector's address, `http` or `https`, to which `/v1/logs` and `/v1/traces` are added; by
    /// default `http://localhost:4318`.
    pub fn endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoint = Some(address.into());
        self
    }

    /// Where log records go, exactly; by default below [`endpoint`](Self::endpoint).
    pub fn logs_endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoints[0] = Some(address.into());
        self
    }

    /// Where spans go, exactly; by default below [`endpoint`](Self::endpoint).
    pub fn traces_endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoints[1] = Some(address.into());
        self
    }

    /// How requests are written; by default binary.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Whether requests are compressed; by default with gzip.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// How long a request may take, from the look-up of the name to the end of the answer: up to an
    /// hour, by default 10 s. After that its records are sent again.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Adds a header to every request, such as `authorization`; in place of one of the same name.
    /// Its value is shown in no error, and is sent to the endpoint only: redirects are not followed.
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

    /// The service's name (`service.name`); by default `unknown_service:` and the program's name.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.attribute("service.name", name)
    }

    /// The service's version (`service.version`).
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.attribute("service.version", version)
    }

    /// Where the service runs, such as `staging` (`deployment.environment.name`).
    pub fn environment_name(self, name: impl Into<String>) -> Self {
        self.attribute("deployment.environment.name", name)
    }

    /// Sets an attribute of the resource, which all records share; the first of a name holds.
    ///
    /// `service.instance.id` (a random UUID), `host.name` and `process.pid` are there by default, as
    /// is `telemetry.sdk.name` and its like.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.add(name, value);
        self
    }

    /// Whether the process's `OTEL_*` variables fill in what was not set here; off by default. With
    /// them count `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    ///
    /// Those of [OpenTelemetry's specification]: `OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS`,
    /// `_TIMEOUT`, `_COMPRESSION`, `_PROTOCOL`, `_CERTIFICATE`, `_CLIENT_CERTIFICATE` and
    /// `_CLIENT_KEY`, each also for one signal, which comes first
    /// (`OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, used as it is); `OTEL_SERVICE_NAME`,
    /// `OTEL_RESOURCE_ATTRIBUTES`; `OTEL_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`
    /// and those for `LOGRECORD` and `SPAN`; `OTEL_SDK_DISABLED`.
    ///
    /// [OpenTelemetry's specification]: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
    pub fn environment(mut self, on: bool) -> Self {
        self.variables = if on { Variables::Process } else { Variables::None };
        self
    }

    /// As [`environment`](Self::environment), but with these variables instead of the process's,
    /// and without proxies.
    pub fn variables<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pairs = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.variables = Variables::These(pairs.collect());
        self
    }

    /// Whether sampled spans go to the traces' endpoint, on by default; otherwise their records are
    /// log records like all others.
    pub fn traces(mut self, on: bool) -> Self {
        self.traces = Some(on);
        self
    }

    /// Whether to send where in the source a record comes from (`code.file.path` and its like); on
    /// by default.
    pub fn site(mut self, on: bool) -> Self {
        self.site = Some(on);
        self
    }

    /// Most attributes of a record that come from its context and fields; by default 128. How many
    /// were left out is told.
    pub fn max_attributes(mut self, count: usize) -> Self {
        self.count = Some(count);
        self
    }

    /// Most characters of a text in an attribute; by default there is no limit. The message is never
    /// cut.
    pub fn max_value_chars(mut self, characters: usize) -> Self {
        self.longest = Some(characters);
        self
    }

    /// Most records of one request, from 1 to 65,536; by default 512.
    pub fn max_records(mut self, records: usize) -> Self {
        self.records = Some(records);
        self
    }

    /// Most bytes of the records in one request, before they are compressed: from 16 KiB to 64 MiB,
    /// by default 4 MiB. A record that is larger is sent alone. When the server takes less, the sink
    /// finds out.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// The sink. Nothing is connected yet, and a server that is away is no error here.
    ///
    /// # Errors
    /// When a setting or variable makes no sense, or a file with a certificate can't be used.
    pub fn build(self) -> Result<OtlpSink, Error> {
        let otel = Otel::read(&self.variables)?;
        let most = most(self.records, self.bytes)?;
        let [logs, traces] = &otel.signals;
        let protocol = |signal: &OtelSignal| self.protocol.or(signal.protocol).unwrap_or_default();
        let protocols = [protocol(logs), protocol(traces)];
        let lane = |signal: Signal, what| -> Result<Lane, Error> {
            let way = self.way(&otel.signals[signal as usize])?;
            let endpoint = self.endpoint_of(signal, &otel.signals[signal as usize])?;
            let content_type = protocols[signal as usize].content_type();
            let sender = Sender::new(endpoint, way, content_type)?;
            Ok(Lane { what, sender, part: Part::default() })
        };
        let lanes = vec![lane(Signal::Logs, "log records")?, lane(Signal::Traces, "spans")?];
        let limits =
            [logs.limits(self.count, self.longest), traces.limits(self.count, self.longest)];
        let mut resource = self.resource;
        otel.resource.into_iter().for_each(|(name, value)| resource.add(name, value));
        resource.complete();
        let encoding = Otlp {
            protocols,
            limits,
            resource,
            site: self.site.unwrap_or(true),
            traces: self.traces.unwrap_or(true),
        };
        let mut courier = Courier::new(encoding, lanes, most);
        courier.warnings = otel.warnings;
        Ok(OtlpSink { courier, disabled: otel.disabled })
    }

    fn endpoint_of(&self, signal: Signal, otel: &OtelSignal) -> Result<Endpoint, Error> {
        let path = signal.path();
        if let Some(address) = &self.endpoints[signal as usize] {
            let name = ["logs_endpoint", "traces_endpoint"][signal as usize];
            return Endpoint::exact(address, name);
        }
        if let Some(address) = &self.endpoint {
            return Endpoint::below(address, path, "endpoint");
        }
        match &otel.endpoint {
            Some((address, true, name)) => Endpoint::exact(address, &format!("${name}")),
            Some((address, false, name)) => Endpoint::below(address, path, &format!("${name}")),
            None => Endpoint::below(USUAL, path, "endpoint"),
        }
    }

    fn way(&self, otel: &OtelSignal) -> Result<Way, Error> {
        let mut headers = Headers::default();
        // What is set here is added last, in place of the same from variables.
        if let Some((pairs, name)) = &otel.headers {
            for (header, value) in pairs {
                headers.add(header, value, &format!("${name}"))?;
            }
        }
        for Secret(name, value) in &self.headers {
            headers.add(name, value, "headers")?;
        }
        let identity = match (&self.identity, &otel.certificate, &otel.key) {
            (Some(identity), _, _) => Some(identity.clone()),
            (None, Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None, None) => None,
            _ => {
                return Err(Error::config(
                    "of $OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and $OTEL_EXPORTER_OTLP_CLIENT_KEY \
                     one is set: they belong together",
                ));
            }
        };
        Ok(Way {
            timeout: timeout(self.timeout.or(otel.timeout))?,
            compression: self.compression.or(otel.compression).unwrap_or_default(),
            headers,
            ca_file: self.ca_file.clone().or_else(|| otel.ca_file.clone()),
            identity,
            proxy: self.variables.is_process(),
        })
    }
}

pub(crate) fn timeout(time: Option<Duration>) -> Result<Duration, Error> {
    let time = time.unwrap_or(USUAL_TIMEOUT);
    if time.is_zero() || time > LONGEST_TIMEOUT {
        return Err(Error::config(format!(
            "timeout is {time:?}, must be more than 0 and at most an hour"
        )));
    }
    Ok(time)
}

pub(crate) fn most(records: Option<usize>, bytes: Option<usize>) -> Result<Most, Error> {
    let most = Most { records: records.unwrap_or(512), bytes: bytes.unwrap_or(4 << 20) };
    for (name, value, least, greatest) in
        [("max_records", most.records, 1, 1 << 16), ("max_bytes", most.bytes, 16 << 10, 64 << 20)]
    {
        if !(least..=greatest).contains(&value) {
            return Err(Error::config(format!(
                "{name} is {value}, must be from {least} to {greatest}"
            )));
        }
    }
    Ok(most)
}
