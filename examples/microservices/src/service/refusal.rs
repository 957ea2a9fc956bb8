//! What a handler answers when it can't do what it was asked.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A status other than success, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    why: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Refusal { status, why: why.into() }
    }

    /// For failures of our own: a database, a task.
    pub(crate) fn internal(why: impl fmt::Display) -> Self {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why.to_string())
    }

    /// For failures of a service that was called.
    pub(crate) fn bad_gateway(why: impl fmt::Display) -> Self {
        Refusal::new(StatusCode::BAD_GATEWAY, why.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({ "error": self.why }))).into_response()
    }
}
