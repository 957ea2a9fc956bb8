//! Stands in for TLS in programs that are built without it.

use prisma_log_core::Error;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

use super::sender::Way;

type Builder = ConfigBuilder<AgentScope>;

pub(super) fn encrypted(_: Builder, _: &Way) -> Result<Builder, Error> {
    Err(Error::config("this program was built without TLS, which an https address needs")
        .with_hint("turn on the feature `tls` of prisma-log-otlp, or `otlp-tls` of prisma-log"))
}
