//! `PRISMA_LOG__…` variables as a tree to lay over a profile.

use prisma_log_core::Error;

use crate::environment::{Environment, OVERRIDE_PREFIX};
use crate::origin::Origin;
use crate::tree::{Item, Kind, Map, Node, error_at};

/// The tree that the environment lays over `profile`; names in it are spelled as in `profile`.
pub(crate) fn overlay(environment: &Environment, profile: &Node, errors: &mut Vec<Error>) -> Map {
    let mut overlay = Map::default();
    for (name, value) in environment.overrides() {
        let origin = Origin::Variable(name.to_owned());
        let segments: Vec<&str> = name[OVERRIDE_PREFIX.len()..].split("__").collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            let error = error_at(origin.place(), "the name has an empty segment");
            errors.push(
                error.with_hint("segments are separated by `__`: PRISMA_LOG__SINKS__FILE__PATH"),
            );
            continue;
        }
        match value {
            Ok(value) => {
                if let Err(error) = insert(&mut overlay, profile.map(), &segments, value, &origin) {
                    errors.push(error);
                }
            }
            Err(error) => errors.push(error),
        }
    }
    overlay
}

fn insert(
    into: &mut Map,
    base: Option<&Map>,
    segments: &[&str],
    value: &str,
    origin: &Origin,
) -> Result<(), Error> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(()) };
    let under = base.and_then(|map| map.items.iter().find(|item| same_key(&item.key, segment)));
    let key = under.map_or_else(|| segment.to_lowercase(), |item| item.key.clone());
    let conflict = || {
        let message = format!("`{key}` is also set by another variable");
        Err(error_at(origin.place(), message).with_hint("unset one of the two variables"))
    };
    let at = into.items.iter().position(|item| item.key == key);
    if rest.is_empty() {
        if at.is_some() {
            return conflict();
        }
        let kind = match value.trim() {
            "null" | "~" => Kind::Null,
            text => Kind::Scalar(text.to_owned()),
        };
        let node = Node { kind, origin: origin.clone() };
        into.items.push(Item { key, key_origin: origin.clone(), node });
        return Ok(());
    }
    let at = at.unwrap_or_else(|| {
        let node = Node { kind: Kind::Map(Map::default()), origin: origin.clone() };
        into.items.push(Item { key: key.clone(), key_origin: origin.clone(), node });
        into.items.len() - 1
    });
    match &mut into.items[at].node.kind {
        Kind::Map(map) => insert(map, under.and_then(|item| item.node.map()), rest, value, origin),
        _ => conflict(),
    }
}

/// Whether a variable's segment means this key: case doesn't matter, and `-` can't be written in
/// a variable's name.
pub(crate) fn same_key(key: &str, segment: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    plain(key) == plain(segment)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::yaml::{Origins, parse};

    const PROFILE: &str = "{level: info, sinks: {main-File: {type: file, link: a}}}";

    fn show(map: &Map) -> String {
        let item = |item: &Item| match &item.node.kind {
            Kind::Map(map) => format!("{}: {}", item.key, show(map)),
            Kind::Scalar(text) => format!("{}: {text} {}", item.key, item.node.origin),
            other => format!("{}: {other:?}", item.key),
        };
        format!("{{{}}}", map.items.iter().map(item).collect::<Vec<_>>().join(", "))
    }

    fn overlaid(variables: &[(&str, &str)]) -> (String, Vec<String>) {
        let profile = parse(PROFILE, Origins::File(Path::new("f")), &mut Vec::new()).unwrap();
        let mut errors = Vec::new();
        let environment = Environment::new(variables.iter().copied());
        let overlay = overlay(&environment, &profile, &mut errors);
        (show(&overlay), errors.iter().map(Error::to_string).collect())
    }

    #[test]
    fn a_variable_names_a_key_by_its_path() {
        let check = |variables: &[(&str, &str)], expect: &str| {
            assert_eq!(overlaid(variables), (expect.to_owned(), Vec::new()), "{variables:?}");
        };
        check(&[], "{}");
        check(&[("PRISMA_LOG__LEVEL", "debug")], "{level: debug $PRISMA_LOG__LEVEL}");
        check(&[("prisma_log__Level", " debug ")], "{level: debug $prisma_log__Level}");
        check(&[("PRISMA_LOG__LEVEL", "")], "{}");
        check(&[("PRISMA_LOG_LEVEL", "debug"), ("PRISMA_LOGX", "y")], "{}");
        check(
            &[("PRISMA_LOG__SINKS__MAIN_FILE__LINK", "b")],
            "{sinks: {main-File: {link: b $PRISMA_LOG__SINKS__MAIN_FILE__LINK}}}",
        );
        check(&[("PRISMA_LOG__SINKS__MAIN_FILE", "null")], "{sinks: {main-File: Null}}");
        check(
            &[("PRISMA_LOG__SINKS__NEW__X", "1")],
            "{sinks: {new: {x: 1 $PRISMA_LOG__SINKS__NEW__X}}}",
        );
    }

    #[test]
    fn names_that_make_no_sense_are_refused() {
        let check = |variables: &[(&str, &str)], expect: &str| {
            let (_, errors) = overlaid(variables);
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].starts_with(expect), "{}", errors[0]);
        };
        let empty = "$PRISMA_LOG__SINKS____X: the name has an empty segment";
        check(&[("PRISMA_LOG__SINKS____X", "1")], empty);
        check(&[("PRISMA_LOG__", "1")], "$PRISMA_LOG__: the name has an empty segment");
        check(
            &[("PRISMA_LOG__LEVEL", "debug"), ("PRISMA_LOG__LEVEL__X", "1")],
            "$PRISMA_LOG__LEVEL__X: `level` is also set by another variable",
        );
        check(
            &[("PRISMA_LOG__LEVEL", "debug"), ("prisma_log__level", "info")],
            "$prisma_log__level: `level` is also set by another variable",
        );
    }
}
