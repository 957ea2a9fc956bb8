//! The variables that OpenTelemetry's specification names, by its rules.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use super::list::parse_list;
use super::variables::{Variables, wrong};
use crate::encode::{Limits, Signal};
use crate::{Compression, Protocol};

/// What variables say.
#[derive(Debug, Default)]
pub(crate) struct Otel {
    /// `OTEL_SDK_DISABLED`.
    pub(crate) disabled: bool,
    /// Attributes of the resource, the first of a name holds.
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) signals: [OtelSignal; 2],
    /// Variables that were left out, because their value means nothing.
    pub(crate) warnings: Vec<Error>,
}

/// What variables say of one signal.
#[derive(Debug, Default)]
pub(crate) struct OtelSignal {
    /// The address and whether it is the signal's own; with the variable's name.
    pub(crate) endpoint: Option<(String, bool, String)>,
    /// With the variable's name.
    pub(crate) headers: Option<(Vec<(String, String)>, String)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) compression: Option<Compression>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) count: Option<usize>,
    pub(crate) longest: Option<usize>,
}

impl Otel {
    /// Reads all variables that concern the sink.
    ///
    /// A word or number that means nothing is a warning and the default holds, as the specification
    /// wants it. A list or protocol without which nothing would arrive, or not where it should, is an error.
    ///
    /// # Errors
    /// When a variable is not UTF-8, is a list and is malformed, or asks for gRPC.
    pub(crate) fn read(variables: &Variables) -> Result<Self, Error> {
        let mut warnings = Vec::new();
        let disabled = match variables.get("OTEL_SDK_DISABLED")? {
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if !text.eq_ignore_ascii_case("false") => {
                let why = format!("expected true or false, found {text:?}; it counts as false");
                warnings.push(wrong("OTEL_SDK_DISABLED", why));
                false
            }
            _ => false,
        };
        let mut resource = Vec::new();
        if let Some(name) = variables.get("OTEL_SERVICE_NAME")? {
            resource.push(("service.name".to_owned(), name));
        }
        let attributes = list(variables, "OTEL_RESOURCE_ATTRIBUTES")?;
        resource.extend(attributes.into_iter().flat_map(|(pairs, _)| pairs));
        let logs = OtelSignal::read(variables, Signal::Logs, &mut warnings)?;
        let traces = OtelSignal::read(variables, Signal::Traces, &mut warnings)?;
        // What is common to both signals was found wrong twice.
        let mut told = BTreeSet::new();
        warnings.retain(|warning| told.insert(warning.to_string()));
        Ok(Otel { disabled, resource, signals: [logs, traces], warnings })
    }
}

impl OtelSignal {
    fn read(
        variables: &Variables,
        signal: Signal,
        warnings: &mut Vec<Error>,
    ) -> Result<Self, Error> {
        let own = |name: &str| format!("OTEL_EXPORTER_OTLP_{}{name}", signal.in_variables());
        let common = |name: &str| format!("OTEL_EXPORTER_OTLP_{name}");
        // The signal's own variable, or else the common one.
        let either = |name: &str| -> Result<Option<(String, String)>, Error> {
            for name in [own(name), common(name)] {
                if let Some(value) = variables.get(&name)? {
                    return Ok(Some((value, name)));
                }
            }
            Ok(None)
        };
        let endpoint =
            either("ENDPOINT")?.map(|(value, name)| (value, name == own("ENDPOINT"), name));
        let headers = match list(variables, &own("HEADERS"))? {
            None => list(variables, &common("HEADERS"))?,
            own => own,
        };
        let mut warn = |name: &str, why: String| warnings.push(wrong(name, why));
        let timeout = either("TIMEOUT")?.and_then(|(value, name)| match value.parse::<u64>() {
            // No limit at all; an hour is as good, and ends.
            Ok(0) => Some(Duration::from_secs(3600)),
            Ok(milliseconds) => Some(Duration::from_millis(milliseconds.min(3_600_000))),
            Err(_) => {
                warn(&name, format!("expected milliseconds, found {value:?}; it is left out"));
                None
            }
        });
        let compression =
            either("COMPRESSION")?.and_then(|(value, name)| match value.to_lowercase().as_str() {
                "gzip" => Some(Compression::Gzip),
                "none" => Some(Compression::None),
                _ => {
                    warn(&name, format!("expected gzip or none, found {value:?}; it is left out"));
                    None
                }
            });
        let protocol = match either("PROTOCOL")? {
            None => None,
            Some((value, name)) => match value.to_lowercase().as_str() {
                "http/protobuf" => Some(Protocol::HttpProtobuf),
                "http/json" => Some(Protocol::HttpJson),
                "grpc" => {
                    return Err(wrong(&name, "gRPC is not supported").with_hint(
                        "set it to http/protobuf, and the endpoint to the collector's port for \
                         HTTP, which is 4318 by custom",
                    ));
                }
                _ => {
                    let why = format!(
                        "expected http/protobuf or http/json, found {value:?}; it is left out"
                    );
                    warn(&name, why);
                    None
                }
            },
        };
        let path = |name| Ok(either(name)?.map(|(path, _)| PathBuf::from(path)));
        let of_signal = match signal {
            Signal::Logs => "OTEL_LOGRECORD_ATTRIBUTE_",
            Signal::Traces => "OTEL_SPAN_ATTRIBUTE_",
        };
        let mut limit = |what: &str| -> Result<Option<usize>, Error> {
            for name in [format!("{of_signal}{what}"), format!("OTEL_ATTRIBUTE_{what}")] {
                let Some(value) = variables.get(&name)? else { continue };
                match value.parse() {
                    Ok(number) => return Ok(Some(number)),
                    Err(_) => {
                        let why =
                            format!("expected a whole number, found {value:?}; it is left out");
                        warn(&name, why);
                    }
                }
            }
            Ok(None)
        };
        Ok(OtelSignal {
            count: limit("COUNT_LIMIT")?,
            longest: limit("VALUE_LENGTH_LIMIT")?,
            endpoint,
            headers,
            timeout,
            compression,
            protocol,
            ca_file: path("CERTIFICATE")?,
            certificate: path("CLIENT_CERTIFICATE")?,
            key: path("CLIENT_KEY")?,
        })
    }

    /// The limits that hold, after those from code.
    pub(crate) fn limits(&self, count: Option<usize>, longest: Option<usize>) -> Limits {
        Limits { count: count.or(self.count).unwrap_or(128), longest: longest.or(self.longest) }
    }
}

type List = Option<(Vec<(String, String)>, String)>;

fn list(variables: &Variables, name: &str) -> Result<List, Error> {
    let Some(text) = variables.get(name)? else { return Ok(None) };
    match parse_list(&text) {
        Ok(pairs) => Ok(Some((pairs, name.to_owned()))),
        Err(why) => Err(wrong(name, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &[(&str, &str)]) -> Result<Otel, Error> {
        let map = list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Otel::read(&Variables::These(map.collect()))
    }

    #[test]
    fn a_signals_own_variable_comes_before_the_common_one() {
        let otel = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs/x"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=2"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "c=3"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
            ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", ""),
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "9"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3"),
            ("OTEL_SERVICE_NAME", "shop"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=a%20b"),
            ("OTEL_SDK_DISABLED", "TRUE"),
        ])
        .unwrap();
        let [logs, traces] = &otel.signals;
        assert!(otel.disabled && otel.warnings.is_empty(), "{:?}", otel.warnings);
        let endpoint =
            |signal: &OtelSignal| signal.endpoint.clone().map(|(url, own, _)| (url, own));
        assert_eq!(endpoint(logs), Some(("http://logs/x".to_owned(), true)));
        assert_eq!(endpoint(traces), Some(("http://all".to_owned(), false)));
        assert_eq!(logs.headers.as_ref().unwrap().0.len(), 2);
        assert_eq!(traces.headers.as_ref().unwrap().0, [("c".to_owned(), "3".to_owned())]);
        assert_eq!(logs.timeout, Some(Duration::from_secs(3600)));
        assert_eq!(traces.timeout, Some(Duration::from_millis(500)));
        assert_eq!((logs.compression, logs.protocol), (Some(Compression::None), None));
        assert_eq!(traces.protocol, Some(Protocol::HttpJson));
        assert_eq!(logs.ca_file, Some("ca.pem".into()));
        assert_eq!((logs.count, traces.count, logs.longest), (Some(9), Some(3), None));
        let names: Vec<_> = otel.resource.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(names, ["shop", "other", "a b"]);
    }

    #[test]
    fn words_and_numbers_that_mean_nothing_are_warnings() {
        let check = |name: &str, value: &str, expect: &str| {
            let warnings = read(&[(name, value)]).unwrap().warnings;
            let shown: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            assert_eq!(shown, [format!("${name}: {expect}")]);
        };
        check(
            "OTEL_SDK_DISABLED",
            "yes",
            "expected true or false, found \"yes\"; it counts as false",
        );
        check(
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "10s",
            "expected milliseconds, found \"10s\"; it is left out",
        );
        check(
            "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
            "zstd",
            "expected gzip or none, found \"zstd\"; it is left out",
        );
        check(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http",
            "expected http/protobuf or http/json, found \"http\"; it is left out",
        );
        check(
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "-1",
            "expected a whole number, found \"-1\"; it is left out",
        );
    }

    #[test]
    fn what_would_send_nothing_is_an_error() {
        let check = |name: &str, value: &str, expect: &str| {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("${name}: {expect}")), "{error}");
            assert!(!error.contains("secret"), "{error}");
        };
        check("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "gRPC is not supported (set it to");
        check("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "secret", "has no `=` in member 1");
        check("OTEL_EXPORTER_OTLP_HEADERS", "k=secret%", "has a value with a wrong %-escape");
        check("OTEL_RESOURCE_ATTRIBUTES", "a", "has no `=` in member 1");
    }
}
