//! The `traceparent` header.

use std::fmt;

use prisma_log_core::{SpanId, TraceId};

use super::HeaderFault;
use super::text::{Case, hex, hex_wide, trim};

/// Length of a header of version 00.
const LENGTH: usize = 55;
/// More than any version to come may need, in bytes.
const INPUT_MAX: usize = 4096;

/// A position in a trace as the header `traceparent` of W3C Trace Context states it.
///
/// `Display` writes the header in version 00, with the flags that are defined there.
///
/// ```
/// use prisma_log_context::TraceParent;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent = TraceParent::parse(header.as_bytes()).unwrap();
/// assert_eq!(parent.flags, TraceParent::SAMPLED);
/// assert_eq!(parent.to_string(), header);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace.
    pub trace_id: TraceId,
    /// The sender's span.
    pub span_id: SpanId,
    /// The bits [`TraceParent::SAMPLED`] and [`TraceParent::RANDOM`].
    pub flags: u8,
}

impl TraceParent {
    /// Flag: the sender may have recorded this trace.
    pub const SAMPLED: u8 = 1;
    /// Flag of level 2: the right-most 56 bits of the trace id are random.
    pub const RANDOM: u8 = 2;

    /// Reads a header's value by the rules of W3C Trace Context levels 1 and 2.
    ///
    /// White space around it is ignored. Of version 00 the flags that are defined are kept. Of a
    /// higher version only what version 00 has is read, and of its flags only `sampled`.
    ///
    /// # Errors
    /// Says what makes the value invalid; the trace is then to start anew.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderFault> {
        if value.len() > INPUT_MAX {
            return Err(HeaderFault::TooLong);
        }
        let value = trim(value);
        let Some((head, rest)) = value.split_first_chunk::<LENGTH>() else {
            return Err(HeaderFault::Length);
        };
        let digits = |from: usize, to: usize| hex(&head[from..to], Case::Lower);
        let version = digits(0, 2).ok_or(HeaderFault::Hex)?;
        match (version, rest) {
            (0xff, _) => return Err(HeaderFault::Version),
            (0, [_, ..]) => return Err(HeaderFault::Length),
            (_, [] | [b'-', ..]) => {}
            (_, [..]) => return Err(HeaderFault::Delimiter),
        }
        if [head[2], head[35], head[52]] != [b'-'; 3] {
            return Err(HeaderFault::Delimiter);
        }
        let trace_id = head[3..35].first_chunk().and_then(|id| hex_wide(id, Case::Lower));
        let trace_id = trace_id.ok_or(HeaderFault::Hex)?;
        let span_id = digits(36, 52).ok_or(HeaderFault::Hex)?;
        let flags = digits(53, 55).ok_or(HeaderFault::Hex)? as u8;
        let defined = if version == 0 { Self::SAMPLED | Self::RANDOM } else { Self::SAMPLED };
        Ok(TraceParent {
            trace_id: TraceId::new(trace_id).ok_or(HeaderFault::ZeroTraceId)?,
            span_id: SpanId::new(span_id).ok_or(HeaderFault::ZeroSpanId)?,
            flags: flags & defined,
        })
    }

    /// Whether the sender may have recorded this trace.
    pub const fn is_sampled(self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// The header's value, in ASCII.
    pub(super) fn header(self) -> [u8; LENGTH] {
        let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
        header[3..35].copy_from_slice(&self.trace_id.hex());
        header[36..52].copy_from_slice(&self.span_id.hex());
        header[54] = b'0' + (self.flags & (Self::SAMPLED | Self::RANDOM));
        header
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.header()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn flags_are_those_that_the_version_defines() {
        fn check(version: &str, flags: &str, expected: u8) {
            let header = format!("{version}-{TRACE}-{SPAN}-{flags}");
            let parent = TraceParent::parse(header.as_bytes()).unwrap();
            assert_eq!(parent.flags, expected, "{header}");
            assert_eq!(parent.is_sampled(), expected & 1 == 1);
            assert_eq!(parent.to_string(), format!("00-{TRACE}-{SPAN}-0{expected}"));
        }
        check("00", "00", 0);
        check("00", "01", 1);
        check("00", "02", 2);
        check("00", "ff", 3);
        check("00", "fc", 0);
        check("01", "03", 1);
        check("fe", "fe", 0);
    }

    #[test]
    fn flags_that_nobody_defined_are_not_written() {
        let header = format!("00-{TRACE}-{SPAN}-00");
        let mut parent = TraceParent::parse(header.as_bytes()).unwrap();
        parent.flags = 0xf4;
        assert_eq!(parent.to_string(), header);
    }

    #[test]
    fn a_header_without_end_is_not_looked_at() {
        let mut header = format!("01-{TRACE}-{SPAN}-01-").into_bytes();
        header.resize(INPUT_MAX, b'x');
        assert!(TraceParent::parse(&header).is_ok());
        header.push(b'x');
        assert_eq!(TraceParent::parse(&header), Err(HeaderFault::TooLong));
        assert_eq!(TraceParent::parse(&[b' '; 1 << 20]), Err(HeaderFault::TooLong));
    }
}
