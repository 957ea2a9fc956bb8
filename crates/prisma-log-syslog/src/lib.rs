//! Syslog sink: RFC 5424 and RFC 3164 over UDP, TCP, TLS and unix sockets.
#![forbid(unsafe_code)]
