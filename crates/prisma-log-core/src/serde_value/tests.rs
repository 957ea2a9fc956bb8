use std::collections::BTreeMap;
use std::fmt::Debug;
use std::mem::ManuallyDrop;

use serde::ser::{
    SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeStructVariant as _,
    SerializeTuple as _, SerializeTupleStruct as _, SerializeTupleVariant as _,
};
use serde::{Serialize, Serializer};
use serde_json::json;
use slog::Serde;

use super::depth::MAX_DEPTH;
use super::*;

const TOO_DEEP: &str = "<serialization failed: nested deeper than 64>";
const MILLION: u32 = 1_000_000;

/// How a value contains the next.
#[derive(Clone, Copy, Debug)]
enum Nest {
    Some,
    Newtype,
    NewtypeVariant,
    Seq,
    Tuple,
    TupleStruct,
    TupleVariant,
    Map,
    Struct,
    StructVariant,
}

/// Every way, with the levels that it takes.
const WAYS: [(Nest, u32); 10] = [
    (Nest::Some, 1),
    (Nest::Newtype, 1),
    (Nest::NewtypeVariant, 1),
    (Nest::Seq, 1),
    (Nest::Tuple, 1),
    (Nest::TupleStruct, 1),
    (Nest::TupleVariant, 2),
    (Nest::Map, 1),
    (Nest::Struct, 1),
    (Nest::StructVariant, 2),
];

/// Nested by the given ways in turn, the innermost by the first; made while it is serialised, so
/// that nothing deep is ever built or dropped.
#[derive(Clone, Copy)]
struct Deep(&'static [(Nest, u32)], u32);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Some(left) = self.1.checked_sub(1) else { return to.serialize_u8(7) };
        let next = Self(self.0, left);
        match self.0[left as usize % self.0.len()].0 {
            Nest::Some => to.serialize_some(&next),
            Nest::Newtype => to.serialize_newtype_struct("N", &next),
            Nest::NewtypeVariant => to.serialize_newtype_variant("E", 0, "V", &next),
            Nest::Seq => next.in_seq(to),
            Nest::Tuple => next.in_tuple(to),
            Nest::TupleStruct => next.in_tuple_struct(to),
            Nest::TupleVariant => next.in_tuple_variant(to),
            Nest::Map => next.in_map(to),
            Nest::Struct => next.in_struct(to),
            Nest::StructVariant => next.in_struct_variant(to),
        }
    }
}

/// Functions of their own: one with all their variables would need kibibytes of stack a level.
impl Deep {
    fn in_seq<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        let mut seq = to.serialize_seq(None)?;
        seq.serialize_element(&self)?;
        seq.serialize_element("after")?;
        seq.end()
    }

    fn in_tuple<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple(1)?;
        tuple.serialize_element(&self)?;
        tuple.end()
    }

    fn in_tuple_struct<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple_struct("T", 1)?;
        tuple.serialize_field(&self)?;
        tuple.end()
    }

    fn in_tuple_variant<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple_variant("E", 1, "T", 1)?;
        tuple.serialize_field(&self)?;
        tuple.end()
    }

    fn in_map<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("k", &self)?;
        map.end()
    }

    fn in_struct<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("S", 1)?;
        fields.serialize_field("f", &self)?;
        fields.end()
    }

    fn in_struct_variant<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct_variant("E", 2, "S", 1)?;
        fields.serialize_field("f", &self)?;
        fields.end()
    }
}

/// A map with one key.
#[derive(Clone, Copy)]
struct Key<K>(K);

impl<K: Serialize> Serialize for Key<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map([(&self.0, 1)])
    }
}

/// On a thread with a small stack, on which dropping a value that is deep would overflow it too.
fn check<V>(what: impl Debug + Sync, value: V, expect: Value<'_>)
where
    V: Serialize + Clone + Send + 'static,
{
    let work = || {
        let value = ManuallyDrop::new(Serde(value));
        lend_serde(&*value, |value| assert_eq!(value, expect, "{what:?}"));
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        thread.spawn_scoped(scope, work).unwrap().join().unwrap();
    });
}

/// Like serde_json alone.
fn check_same<V: Serialize + Clone + Send + Debug + 'static>(value: V) {
    let json = serde_json::to_string(&value).unwrap();
    check(format!("{value:?}"), value, Value::Json(&json));
}

#[test]
fn nothing_is_too_deep_for_the_stack() {
    for way in &WAYS {
        check(way, Deep(std::slice::from_ref(way), MILLION), Value::Str(TOO_DEEP));
    }
    check("all", Deep(&WAYS, MILLION), Value::Str(TOO_DEEP));
    check("without trace", Deep(&WAYS[..2], MILLION), Value::Str(TOO_DEEP));
    check("key", Key(Deep(&WAYS[1..2], MILLION)), Value::Str(TOO_DEEP));

    #[derive(Clone, Serialize)]
    struct Link(Option<Box<Link>>);
    let chain = (0..MILLION).fold(Link(None), |link, _| Link(Some(Box::new(link))));
    check("built", chain, Value::Str(TOO_DEEP));
}

#[test]
fn the_limit_is_exact_for_every_way() {
    for way in &WAYS {
        let ways = std::slice::from_ref(way);
        let fits = Deep(ways, MAX_DEPTH / way.1);
        let json = serde_json::to_string(&fits).unwrap();
        check(way, fits, Value::Json(&json));
        check(way, Deep(ways, MAX_DEPTH / way.1 + 1), Value::Str(TOO_DEEP));
    }
    // The map itself is a level.
    let key = |depth| Key(Deep(&WAYS[1..2], depth));
    check("key", key(MAX_DEPTH - 1), Value::Json(r#"{"7":1}"#));
    check("key", key(MAX_DEPTH), Value::Str(TOO_DEEP));
    // Levels that were left are free again.
    check_same(vec![Some(vec![Some(1)]); 100]);
}

#[test]
fn what_is_shallow_is_as_serde_json_writes_it() {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    struct Unit;
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    struct Id(u64);
    #[derive(Clone, Copy, Debug, Serialize)]
    struct Pair(i8, char);
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    enum Kind {
        Unit,
        New(Option<Id>),
        Tuple(i16, Unit),
        Empty {},
        Fields { id: Id, text: String },
    }
    #[derive(Clone, Debug, Serialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Tagged {
        Plain,
        Fields { kind: Kind },
    }
    #[derive(Clone, Debug, Serialize)]
    struct Flat {
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
        #[serde(flatten)]
        rest: BTreeMap<String, Vec<Unit>>,
        address: std::net::IpAddr,
    }
    #[derive(Clone, Debug)]
    struct Bytes(&'static [u8]);
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_bytes(self.0)
        }
    }

    let kinds = [
        Kind::Unit,
        Kind::New(None),
        Kind::New(Some(Id(1))),
        Kind::Tuple(-1, Unit),
        Kind::Empty {},
        Kind::Fields { id: Id(u64::MAX), text: "\"\\\n\u{7f}é\u{2028}😀".to_owned() },
    ];
    check_same(kinds.clone().to_vec());
    check_same(kinds.map(|kind| Tagged::Fields { kind }).to_vec());
    check_same((Tagged::Plain, Unit, (), Pair(i8::MIN, 'ß'), Bytes(b"\0\xff"), Bytes(b"")));
    check_same((i128::MIN, u128::MAX, i64::MIN, u64::MAX, u16::MAX, i32::MIN, u32::MAX, i16::MIN));
    check_same((0.1_f32, 1e300_f64, f32::NAN, f64::INFINITY, -0.0_f64, true, Id(5)));
    check_same(Id(5));
    check_same(Vec::<u8>::new());
    check_same(Flat {
        left_out: None,
        rest: BTreeMap::from([("a".to_owned(), vec![Unit, Unit]), (String::new(), Vec::new())]),
        address: [127, 0, 0, 1].into(),
    });
    check_same(BTreeMap::from([(i64::MIN, Some(())), (-1, None), (3, Some(()))]));
    check_same(BTreeMap::from([(u128::MAX, 'k')]));
    check_same(BTreeMap::from([('c', BTreeMap::from([(true, Id(1)), (false, Id(2))]))]));
    check_same(BTreeMap::from([(Id(9), BTreeMap::<u8, u8>::new())]));
    check_same(BTreeMap::from([(Kind::Unit, [[(); 2]; 2])]));
    check_same(json!({"a": [1, -2.5, null, "é", {"b": {}}], "c": true, "d": []}));
}

#[test]
fn scalars_are_plain_and_failures_are_told() {
    check("string", "text\n".to_owned(), Value::Str("text\n"));
    check("none", None::<u8>, Value::Null);
    check("some", Some(Some(true)), Value::Bool(true));
    check("float", f64::NAN, Value::Null);
    let failed = |reason: &str| format!("<serialization failed: {reason}>");
    let keys = BTreeMap::from([([1], 2)]);
    check("key", keys, Value::Str(&failed("key must be a string")));
    let large = vec!["x".repeat(1 << 19); 2];
    check("large", large, Value::Str(&failed("larger than 1 MiB")));

    #[derive(Clone)]
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in Serialize")
        }
    }
    check("panic", vec![Panics], Value::Str("<panicked: in Serialize>"));
}
