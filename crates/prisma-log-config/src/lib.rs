//! Logging profiles and alert rules from YAML, with the place of every mistake.
