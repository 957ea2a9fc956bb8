//! Test doubles for sinks and clocks, and the contract every sink must pass.
