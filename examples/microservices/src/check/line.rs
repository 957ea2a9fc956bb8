//! One line of a log file, as far as the check wants to know.

use std::borrow::Cow;

use prisma_log::{SpanId, TraceId};
use serde::Deserialize;

use crate::order::{DIGITS, PREFIX};

/// A record.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    logger: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    trace_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    span_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parent_span_id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "slog.tag")]
    tag: Option<Cow<'a, str>>,
}

impl Line<'_> {
    pub(super) fn trace(&self) -> Option<TraceId> {
        self.trace_id.as_deref()?.parse().ok()
    }

    pub(super) fn span(&self) -> Option<SpanId> {
        self.span_id.as_deref()?.parse().ok()
    }

    pub(super) fn parent(&self) -> Option<SpanId> {
        self.parent_span_id.as_deref()?.parse().ok()
    }

    /// Whether it is the end of a span.
    pub(super) fn is_span(&self) -> bool {
        self.tag.as_deref() == Some("span")
    }

    /// What it says, the same for all requests.
    pub(super) fn what(&self) -> String {
        if self.is_span() {
            return format!("span {}", self.message);
        }
        // What these say is different each time.
        for logger in ["sqlx", "panic"] {
            if self.logger.starts_with(logger) {
                return logger.to_owned();
            }
        }
        let Some((before, after)) = self.message.split_once(PREFIX) else {
            return self.message.clone().into_owned();
        };
        // Up to where it says more than what happened.
        let after = after.get(DIGITS..).unwrap_or_default();
        let (after, _) = after.split_once(':').unwrap_or((after, ""));
        format!("{before}ID{after}")
    }
}

/// Whose record a line is by its own words, wherever they stand: the numbers of all orders that are
/// named in it. Nothing that a context carries names an order.
pub(super) fn orders(text: &str) -> impl Iterator<Item = usize> {
    text.split(PREFIX).skip(1).filter_map(|after| after.get(..DIGITS)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_says_is_the_same_for_all_requests() {
        fn check(logger: &str, message: &str, tag: Option<&str>, expected: &str) {
            let mut line = serde_json::json!({ "logger": logger, "message": message });
            if let Some(tag) = tag {
                line["slog.tag"] = tag.into();
            }
            let text = line.to_string();
            let line: Line<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(line.what(), expected, "{text}");
        }
        check("a", "order placed", None, "order placed");
        check("a", "PUT /orders/{order}", Some("span"), "span PUT /orders/{order}");
        check("a", "order-00000007 weighed: 750 g, 1 parcels", Some("log"), "ID weighed");
        check("panic", "order-00000007: no price", None, "panic");
        check("sqlx::query", "SELECT 1", Some("tracing"), "sqlx");
    }

    #[test]
    fn every_order_that_is_named_is_found() {
        fn check(text: &str, expected: &[usize]) {
            assert_eq!(orders(text).collect::<Vec<_>>(), expected, "{text}");
        }
        check("{\"order\":\"order-00000012\",\"path\":\"/orders/order-00000013\"}", &[12, 13]);
        check("order received, order-x, order-1", &[]);
    }
}
