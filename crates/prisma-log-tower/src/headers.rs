//! The trace in the headers of a message.

use http::{HeaderMap, HeaderName, HeaderValue};
use prisma_log_context::{Context, HeaderSink, HeaderSource, Incoming, Propagation};

/// The headers of an incoming message, as [`Propagation::extract`] reads them.
#[derive(Clone, Copy, Debug)]
pub struct IncomingHeaders<'a>(pub &'a HeaderMap);

impl HeaderSource for IncomingHeaders<'_> {
    fn values(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        for value in self.0.get_all(name) {
            each(value.as_bytes());
        }
    }
}

/// The headers of an outgoing message, as [`Propagation::inject`] writes them.
#[derive(Debug)]
pub struct OutgoingHeaders<'a>(pub &'a mut HeaderMap);

impl HeaderSink for OutgoingHeaders<'_> {
    fn set(&mut self, name: &'static str, value: &str) {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(self.0.insert(HeaderName::from_static(name), value)),
            // What can't be said is not to be said by a header of before either.
            Err(_) => self.remove(name),
        }
    }

    fn remove(&mut self, name: &'static str) {
        self.0.remove(name);
    }
}

/// What the headers of a request say about its trace; see [`Propagation::extract`].
pub fn extract(propagation: &Propagation, headers: &HeaderMap) -> Incoming {
    propagation.extract(&IncomingHeaders(headers))
}

/// Makes the headers of a request say where `context` is; see [`Propagation::inject`].
///
/// ```
/// use http::HeaderMap;
/// use prisma_log_context::{Context, Propagation};
/// use prisma_log_tower::{extract, inject};
///
/// let propagation = Propagation::w3c();
/// let context = Context::new();
/// let mut headers = HeaderMap::new(); // reqwest's is the same type
/// inject(&propagation, &context, &mut headers);
/// assert_eq!(extract(&propagation, &headers).parent, context.traceparent());
/// ```
pub fn inject(propagation: &Propagation, context: &Context, headers: &mut HeaderMap) {
    propagation.inject(context, &mut OutgoingHeaders(headers));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_one_is_written() {
        let mut headers = HeaderMap::new();
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("tracestate", HeaderValue::from_bytes(b"b=\xff").unwrap());
        let mut seen = Vec::new();
        IncomingHeaders(&headers).values("tracestate", &mut |value| seen.push(value.to_vec()));
        assert_eq!(seen, [b"a=1".to_vec(), b"b=\xff".to_vec()]);

        let mut sink = OutgoingHeaders(&mut headers);
        sink.set("tracestate", "c=3");
        assert_eq!(headers.get_all("tracestate").iter().collect::<Vec<_>>(), ["c=3"]);
        OutgoingHeaders(&mut headers).set("tracestate", "line\nfeed");
        assert!(headers.is_empty());
    }

    #[test]
    fn what_was_injected_is_extracted() {
        let propagation = Propagation::w3c().b3_single(true).b3_multi(true);
        let context = Context::new();
        let mut headers = HeaderMap::new();
        inject(&propagation, &context, &mut headers);
        assert_eq!(extract(&propagation, &headers).parent, context.traceparent());
        headers.remove("traceparent");
        assert_eq!(extract(&propagation, &headers).parent, context.traceparent());
    }
}
