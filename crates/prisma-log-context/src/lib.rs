//! Trace, user, session and request context that rides on every log record.
