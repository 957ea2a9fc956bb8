//! Console sink: colour for people, one JSON line per record for containers.
