//! A request, from its head to the record of how it ended.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{HOST, USER_AGENT};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response};
use prisma_log_context::{Context, Span, SpanKind};
use prisma_log_core::{Fields, Level};

use super::settings::Settings;
use super::stats::Ending;
use super::{client_address, request_id};
use crate::headers::IncomingHeaders;
use crate::semantics::{
    OTHER, content_length, cut, error_type, host_of, known_method, span_name, split_host, text,
    version,
};

/// A request that is being served. Dropped before it is told how it ended, it was cancelled.
pub(crate) struct Exchange {
    settings: Arc<Settings>,
    context: Context,
    /// Until it has ended.
    span: Option<Span>,
    method: Option<&'static str>,
    has_route: bool,
    skipped: bool,
    /// Where slowness matters.
    began: Option<Instant>,
    request_id: Option<HeaderValue>,
}

impl Exchange {
    pub(super) fn begin<B>(settings: &Arc<Settings>, request: &mut Request<B>) -> Self {
        let headers = request.headers();
        let method = known_method(request.method());
        let route = settings.route.as_ref().and_then(|route| route(request.extensions()));
        let incoming = settings.propagation.extract(&IncomingHeaders(headers));
        let mut span = settings
            .tracer
            .span(span_name(method, route))
            .kind(SpanKind::Server)
            .continues(&incoming)
            .always(settings.always);
        let skipped = settings.skips(request.uri().path());
        let has_route = route.is_some();
        let brought = settings.request_id.then(|| request_id::brought(headers)).flatten();
        let is_new = settings.request_id && brought.is_none();
        let id = if is_new { request_id::new() } else { brought };
        if let Some(id) = &id {
            span = span.context_field("request_id", &*text(id.as_bytes()));
        }
        let span = span.start();
        if span.is_recording() {
            let mut known = describe(settings, request, method, route);
            if let Some(fault) = incoming.fault {
                known.push("propagation.fault", fault.as_str());
            }
            span.attributes(known);
        }
        if let (true, Some(id)) = (is_new, &id) {
            request.headers_mut().insert(request_id::HEADER, id.clone());
        }
        settings.stats.begin();
        Exchange {
            context: span.context().clone(),
            span: Some(span),
            method,
            has_route,
            skipped,
            began: settings.slow.map(|_| Instant::now()),
            request_id: id,
            settings: Arc::clone(settings),
        }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn responded<R>(&mut self, response: &mut Response<R>) {
        let status = response.status();
        if let Some(id) = self.request_id.take() {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        let level = (self.settings.level)(status);
        let failed = status.is_server_error();
        let Some(span) = self.end(Ending::Response(status), level, failed) else { return };
        span.attribute("http.response.status_code", status.as_u16());
        if let Some(size) = content_length(response.headers()) {
            span.attribute("http.response.body.size", size);
        }
        self.settings.response_headers.each(response.headers(), |key, value| {
            span.attribute(key, value);
        });
        if let Some(enrich) = &self.settings.enrich {
            enrich(&span, response.extensions());
        }
        // Routers that are below this layer may tell afterwards.
        if let (false, Some(route)) = (self.has_route, &self.settings.route)
            && let Some(route) = route(response.extensions())
        {
            span.name(span_name(self.method, Some(route)));
            span.attribute("http.route", cut(route));
        }
        if failed {
            span.attribute("error.type", status.as_str());
            // The status says it all.
            span.fail("");
        }
    }

    pub(crate) fn failed<E: fmt::Display>(&mut self, error: &E) {
        if let Some(span) = self.end(Ending::Error, Level::Error, true) {
            span.attribute("error.type", error_type::<E>());
            span.fail(cut(&error.to_string()));
        }
    }

    pub(crate) fn panicked(&mut self, message: &str) {
        if let Some(span) = self.end(Ending::Panic, Level::Error, true) {
            span.attribute("error.type", "panic");
            if !message.is_empty() {
                span.attribute("exception.message", cut(message));
            }
            span.fail("panicked");
        }
    }

    /// Counts it, and hands out the span if there is to be a record; its level is set.
    fn end(&mut self, ending: Ending, level: Level, failed: bool) -> Option<Span> {
        let span = self.span.take()?;
        let settings = &self.settings;
        settings.stats.end(ending);
        if !span.is_recording() {
            return None;
        }
        let slow = match (self.began, settings.slow) {
            (Some(began), Some(threshold)) => began.elapsed() >= threshold,
            _ => false,
        };
        let level = if slow { level.max(Level::Warning) } else { level };
        let wanted = failed
            || !self.skipped
                && (level >= Level::Warning
                    || settings.keep.sampled_too && span.is_sampled()
                    || settings.keep.next());
        if !wanted {
            settings.stats.leave_out();
            span.discard();
            return None;
        }
        span.level(level);
        if slow {
            span.attribute("slow", true);
        }
        Some(span)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.span.is_some() && std::thread::panicking() {
            self.panicked("");
        } else if let Some(span) = self.end(Ending::Cancelled, Level::Warning, false) {
            span.attribute("error.type", "cancelled");
            span.fail("cancelled");
        }
    }
}

/// What is known of a request before it is served.
fn describe<B>(
    settings: &Settings,
    request: &Request<B>,
    method: Option<&'static str>,
    route: Option<&str>,
) -> Fields {
    let (uri, headers) = (request.uri(), request.headers());
    // What a usual request needs, so that nothing is moved.
    let mut known = Fields::with_capacity(768);
    known.push("http.request.method", method.unwrap_or(OTHER));
    if method.is_none() {
        known.push("http.request.method_original", cut(request.method().as_str()));
    }
    if settings.path {
        known.push("url.path", cut(uri.path()));
    }
    if let Some(query) = uri.query().and_then(|query| settings.query.apply(query)) {
        known.push("url.query", &*query);
    }
    let proxied = settings.trusted_proxies > 0;
    let forwarded = || client_address::scheme(headers).filter(|_| proxied);
    let scheme = uri.scheme_str().or_else(forwarded).unwrap_or(settings.scheme);
    known.push("url.scheme", cut(scheme));
    if let Some(route) = route {
        known.push("http.route", cut(route));
    }
    let of_header = || split_host(headers.get(HOST)?.to_str().ok()?);
    if let Some((host, port)) = host_of(uri).or_else(of_header) {
        known.push("server.address", host);
        if let Some(port) = port {
            known.push("server.port", port);
        }
    }
    describe_client(settings, headers, request.extensions(), &mut known);
    known.push("network.protocol.version", version(request.version()));
    if let Some(agent) = headers.get(USER_AGENT) {
        known.push("user_agent.original", &*text(agent.as_bytes()));
    }
    if let Some(size) = content_length(headers) {
        known.push("http.request.body.size", size);
    }
    settings.request_headers.each(headers, |key, value| known.push(key, value));
    known
}

fn describe_client(
    settings: &Settings,
    headers: &HeaderMap,
    extensions: &Extensions,
    known: &mut Fields,
) {
    let mut push = |key, ip: IpAddr| known.push_args(key, format_args!("{}", ip.to_canonical()));
    let peer = settings.peer.as_ref().and_then(|peer| peer(extensions));
    match (client_address::forwarded(headers, settings.trusted_proxies), peer) {
        (Some(client), peer) => {
            push("client.address", client);
            if let Some(peer) = peer {
                push("network.peer.address", peer.ip());
            }
        }
        (None, Some(peer)) => {
            push("client.address", peer.ip());
            known.push("client.port", peer.port());
        }
        (None, None) => {}
    }
}
