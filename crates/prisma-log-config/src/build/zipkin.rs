//! Zipkin sinks.

use prisma_log_core::{Error, Sink};
use prisma_log_otlp::{Compression, ZipkinSink};

use crate::config::Service;
use crate::sinks::{HttpCompression, ZipkinConfig};

pub(super) fn build(settings: &ZipkinConfig, service: &Service) -> Result<Box<dyn Sink>, Error> {
    let compression = match settings.compression {
        HttpCompression::Gzip => Compression::Gzip,
        HttpCompression::None => Compression::None,
    };
    let mut builder = ZipkinSink::builder().compression(compression).site(settings.site);
    if let Some(address) = &settings.endpoint {
        builder = builder.endpoint(address);
    }
    if let Some(time) = settings.timeout {
        builder = builder.timeout(time);
    }
    for (name, value) in &settings.headers {
        builder = builder.header(name, value);
    }
    if let Some(name) = &service.name {
        builder = builder.service_name(name);
    }
    let usize_of = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
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
