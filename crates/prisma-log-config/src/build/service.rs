//! What sinks say of the service.

use crate::config::Service;

pub(super) fn known(service: &Service) -> prisma_log_format::Service {
    let mut known = prisma_log_format::Service::new();
    if let Some(name) = &service.name {
        known = known.name(name);
    }
    if let Some(version) = &service.version {
        known = known.version(version);
    }
    if let Some(environment) = &service.environment {
        known = known.environment(environment);
    }
    known
}
