//! The policy that is in use, which may be exchanged while the monitor runs.

use std::sync::{Arc, Mutex, PoisonError};

use prisma_log_core::Error;

use crate::Policy;
use crate::policy::Limits;

/// The handle that the monitor's threads share.
#[derive(Clone, Debug)]
pub(super) struct Current(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    policy: Mutex<Arc<Policy>>,
    /// The receivers that there are.
    names: Vec<String>,
}

impl Current {
    /// Checks that every route leads to a receiver.
    pub(super) fn new(policy: Policy, names: Vec<String>) -> Result<Self, Error> {
        policy.check_receivers(&names)?;
        Ok(Current(Arc::new(Inner { policy: Mutex::new(Arc::new(policy)), names })))
    }

    pub(super) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.0.policy.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn limits(&self) -> Limits {
        self.policy().limits
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0.names
    }

    /// Goes on with another policy, unless a route leads to no receiver.
    pub(super) fn exchange(&self, policy: Policy) -> Result<(), Error> {
        policy.check_receivers(&self.0.names)?;
        *self.0.policy.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(())
    }
}
