//! OTLP sinks.

use prisma_log_core::{Error, Sink};
use prisma_log_otlp::{Compression, OtlpSink, Protocol};

use crate::config::Service;
use crate::sinks::{HttpCompression, OtlpConfig, OtlpProtocol};

pub(super) fn build(settings: &OtlpConfig, service: &Service) -> Result<Box<dyn Sink>, Error> {
    let mut builder = OtlpSink::builder()
        .environment(settings.environment)
        .traces(settings.traces)
        .site(settings.site);
    if let Some(address) = &settings.endpoint {
        builder = builder.endpoint(address);
    }
    if let Some(address) = &settings.logs_endpoint {
        builder = builder.logs_endpoint(address);
    }
    if let Some(address) = &settings.traces_endpoint {
        builder = builder.traces_endpoint(address);
    }
    if let Some(protocol) = settings.protocol {
        builder = builder.protocol(match protocol {
            OtlpProtocol::HttpProtobuf => Protocol::HttpProtobuf,
            OtlpProtocol::HttpJson => Protocol::HttpJson,
        });
    }
    if let Some(compression) = settings.compression {
        builder = builder.compression(match compression {
            HttpCompression::Gzip => Compression::Gzip,
            HttpCompression::None => Compression::None,
        });
    }
    if let Some(time) = settings.timeout {
        builder = builder.timeout(time);
    }
    for (name, value) in &settings.headers {
        builder = builder.header(name, value);
    }
    // What is written for this sink comes before what the file says of the service.
    for (name, value) in &settings.resource {
        builder = builder.attribute(name, value);
    }
    if let Some(name) = &service.name {
        builder = builder.service_name(name);
    }
    if let Some(version) = &service.version {
        builder = builder.service_version(version);
    }
    if let Some(environment) = &service.environment {
        builder = builder.environment_name(environment);
    }
    let usize_of = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(most) = settings.max_attributes {
        builder = builder.max_attributes(usize_of(most));
    }
    if let Some(most) = settings.max_records {
        builder = builder.max_records(usize_of(most));
    }
    if let Some(most) = settings.max_request_bytes {
        builder = builder.max_bytes(usize_of(most));
    }
    if let Some(path) = &settings.tls.ca {
        builder = builder.ca_file(path);
    }
    if let (Some(certificate), Some(key)) = (&settings.tls.cert, &settings.tls.key) {
        builder = builder.client_certificate(certificate, key);
    }
    Ok(Box::new(builder.build()?))
}
