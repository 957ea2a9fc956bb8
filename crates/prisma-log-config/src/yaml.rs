//! YAML text to a located tree.

use std::fmt;
use std::path::Path;

use prisma_log_core::{Error, Place};
use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Options, Spanned};

use crate::origin::Origin;
use crate::tree::{Item, Kind, Map, Node};

/// Deeper than any real configuration, shallow enough for every stack.
const MAX_DEPTH: usize = 32;
/// Nodes in the text, and nodes that its aliases stand for.
const MAX_NODES: usize = 50_000;
const MAX_ALIASED_EVENTS: usize = 10_000;

/// Where a document's text came from, which decides the origin of its nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origins<'a> {
    File(&'a Path),
    BuiltIn,
}

/// Parses one document. Keys that appear twice are added to `errors`; the first one stays.
///
/// # Errors
/// When the text is not YAML, holds several documents, is nested too deeply, or when its aliases
/// stand for too much.
pub(crate) fn parse(
    text: &str,
    origins: Origins<'_>,
    errors: &mut Vec<Error>,
) -> Result<Node, Error> {
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| syntax_error(&error, origins))?;
    Ok(Building { text, origins, errors }.node(raw))
}

fn options() -> Options {
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = MAX_ALIASED_EVENTS;
    alias_limits.max_replay_stack_depth = MAX_DEPTH;
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_documents: 1,
        },
        // Found while the tree is built, so that all of them are reported, with both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        alias_limits: alias_limits,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// A node as the deserialiser sees it. YAML's own guess at a scalar's type is thrown away: the
/// reader of each key decides the type, from the text as it was written.
enum Raw {
    Null,
    Text(String),
    /// A number or boolean; its text is looked up in the source, where `1.10` is not `1.1` and
    /// `off` is not `false`.
    Typed(String),
    Seq(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Raw::Seq(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = map.next_entry()? {
            items.push(item);
        }
        Ok(Raw::Map(items))
    }
}

/// Turns raw nodes into located ones.
struct Building<'a> {
    text: &'a str,
    origins: Origins<'a>,
    errors: &'a mut Vec<Error>,
}

impl Building<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let origin = origin(self.origins, raw.referenced);
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Text(text) => Kind::Scalar(text),
            Raw::Typed(value) => Kind::Scalar(self.written(raw.defined).unwrap_or(value)),
            Raw::Seq(nodes) => Kind::Seq(nodes.into_iter().map(|node| self.node(node)).collect()),
            Raw::Map(items) => Kind::Map(self.map(items)),
        };
        Node { kind, origin }
    }

    fn map(&mut self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>) -> Map {
        let mut map = Map::default();
        for (key, value) in raw {
            let key = self.node(key);
            let mut node = self.node(value);
            let Some(name) = key.scalar() else {
                self.errors.push(key.error(format!("{} can't be a key", key.found())));
                continue;
            };
            if let Some(first) = map.item(name) {
                let error = key.error(format!("key `{name}` appears twice in the same map"));
                self.errors.push(error.with_hint(format!("it is first at {}", first.key_origin)));
                continue;
            }
            // Nothing has no place of its own: it is "seen" where the next thing stands.
            if node.is_null() {
                node.origin = key.origin.clone();
            }
            map.items.push(Item { key: name.to_owned(), key_origin: key.origin, node });
        }
        map
    }

    fn written(&self, at: Location) -> Option<String> {
        let start = usize::try_from(at.span().byte_offset()?).ok()?;
        let len = usize::try_from(at.span().byte_len()?).ok()?;
        let text = self.text.get(start..start.checked_add(len)?)?.trim();
        let plain = !text.is_empty() && !text.starts_with(['"', '\'', '|', '>']);
        plain.then(|| text.to_owned())
    }
}

fn origin(origins: Origins<'_>, at: Location) -> Origin {
    match origins {
        Origins::BuiltIn => Origin::BuiltIn,
        Origins::File(file) => Origin::File(place(file, at)),
    }
}

fn place(file: &Path, at: Location) -> Place {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file: file.to_owned(), line: number(at.line()), column: number(at.column()) }
}

fn syntax_error(error: &serde_saphyr::Error, origins: Origins<'_>) -> Error {
    // An error behind an alias is placed at the alias.
    let (error, at) = match error {
        serde_saphyr::Error::AliasError { error, locations, .. } => {
            (error.as_ref(), locations.primary_location())
        }
        error => (error, error.location()),
    };
    let said = error.to_string();
    let said = match error.location() {
        Some(at) => {
            let tail = format!(" at line {}, column {}", at.line(), at.column());
            said.strip_suffix(tail.as_str()).unwrap_or(&said)
        }
        None => &said,
    };
    let (message, hint) = explained(error, said);
    let mut converted = Error::config(message);
    if let Some(hint) = hint {
        converted = converted.with_hint(hint);
    }
    match (origins, at) {
        (Origins::File(file), Some(at)) => converted.at(place(file, at)),
        (Origins::File(file), None) => {
            converted.at(Place { file: file.to_owned(), line: 0, column: 0 })
        }
        (Origins::BuiltIn, _) => converted,
    }
}

/// The parser's words where they are good, better ones where they speak of its internals.
fn explained(error: &serde_saphyr::Error, said: &str) -> (String, Option<&'static str>) {
    use serde_saphyr::Error as E;
    use serde_saphyr::budget::BudgetBreach as Breach;
    match error {
        E::Budget { breach: Breach::Depth { .. }, .. } => {
            (format!("nested more than {MAX_DEPTH} levels deep"), None)
        }
        E::Budget { breach: Breach::Documents { .. }, .. } | E::MultipleDocuments { .. } => (
            "a second document starts here".into(),
            Some("a file holds one document; remove `---`"),
        ),
        E::Budget { .. } => (format!("too large: more than {MAX_NODES} values"), None),
        E::AliasReplayLimitExceeded { .. }
        | E::AliasReplayStackDepthExceeded { .. }
        | E::AliasExpansionLimitExceeded { .. } => (
            "the aliases stand for too much".into(),
            Some("write the values out instead of `*name`"),
        ),
        E::RecursiveReferencesRequireWeakTypes { .. } => {
            ("an alias stands for something that holds it".into(), None)
        }
        E::UnknownAnchor { .. } => (
            "the alias names no anchor".into(),
            Some("write `&name` at the value it stands for; quote a value that starts with `*`"),
        ),
        _ => (format!("not valid YAML: {said}"), syntax_hint(said)),
    }
}

fn syntax_hint(said: &str) -> Option<&'static str> {
    if said.contains("tabs disallowed") {
        Some("indent with spaces")
    } else if said.contains("mapping values are not allowed") {
        Some("check the indentation, and quote a value that contains `: `")
    } else if said.contains("unexpected character") {
        Some("quote a value that starts with a special character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(origin: &Origin) -> String {
        origin.place().map_or("?".into(), |place| format!("{}:{}", place.line, place.column))
    }

    /// Every node with its place: `1:4 "text"`, `1:4 [..]`, `1:1 {1:1 key: ..}`.
    fn dump(node: &Node) -> String {
        let shown = match &node.kind {
            Kind::Null => "null".into(),
            Kind::Scalar(text) => format!("{text:?}"),
            Kind::Seq(nodes) => {
                format!("[{}]", nodes.iter().map(dump).collect::<Vec<_>>().join(", "))
            }
            Kind::Map(map) => {
                let item = |item: &Item| {
                    format!("{} {}: {}", at(&item.key_origin), item.key, dump(&item.node))
                };
                format!("{{{}}}", map.items.iter().map(item).collect::<Vec<_>>().join(", "))
            }
        };
        format!("{} {shown}", at(&node.origin))
    }

    fn parsed(text: &str) -> (Result<Node, Error>, Vec<Error>) {
        let mut errors = Vec::new();
        (parse(text, Origins::File(Path::new("f")), &mut errors), errors)
    }

    #[test]
    fn every_node_has_its_place_and_its_text() {
        let check = |text: &str, expect: &str| {
            let (node, errors) = parsed(text);
            assert_eq!(dump(&node.unwrap()), expect, "{text:?}");
            assert!(errors.is_empty(), "{errors:?}");
        };
        check("", "1:1 null");
        check("a: 1.10\n", r#"1:1 {1:1 a: 1:4 "1.10"}"#);
        check("a: [off, 0x1F, .nan]", r#"1:1 {1:1 a: 1:4 [1:5 "off", 1:10 "0x1F", 1:16 ".nan"]}"#);
        check("a:\n  - x\n", r#"1:1 {1:1 a: 2:3 [2:5 "x"]}"#);
        check("a:\nb: ~\n", "1:1 {1:1 a: 1:1 null, 2:1 b: 2:1 null}");
        check("{1: 2, true: 'x'}", r#"1:1 {1:2 1: 1:5 "2", 1:8 true: 1:14 "x"}"#);
        check("a: !!int \"5\"", r#"1:1 {1:1 a: 1:10 "5"}"#);
        check("\u{feff}a: é", r#"1:1 {1:1 a: 1:4 "é"}"#);
        check("é: 10", r#"1:1 {1:1 é: 1:4 "10"}"#);
        // An alias stands where it is used; a number behind it keeps its text.
        check("a: &x 0_1\nb: *x", r#"1:1 {1:1 a: 1:7 "0_1", 2:1 b: 2:4 "0_1"}"#);
    }

    #[test]
    fn bad_syntax_is_placed_and_explained() {
        let check = |text: &str, expect: &str| {
            let (node, errors) = parsed(text);
            let all: Vec<Error> = node.err().into_iter().chain(errors).collect();
            assert_eq!(all.len(), 1, "{text:?}: {all:?}");
            assert!(all[0].to_string().starts_with(expect), "{text:?}: {}", all[0]);
        };
        check(
            "a: 1\na: 2\n",
            "f:2:1: key `a` appears twice in the same map (it is first at f:1:1)",
        );
        check("- a\n- b: [", "f:2:6: not valid YAML: unclosed bracket '['");
        check("a:\n\tb: 1\n", "f:2:2: not valid YAML: tabs disallowed");
        check("a: b: c", "f:1:5: not valid YAML: mapping values are not allowed");
        check("a: *no", "f:1:4: the alias names no anchor");
        check("a: &a [*a]", "f:1:8: an alias stands for something that holds it");
        check("a: 1\n---\nb: 2\n", "f:2:1: a second document starts here");
        check("? [1, 2]\n: 3\n", "f:1:3: a list can't be a key");
        check("a: \u{1}", "f:1:4: not valid YAML: unexpected character");
        check("a: !foo bar", "f:1:9: not valid YAML: unsupported tag");
        check(&("[".repeat(100) + &"]".repeat(100)), "f:1:33: nested more than 32 levels deep");
        check(&"- x\n".repeat(60_000), "f:50000:3: too large: more than 50000 values");
    }

    #[test]
    fn aliases_stand_for_a_limited_amount() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let ten = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{ten}]\n"));
        }
        let error = parsed(&bomb).0.unwrap_err();
        assert_eq!(error.message(), "the aliases stand for too much");
    }
}
