//! How a server's layer is set up.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, HeaderName, StatusCode};
use prisma_log_context::{Propagation, Span, Tracer};
use prisma_log_core::Level;
use tower_layer::Layer;

use super::settings::{Settings, Skip};
use super::{ServerService, ServerStats};
use crate::captured::Captured;
use crate::query::Query;

/// Runs each request in a span of its trace, whose record is the access log.
///
/// Cheap to clone; clones share [`stats`](ServerLayer::stats) and the count of
/// [`keep_one_in`](ServerLayer::keep_one_in). See the [crate](crate) for what is recorded.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct ServerLayer {
    settings: Arc<Settings>,
}

impl ServerLayer {
    /// Spans begin at this tracer; its logger gets the records, and its sampler decides which
    /// traces are recorded.
    pub fn new(tracer: Tracer) -> Self {
        ServerLayer { settings: Arc::new(Settings::new(tracer)) }
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Counts of the requests that pass this layer and its clones.
    pub fn stats(&self) -> ServerStats {
        self.settings.stats.clone()
    }

    /// How the trace is read from the headers. Default: [`Propagation::w3c`].
    pub fn propagation(self, propagation: Propagation) -> Self {
        self.set(|settings| settings.propagation = propagation)
    }

    /// Whether requests of traces that are not sampled are logged too. Default: yes.
    pub fn always(self, yes: bool) -> Self {
        self.set(|settings| settings.always = yes)
    }

    /// How the route is found: asked of the request's extensions, and if that fails, of the
    /// response's. By default it is not known.
    ///
    /// axum has it in the request's, as `MatchedPath`, if the layer is put around the routes, by
    /// `Router::layer` or `Router::route_layer`; around the router as a whole (`ServiceBuilder`,
    /// `layer.layer(router)`) it is too early. `Router::layer` sees requests that match no route as
    /// well, `route_layer` does not.
    pub fn route(
        self,
        route: impl Fn(&Extensions) -> Option<&str> + Send + Sync + 'static,
    ) -> Self {
        self.set(|settings| settings.route = Some(Arc::new(route)))
    }

    /// How the other end of the connection is found, from the request's extensions: with axum
    /// `|e| e.get::<ConnectInfo<SocketAddr>>().map(|info| info.0)`. By default it is not known.
    pub fn peer(
        self,
        peer: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.set(|settings| settings.peer = Some(Arc::new(peer)))
    }

    /// How many proxies stand before this server, each of which appends to `x-forwarded-for` and
    /// sets `x-forwarded-proto`. Default: 0, so that nothing is taken from headers that a client can
    /// write.
    pub fn trusted_proxies(self, count: usize) -> Self {
        self.set(|settings| settings.trusted_proxies = count)
    }

    /// `url.scheme` of requests that do not tell, as most do not. Default: `http`.
    pub fn scheme(self, scheme: &'static str) -> Self {
        self.set(|settings| settings.scheme = scheme)
    }

    /// Whether `url.path` is recorded. Default: yes.
    pub fn path(self, yes: bool) -> Self {
        self.set(|settings| settings.path = yes)
    }

    /// What of the query is recorded. Default: [`Query::omitted`].
    pub fn query(self, query: Query) -> Self {
        self.set(|settings| settings.query = query)
    }

    /// Request headers that are recorded, up to 16 lines of each. Default: none.
    ///
    /// Nothing is recorded that is not named here, `authorization` and `cookie` included; values
    /// that are marked as [sensitive](http::HeaderValue::is_sensitive) are `REDACTED`.
    pub fn request_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let captured = Captured::new("http.request.header", names);
        self.set(|settings| settings.request_headers = captured)
    }

    /// The same for the response's headers. Default: none.
    pub fn response_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let captured = Captured::new("http.response.header", names);
        self.set(|settings| settings.response_headers = captured)
    }

    /// Whether each request has an id of its own. Default: no.
    ///
    /// It is the one in `x-request-id`, if that is 1 to 128 printable ASCII characters without
    /// `"`, `\`, `<`, `>`, `&`, else a new one, which is put into the request's headers. Every
    /// record of the request carries it as `request_id`, and the response has it in
    /// `x-request-id`.
    pub fn request_id(self, yes: bool) -> Self {
        self.set(|settings| settings.request_id = yes)
    }

    /// The level of a response's record. Default: ERROR from 500, WARNING from 400, else INFO.
    pub fn level(self, level: impl Fn(StatusCode) -> Level + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.level = Arc::new(level))
    }

    /// From which duration on a request is slow: its record then has the level WARNING at least, and
    /// the attribute `slow`. By default none is.
    pub fn slow(self, threshold: Duration) -> Self {
        self.set(|settings| settings.slow = Some(threshold))
    }

    /// Adds what the handler found out: called before the span ends, with the extensions of the
    /// response. Not called where there will be no record.
    pub fn enrich(self, enrich: impl Fn(&Span, &Extensions) + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.enrich = Some(Arc::new(enrich)))
    }

    /// Leaves out requests of exactly this path, unless they fail: with 5xx, an error or a panic.
    pub fn skip(self, path: impl Into<Box<str>>) -> Self {
        self.set(|settings| settings.skip.push(Skip::Exactly(path.into())))
    }

    /// Leaves out requests whose path begins so, unless they fail.
    pub fn skip_prefix(self, prefix: impl Into<Box<str>>) -> Self {
        self.set(|settings| settings.skip.push(Skip::Below(prefix.into())))
    }

    /// Keeps one in `n` of the records below WARNING: the first, the n+1st, and so on. Those of
    /// failures and of slow requests are all kept. Default: 1, as is 0.
    ///
    /// A trace whose root is left out still has its other spans. To record whole traces, or none of
    /// them, use a sampler, and here [`keep_sampled`](ServerLayer::keep_sampled).
    pub fn keep_one_in(self, n: u64) -> Self {
        self.set(|settings| settings.keep.one_in(n))
    }

    /// Whether [`keep_one_in`](ServerLayer::keep_one_in) leaves sampled traces alone. Default: no,
    /// as with the default sampler all are.
    pub fn keep_sampled(self, yes: bool) -> Self {
        self.set(|settings| settings.keep.sampled_too = yes)
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerService { inner, settings: Arc::clone(&self.settings) }
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &*self.settings;
        f.debug_struct("ServerLayer")
            .field("propagation", &settings.propagation)
            .field("skip", &settings.skip)
            .field("keep", &settings.keep)
            .field("stats", &settings.stats)
            .finish_non_exhaustive()
    }
}
