//! systemd journal sink: the native protocol, every field by its name.
#![forbid(unsafe_code)]
