//! Lays one tree over another.

use crate::tree::{Kind, Map, Node};

/// `over` on top of `base`: maps merge key by key, everything else replaces, null removes.
///
/// A map whose `type` or `policy` changes starts afresh, as the keys of the old type would be unknown. A merged
/// map stays where it was first written; what it lacks is to be added there.
pub(crate) fn merge(base: Node, over: Node) -> Node {
    match (base.kind, over.kind) {
        (Kind::Map(below), Kind::Map(above)) if !changes_type(&below, &above) => {
            Node { kind: Kind::Map(merge_maps(below, above)), origin: base.origin }
        }
        (_, kind) => Node { kind, origin: over.origin },
    }
}

fn merge_maps(mut below: Map, above: Map) -> Map {
    for item in above.items {
        match below.items.iter_mut().find(|under| under.key == item.key) {
            Some(under) => {
                if under.node.map().is_none() || item.node.map().is_none() {
                    under.key_origin = item.key_origin;
                }
                let nothing = Node { kind: Kind::Null, origin: under.node.origin.clone() };
                under.node = merge(std::mem::replace(&mut under.node, nothing), item.node);
            }
            None => below.items.push(item),
        }
    }
    below
}

fn changes_type(below: &Map, above: &Map) -> bool {
    ["type", "policy"].into_iter().any(|key| {
        let type_of = |map: &Map| map.get(key).and_then(Node::scalar).map(str::to_lowercase);
        match (type_of(below), type_of(above)) {
            (Some(old), Some(new)) => old != new,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::yaml::{Origins, parse};

    fn tree(text: &str) -> Node {
        parse(text, Origins::File(Path::new("f")), &mut Vec::new()).unwrap()
    }

    fn show(node: &Node) -> String {
        match &node.kind {
            Kind::Null => "null".into(),
            Kind::Scalar(text) => text.clone(),
            Kind::Seq(nodes) => format!("{:?}", nodes.iter().map(show).collect::<Vec<_>>()),
            Kind::Map(map) => {
                let items = map.items.iter().map(|i| format!("{}: {}", i.key, show(&i.node)));
                format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
            }
        }
    }

    #[test]
    fn maps_merge_the_rest_replaces_and_null_removes() {
        let check = |base: &str, over: &str, expect: &str| {
            let merged = merge(tree(base), tree(over));
            assert_eq!(show(&merged), expect, "{base} + {over}");
        };
        check("{a: 1, b: 2}", "{b: 3, c: 4}", "{a: 1, b: 3, c: 4}");
        check("{a: {x: 1, y: {z: 2}}}", "{a: {y: {w: 3}}}", "{a: {x: 1, y: {z: 2, w: 3}}}");
        check("{a: [1, 2]}", "{a: [3]}", r#"{a: ["3"]}"#);
        check("{a: {x: 1}}", "{a: null}", "{a: null}");
        check("{a: {x: 1}}", "{a: 2}", "{a: 2}");
        check("{a: 2}", "{a: {x: 1}}", "{a: {x: 1}}");
        check("{a: null}", "{a: {x: 1}}", "{a: {x: 1}}");
        check("{t: {type: file, path: p}}", "{t: {type: console}}", "{t: {type: console}}");
        check("{o: {policy: block, limit: 1s}}", "{o: {policy: spill}}", "{o: {policy: spill}}");
        check("{t: {type: file, path: p}}", "{t: {type: File}}", "{t: {type: File, path: p}}");
    }
}
