//! A call to another service, from its request to the record of how it ended.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Method, StatusCode, Uri};
use prisma_log_context::{Context, Span, SpanKind, Tracer};
use prisma_log_core::{Fields, Level};

use super::settings::Settings;
use super::url;
use crate::headers::inject;
use crate::semantics::{
    MAX_TEXT, OTHER, content_length, cut, error_type, host_of, known_method, span_name,
};

/// A call to another service, whatever client makes it: a span whose position stands in the
/// request's headers, and whose end is the call's record.
///
/// Ends as soon as it is told how the call ended; dropped before that, the call was cancelled.
///
/// With reqwest, whose headers, methods and status codes are the same types:
///
/// ```ignore
/// let mut request = client.get("http://stock.example/items/7").build()?;
/// let uri = request.url().as_str().parse()?;
/// let call = ClientCall::start(&tracer, &request.method().clone(), &uri, request.headers_mut());
/// let response = match client.execute(request).await {
///     Ok(response) => {
///         call.response(response.status());
///         response
///     }
///     Err(error) => {
///         call.failed(&error);
///         return Err(error);
///     }
/// };
/// ```
#[must_use = "a call that is not told how it ended counts as cancelled"]
pub struct ClientCall {
    settings: Arc<Settings>,
    context: Context,
    /// Until it has ended.
    span: Option<Span>,
    method: Option<&'static str>,
    /// Where slowness matters.
    began: Option<Instant>,
}

impl ClientCall {
    /// Begins a call, as a step of the context that the thread is in, with the defaults of
    /// [`ClientLayer`](crate::ClientLayer), and puts its position into the headers.
    #[track_caller]
    pub fn start(tracer: &Tracer, method: &Method, uri: &Uri, headers: &mut HeaderMap) -> Self {
        let settings = Arc::new(Settings::new(tracer.clone()));
        ClientCall::begin(&settings, method, uri, headers, None)
    }

    #[track_caller]
    pub(super) fn begin(
        settings: &Arc<Settings>,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
        template: Option<&str>,
    ) -> Self {
        let known = known_method(method);
        let span = settings.tracer.span(span_name(known, template)).kind(SpanKind::Client);
        let span = span.always(settings.always).start();
        if span.is_recording() {
            span.attributes(describe(settings, method, known, uri, headers, template));
        }
        inject(&settings.propagation, span.context(), headers);
        ClientCall {
            context: span.context().clone(),
            span: Some(span),
            method: known,
            began: settings.slow.map(|_| Instant::now()),
            settings: Arc::clone(settings),
        }
    }

    /// The call's position in the trace: run the call in it, and what the client logs meanwhile
    /// belongs to it.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Names the call by the pattern of its path, such as `/items/{id}`.
    pub fn template(self, template: &str) -> Self {
        if let Some(span) = &self.span {
            span.name(span_name(self.method, Some(template)));
            span.attribute("url.template", cut(template));
        }
        self
    }

    /// There is a response.
    pub fn response(mut self, status: StatusCode) {
        self.responded(status, &HeaderMap::new());
    }

    /// There is none, and this is why; what the error says, and its sources, gets into the record,
    /// so a URL with a secret in it is to be taken out before (reqwest: `without_url`).
    pub fn failed<E: Error + ?Sized>(mut self, error: &E) {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(error) = source.filter(|_| why.len() < MAX_TEXT) {
            let text = error.to_string();
            // Some errors say themselves what is behind them.
            if !why.contains(&text) {
                why = format!("{why}: {text}");
            }
            source = error.source();
        }
        self.end(Level::Warning, error_type::<E>(), Some(cut(&why)), |_| {});
    }

    pub(crate) fn responded(&mut self, status: StatusCode, headers: &HeaderMap) {
        let settings = Arc::clone(&self.settings);
        let failed = status.as_u16() >= 400;
        let kind = if failed { status.as_str() } else { "" };
        // A failed status says it all.
        self.end((settings.level)(status), kind, failed.then_some(""), |span| {
            span.attribute("http.response.status_code", status.as_u16());
            if let Some(size) = content_length(headers) {
                span.attribute("http.response.body.size", size);
            }
            settings.response_headers.each(headers, |key, value| span.attribute(key, value));
        });
    }

    pub(crate) fn broke<E: fmt::Display>(&mut self, error: &E) {
        self.end(Level::Warning, error_type::<E>(), Some(cut(&error.to_string())), |_| {});
    }

    pub(crate) fn panicked(&mut self, message: &str) {
        self.end(Level::Error, "panic", Some("panicked"), |span| {
            if !message.is_empty() {
                span.attribute("exception.message", cut(message));
            }
        });
    }

    /// Ends it; `failure` is the span's status message if it failed.
    fn end(&mut self, level: Level, kind: &str, failure: Option<&str>, add: impl FnOnce(&Span)) {
        let Some(span) = self.span.take().filter(Span::is_recording) else { return };
        add(&span);
        if let Some(why) = failure {
            span.attribute("error.type", kind);
            span.fail(why);
        }
        let slow = self.began.zip(self.settings.slow).is_some_and(|(b, most)| b.elapsed() >= most);
        if slow {
            span.attribute("slow", true);
        }
        span.level(if slow { level.max(Level::Warning) } else { level });
    }
}

impl Drop for ClientCall {
    fn drop(&mut self) {
        if self.span.is_none() {
            return;
        }
        if std::thread::panicking() {
            self.panicked("");
        } else {
            self.end(Level::Warning, "cancelled", Some("cancelled"), |_| {});
        }
    }
}

impl fmt::Debug for ClientCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCall").field("span", &self.span).finish_non_exhaustive()
    }
}

/// What is known of a call before there is an answer.
fn describe(
    settings: &Settings,
    method: &Method,
    known_as: Option<&str>,
    uri: &Uri,
    headers: &HeaderMap,
    template: Option<&str>,
) -> Fields {
    let mut known = Fields::with_capacity(512);
    known.push("http.request.method", known_as.unwrap_or(OTHER));
    if known_as.is_none() {
        known.push("http.request.method_original", cut(method.as_str()));
    }
    known.push("url.full", &*url::full(uri, &settings.query));
    if let Some(template) = template {
        known.push("url.template", cut(template));
    }
    if let Some((host, port)) = host_of(uri) {
        known.push("server.address", host);
        let usual = match uri.scheme_str() {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        };
        if let Some(port) = port.or(usual) {
            known.push("server.port", port);
        }
    }
    if let Some(size) = content_length(headers) {
        known.push("http.request.body.size", size);
    }
    settings.request_headers.each(headers, |key, value| known.push(key, value));
    known
}
