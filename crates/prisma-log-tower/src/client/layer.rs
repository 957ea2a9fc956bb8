//! How a client's layer is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, HeaderMap, HeaderName, Method, StatusCode, Uri};
use prisma_log_context::{Propagation, Tracer};
use prisma_log_core::Level;
use tower_layer::Layer;

use super::settings::Settings;
use super::{ClientCall, ClientService};
use crate::captured::Captured;
use crate::query::Query;

/// Makes each call of a client a span, hands its position on in the request's headers, and logs
/// the call by the span's record.
///
/// The span is a step of the context that the thread is in when the service is called. Cheap to
/// clone. See the [crate](crate) for what is recorded.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct ClientLayer {
    settings: Arc<Settings>,
}

impl ClientLayer {
    /// Spans begin at this tracer; its logger gets the records, and its sampler decides which
    /// traces are recorded.
    pub fn new(tracer: Tracer) -> Self {
        ClientLayer { settings: Arc::new(Settings::new(tracer)) }
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// How the trace is written into the headers. Default: [`Propagation::w3c`].
    pub fn propagation(self, propagation: Propagation) -> Self {
        self.set(|settings| settings.propagation = propagation)
    }

    /// Whether calls of traces that are not sampled are logged too. Default: no. Their position is
    /// handed on in any case.
    pub fn always(self, yes: bool) -> Self {
        self.set(|settings| settings.always = yes)
    }

    /// How the pattern of the URL's path is found, such as `/items/{id}`: in the request's
    /// extensions, where the caller has put it. By default it is not known.
    pub fn template(
        self,
        template: impl Fn(&Extensions) -> Option<&str> + Send + Sync + 'static,
    ) -> Self {
        self.set(|settings| settings.template = Some(Arc::new(template)))
    }

    /// What of the query is recorded. Default: the keys, by [`Query::only`] without any.
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

    /// The level of a response's record. Default: WARNING from 400, else INFO. A call without a
    /// response is WARNING.
    pub fn level(self, level: impl Fn(StatusCode) -> Level + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.level = Arc::new(level))
    }

    /// From which duration on a call is slow: its record then has the level WARNING at least, and
    /// the attribute `slow`. By default none is.
    pub fn slow(self, threshold: Duration) -> Self {
        self.set(|settings| settings.slow = Some(threshold))
    }

    /// Begins a call that is not made by a tower service, with the settings of this layer; see
    /// [`ClientCall::start`].
    #[track_caller]
    pub fn start(&self, method: &Method, uri: &Uri, headers: &mut HeaderMap) -> ClientCall {
        ClientCall::begin(&self.settings, method, uri, headers, None)
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientService { inner, settings: Arc::clone(&self.settings) }
    }
}

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let propagation = &self.settings.propagation;
        f.debug_struct("ClientLayer").field("propagation", propagation).finish_non_exhaustive()
    }
}
