//! Watches log lines by rules, raises alerts, and keeps their lifecycle durably.
