//! Encoders for log records: JSON, ECS, logfmt and text.
