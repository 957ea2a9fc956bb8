//! What of a URL's query gets into a record.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::semantics::cut;

/// What stands in the place of a value that nobody is to see, as OpenTelemetry has it.
const REDACTED: &str = "REDACTED";

/// What of a URL's query gets into a record: people put secrets there.
///
/// ```
/// use prisma_log_tower::Query;
///
/// // `?page=2&token=s3cret` becomes `page=2&token=REDACTED`.
/// let query = Query::only(["page", "sort"]);
/// ```
#[derive(Clone)]
pub struct Query(Kind);

type Redact = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

#[derive(Clone)]
enum Kind {
    Omitted,
    Only(Arc<[Box<str>]>),
    All,
    By(Redact),
}

impl Query {
    /// Nothing.
    pub fn omitted() -> Self {
        Query(Kind::Omitted)
    }

    /// The values of these keys; of other keys only that they were there: `token=REDACTED`.
    ///
    /// Keys are compared as they stand in the URL, so one that is percent-coded without need is
    /// another one. What is no `key=value` is `REDACTED` as a whole.
    pub fn only<K: Into<Box<str>>>(keys: impl IntoIterator<Item = K>) -> Self {
        Query(Kind::Only(keys.into_iter().map(Into::into).collect()))
    }

    /// All of it.
    pub fn all() -> Self {
        Query(Kind::All)
    }

    /// What the function makes of it; the query is handed over as it stands, without the `?`.
    pub fn by(redact: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Query(Kind::By(Arc::new(redact)))
    }

    /// What is left of a query, at most 1024 bytes.
    pub(crate) fn apply<'q>(&self, query: &'q str) -> Option<Cow<'q, str>> {
        match &self.0 {
            Kind::Omitted => None,
            Kind::All => Some(Cow::Borrowed(cut(query))),
            Kind::Only(keys) => Some(Cow::Owned(only(keys, query))),
            Kind::By(redact) => redact(query).map(|mut left| {
                left.truncate(cut(&left).len());
                Cow::Owned(left)
            }),
        }
    }
}

fn only(keys: &[Box<str>], query: &str) -> String {
    let mut left = String::with_capacity(query.len().min(256));
    for pair in cut(query).split('&') {
        if !left.is_empty() {
            left.push('&');
        }
        match pair.split_once('=') {
            Some((key, _)) if keys.iter().any(|listed| **listed == *key) => left.push_str(pair),
            Some((key, _)) => left.extend([key, "=", REDACTED]),
            None if pair.is_empty() => {}
            None => left.push_str(REDACTED),
        }
    }
    left.truncate(cut(&left).len());
    left
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Omitted => f.write_str("Query::omitted"),
            Kind::Only(keys) => f.debug_tuple("Query::only").field(keys).finish(),
            Kind::All => f.write_str("Query::all"),
            Kind::By(_) => f.write_str("Query::by"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_listed_are_not_seen() {
        fn check(policy: Query, query: &str, expected: Option<&str>) {
            assert_eq!(policy.apply(query).as_deref(), expected, "{policy:?} {query}");
        }
        let only = || Query::only(["page", "sort"]);
        check(only(), "page=2&token=s3&sort=a=b", Some("page=2&token=REDACTED&sort=a=b"));
        check(only(), "s3cret", Some("REDACTED"));
        check(only(), "page", Some("REDACTED"));
        check(only(), "Page=2&%70age=2", Some("Page=REDACTED&%70age=REDACTED"));
        check(only(), "=s3&&page=", Some("=REDACTED&&page="));
        check(only(), "", Some(""));
        check(Query::only::<&str>([]), "a=1", Some("a=REDACTED"));
        check(Query::omitted(), "a=1", None);
        check(Query::all(), "a=1", Some("a=1"));
        check(Query::by(|query| Some(query.replace("1", "*"))), "a=1", Some("a=*"));
        check(Query::by(|_| None), "a=1", None);
    }

    #[test]
    fn a_query_without_end_is_cut() {
        let endless = "a=&".repeat(100_000);
        for policy in [Query::only(["b"]), Query::all(), Query::by(|query| Some(query.to_owned()))]
        {
            assert!(policy.apply(&endless).unwrap().len() <= 1024, "{policy:?}");
        }
    }
}
