//! The B3 headers of Zipkin: `b3`, and `x-b3-…`.

use prisma_log_core::{SpanId, TraceId};

use super::headers::{first, only};
use super::text::{Case, hex, hex_wide, trim};
use super::{HeaderFault, HeaderSource, TraceParent};

/// The header that holds all.
pub(super) const SINGLE: &str = "b3";
pub(super) const TRACE_ID: &str = "x-b3-traceid";
pub(super) const SPAN_ID: &str = "x-b3-spanid";
pub(super) const PARENT_SPAN_ID: &str = "x-b3-parentspanid";
pub(super) const SAMPLED: &str = "x-b3-sampled";
/// `1` is debug, which asks for recording.
pub(super) const FLAGS: &str = "x-b3-flags";

/// More than a `b3` header can have.
const INPUT_MAX: usize = 256;

/// What B3 headers say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct B3 {
    pub(super) ids: Option<(TraceId, SpanId)>,
    pub(super) sampled: Option<bool>,
}

impl B3 {
    /// The position in the trace. A caller that leaves it to us whether to record counts as one
    /// that records, as does a trace that starts here.
    pub(super) fn parent(self) -> Option<TraceParent> {
        let (trace_id, span_id) = self.ids?;
        let flags = if self.sampled == Some(false) { 0 } else { TraceParent::SAMPLED };
        Some(TraceParent { trace_id, span_id, flags })
    }

    /// The one header if it is there, else the several ones.
    pub(super) fn extract(
        headers: &(impl HeaderSource + ?Sized),
    ) -> Option<Result<Self, HeaderFault>> {
        only(headers, SINGLE, B3::single).or_else(|| B3::multi(headers).transpose())
    }

    /// Reads `b3`: `TRACE-SPAN[-STATE][-PARENT]`, or a sampling state alone.
    fn single(value: &[u8]) -> Result<Self, HeaderFault> {
        if value.len() > INPUT_MAX {
            return Err(HeaderFault::TooLong);
        }
        let mut parts = trim(value).split(|&b| b == b'-');
        let first = parts.next().unwrap_or_default();
        let Some(span) = parts.next() else {
            return match sampling(first) {
                Err(_) if first.is_empty() => Err(HeaderFault::Length),
                Err(_) if first.len() >= 16 => Err(HeaderFault::MissingId),
                state => Ok(B3 { ids: None, sampled: Some(state?) }),
            };
        };
        let ids = Some((trace_id(first)?, span_id(span)?));
        let (state, parent) = match (parts.next(), parts.next(), parts.next()) {
            // Where the sampling state is left out, the parent takes its place.
            (Some(parent), None, None) if parent.len() == 16 => (None, Some(parent)),
            (state, parent, None) => (state, parent),
            _ => return Err(HeaderFault::Length),
        };
        // The caller's parent tells us nothing, but it shows that the header is sound.
        parent.map(span_id).transpose()?;
        Ok(B3 { ids, sampled: state.map(sampling).transpose()? })
    }

    /// Reads the several headers; nothing if none of them says anything. Of
    /// each, the first line counts, as B3 demands.
    fn multi(headers: &(impl HeaderSource + ?Sized)) -> Result<Option<Self>, HeaderFault> {
        let trace = first(headers, TRACE_ID, |value| trace_id(short(value)?)).transpose()?;
        let span = first(headers, SPAN_ID, |value| span_id(short(value)?)).transpose()?;
        let state = first(headers, SAMPLED, |value| sampling(short(value)?)).transpose()?;
        // Used as a bit field by some, so other values are no fault.
        let debug = first(headers, FLAGS, |value| Ok(short(value)? == b"1")).transpose()?;
        let sampled = if debug == Some(true) { debug } else { state };
        let ids = match (trace, span) {
            (Some(trace), Some(span)) => Some((trace, span)),
            (None, None) => None,
            _ => return Err(HeaderFault::MissingId),
        };
        Ok((ids.is_some() || sampled.is_some()).then_some(B3 { ids, sampled }))
    }
}

fn short(value: &[u8]) -> Result<&[u8], HeaderFault> {
    if value.len() > INPUT_MAX { Err(HeaderFault::TooLong) } else { Ok(trim(value)) }
}

/// 128 bits, or 64 from a fleet that has not grown yet.
fn trace_id(digits: &[u8]) -> Result<TraceId, HeaderFault> {
    let number = match digits.len() {
        16 => hex(digits, Case::Any).map(u128::from),
        32 => digits.first_chunk().and_then(|digits| hex_wide(digits, Case::Any)),
        _ => return Err(HeaderFault::Length),
    };
    TraceId::new(number.ok_or(HeaderFault::Hex)?).ok_or(HeaderFault::ZeroTraceId)
}

fn span_id(digits: &[u8]) -> Result<SpanId, HeaderFault> {
    if digits.len() != 16 {
        return Err(HeaderFault::Length);
    }
    let number = hex(digits, Case::Any).ok_or(HeaderFault::Hex)?;
    SpanId::new(number).ok_or(HeaderFault::ZeroSpanId)
}

/// Whether to record; `true` and `false` are how old tracers say it.
fn sampling(state: &[u8]) -> Result<bool, HeaderFault> {
    match state {
        b"1" | b"d" => Ok(true),
        b"0" => Ok(false),
        _ if state.eq_ignore_ascii_case(b"true") => Ok(true),
        _ if state.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err(HeaderFault::Sampling),
    }
}

/// The value of the header `b3`, in ASCII.
pub(super) fn single(position: TraceParent) -> [u8; 51] {
    let mut header = *b"00000000000000000000000000000000-0000000000000000-0";
    header[..32].copy_from_slice(&position.trace_id.hex());
    header[33..49].copy_from_slice(&position.span_id.hex());
    header[50] = state(position).as_bytes()[0];
    header
}

/// The sampling state to be sent.
pub(super) fn state(position: TraceParent) -> &'static str {
    if position.is_sampled() { "1" } else { "0" }
}
