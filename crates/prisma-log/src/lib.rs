//! Industrial logging for Rust services: the front door.
