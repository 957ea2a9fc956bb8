//! The variables of OpenTelemetry's specification.

use prisma_log_core::{Durability, Sink as _};
use prisma_log_otlp::{OtlpSink, OtlpSinkBuilder};
use serde_json::{Value as Json, json};

use crate::collector::Collector;
use crate::support::{Numbered, builder};

fn endpoints(builder: OtlpSinkBuilder, variables: &[(&str, &str)]) -> [String; 2] {
    let sink = builder.variables(variables.iter().copied()).build().unwrap();
    sink.endpoints().map(str::to_owned)
}

#[test]
fn addresses_by_their_precedence() {
    let check = |builder, variables: &[(&str, &str)], expect: [&str; 2]| {
        assert_eq!(endpoints(builder, variables), expect, "{variables:?}");
    };
    let plain = OtlpSink::builder;
    check(plain(), &[], ["http://localhost:4318/v1/logs", "http://localhost:4318/v1/traces"]);
    let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:1/base/");
    check(plain(), &[all], ["http://all:1/base/v1/logs", "http://all:1/base/v1/traces"]);
    let logs = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:2");
    check(plain(), &[all, logs], ["http://logs:2/", "http://all:1/base/v1/traces"]);
    let empty = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "");
    check(plain(), &[all, empty], ["http://all:1/base/v1/logs", "http://all:1/base/v1/traces"]);
    let code = plain().endpoint("http://code");
    check(code.clone(), &[all, logs], ["http://code/v1/logs", "http://code/v1/traces"]);
    let code = code.traces_endpoint("http://traces/x");
    check(code, &[all, logs], ["http://code/v1/logs", "http://traces/x"]);
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    let check = |name: &str, value: &str, expect: &str| {
        let error = OtlpSink::builder().variables([(name, value)]).build().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expect), "{error}");
    };
    check("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "has no http:// or https:// before it");
    check("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://", "is no address");
    check("OTEL_EXPORTER_OTLP_HEADERS", "a b=c", "has a name that HTTP does not allow");
    check("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "host=x", "is set by the sink itself");
    check("OTEL_EXPORTER_OTLP_HEADERS", "k=%0Aforged", "has a value that HTTP does not allow");
    check("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "4318");
    let certificate = OtlpSink::builder()
        .variables([("OTEL_EXPORTER_OTLP_CLIENT_KEY", "k.pem")])
        .build()
        .unwrap_err()
        .to_string();
    assert!(certificate.contains("belong together"), "{certificate}");
}

#[test]
fn warnings_are_told_and_the_rest_holds() {
    let collector = Collector::new();
    let url = collector.url();
    let mut sink = OtlpSink::builder()
        .variables([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ])
        .build()
        .unwrap();
    let mut told = Vec::new();
    while sink.due().is_some() {
        told.push(sink.maintain().unwrap_err().to_string());
    }
    let names: Vec<_> = told.iter().map(|told| told.split(':').next().unwrap()).collect();
    assert_eq!(names, ["$OTEL_EXPORTER_OTLP_TIMEOUT", "$OTEL_EXPORTER_OTLP_COMPRESSION"]);
    sink.write(&Numbered::new(0..1).records()).unwrap();
    assert_eq!(collector.stored().len(), 1);
}

#[test]
fn resource_and_headers_from_variables() {
    let collector = Collector::new();
    let url = collector.url();
    let mut sink = OtlpSink::builder()
        .service_version("9")
        .header("x-own", "code")
        .variables([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-own=variable,x-token=a%2Cb"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_SERVICE_NAME", "shop"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,service.version=1,team=a%20b"),
        ])
        .build()
        .unwrap();
    sink.write(&Numbered::new(0..1).records()).unwrap();
    let request = &collector.requests()[0];
    assert_eq!(request.header("x-own"), Some("code"));
    assert_eq!(request.header("x-token"), Some("a,b"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let attributes = &request.json["resourceLogs"][0]["resource"]["attributes"];
    let value = |name: &str| {
        let list = attributes.as_array().unwrap();
        let found: Vec<&Json> = list.iter().filter(|pair| pair["key"] == json!(name)).collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0]["value"]["stringValue"].as_str().unwrap().to_owned()
    };
    assert_eq!((value("service.name"), value("service.version")), ("shop".into(), "9".into()));
    assert_eq!(value("team"), "a b");
    assert_eq!(value("service.instance.id").len(), 36);
}

#[test]
fn a_disabled_sink_takes_everything_and_sends_nothing() {
    let collector = Collector::new();
    let mut sink = builder(&collector).variables([("OTEL_SDK_DISABLED", "true")]).build().unwrap();
    sink.write(&Numbered::new(0..10).records()).unwrap();
    assert!(sink.is_disabled() && collector.requests().is_empty());
    assert_eq!(sink.durability(), Durability::Memory);
}

#[test]
fn settings_that_make_no_sense() {
    let check = |builder: OtlpSinkBuilder, expect: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().starts_with(expect), "{error}");
    };
    let plain = OtlpSink::builder;
    check(plain().endpoint("localhost"), "endpoint \"localhost\" has no http://");
    check(plain().logs_endpoint("x"), "logs_endpoint \"x\"");
    check(plain().header("content-length", "1"), "headers: header \"content-length\" is set by");
    check(plain().timeout(std::time::Duration::ZERO), "timeout is 0ns, must be more than 0");
    check(plain().max_records(0), "max_records is 0, must be from 1 to 65536");
    check(plain().max_bytes(1), "max_bytes is 1, must be from 16384 to 67108864");
    check(plain().ca_file("ca.pem"), "certificates are set, but http://localhost:4318/v1/logs is");
    #[cfg(not(feature = "tls"))]
    check(plain().endpoint("https://h"), "this program was built without TLS");
}
