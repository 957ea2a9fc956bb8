//! The encoded form of fields: what [`Fields`](crate::Fields) hold and what a frame of a ring
//! carries.
//!
//! One field follows the other, nothing is aligned, numbers are little-endian:
//!
//! | part | bytes | there |
//! | --- | --- | --- |
//! | tag | 1 | always; the low seven bits name the payload |
//! | length of the key | 2 | if [`INLINE_KEY`] is set in the tag |
//! | the key, UTF-8 | that many | if [`INLINE_KEY`] is set in the tag |
//! | payload | by the tag | unless [`NULL`], [`FALSE`] or [`TRUE`] |
//!
//! A field without an inline key takes the next one of a list that the reader knows; see
//! [`FieldsRef::encoded`](crate::FieldsRef::encoded). The payload of [`STR`], [`JSON`] and
//! [`BYTES`] is a length of four bytes and that many bytes.

use crate::Value;

/// Set in a tag: the key's length and the key follow.
pub const INLINE_KEY: u8 = 0x80;
/// [`Value::Null`]; no payload.
pub const NULL: u8 = 0;
/// [`Value::Bool`] that is false; no payload.
pub const FALSE: u8 = 1;
/// [`Value::Bool`] that is true; no payload.
pub const TRUE: u8 = 2;
/// [`Value::I64`]; 8 bytes.
pub const I64: u8 = 3;
/// [`Value::U64`]; 8 bytes.
pub const U64: u8 = 4;
/// [`Value::I128`]; 16 bytes.
pub const I128: u8 = 5;
/// [`Value::U128`]; 16 bytes.
pub const U128: u8 = 6;
/// [`Value::F64`]; 8 bytes, the number's bits.
pub const F64: u8 = 7;
/// [`Value::Str`]; length and UTF-8.
pub const STR: u8 = 8;
/// [`Value::Json`]; length and UTF-8.
pub const JSON: u8 = 9;
/// [`Value::Bytes`]; length and bytes.
pub const BYTES: u8 = 10;

/// Most bytes of an inline key; a longer one is cut at a character's border.
pub const MAX_KEY_BYTES: usize = u16::MAX as usize;
/// Most bytes of a text or byte string; a longer one is cut, text at a character's border.
pub const MAX_VALUE_BYTES: usize = u32::MAX as usize;

/// A field as it stands in the encoded form, its texts not yet known to be UTF-8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RawField<'a> {
    /// The inline key, if it has one.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub payload: Payload<'a>,
}

/// A field's value as it stands in the encoded form.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// [`Value::Null`].
    Null,
    /// [`Value::Bool`].
    Bool(bool),
    /// [`Value::I64`].
    I64(i64),
    /// [`Value::U64`].
    U64(u64),
    /// [`Value::I128`].
    I128(i128),
    /// [`Value::U128`].
    U128(u128),
    /// [`Value::F64`].
    F64(f64),
    /// [`Value::Str`], if it is UTF-8.
    Str(&'a [u8]),
    /// [`Value::Json`], if it is UTF-8.
    Json(&'a [u8]),
    /// [`Value::Bytes`].
    Bytes(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// The value; `None` for text that is not UTF-8.
    #[inline]
    pub fn value(self) -> Option<Value<'a>> {
        Some(match self {
            Payload::Null => Value::Null,
            Payload::Bool(v) => Value::Bool(v),
            Payload::I64(v) => Value::I64(v),
            Payload::U64(v) => Value::U64(v),
            Payload::I128(v) => Value::I128(v),
            Payload::U128(v) => Value::U128(v),
            Payload::F64(v) => Value::F64(v),
            Payload::Str(v) => Value::Str(std::str::from_utf8(v).ok()?),
            Payload::Json(v) => Value::Json(std::str::from_utf8(v).ok()?),
            Payload::Bytes(v) => Value::Bytes(v),
        })
    }
}

/// Takes one field off the front of `bytes`; `None` when there is no whole one, and then `bytes`
/// stand somewhere within it.
#[inline]
pub fn read<'a>(bytes: &mut &'a [u8]) -> Option<RawField<'a>> {
    let (&tag, rest) = bytes.split_first()?;
    *bytes = rest;
    let key = if tag & INLINE_KEY == 0 {
        None
    } else {
        let length = u16::from_le_bytes(*take_chunk(bytes)?);
        Some(take(bytes, usize::from(length))?)
    };
    let payload = match tag & !INLINE_KEY {
        NULL => Payload::Null,
        FALSE => Payload::Bool(false),
        TRUE => Payload::Bool(true),
        I64 => Payload::I64(i64::from_le_bytes(*take_chunk(bytes)?)),
        U64 => Payload::U64(u64::from_le_bytes(*take_chunk(bytes)?)),
        I128 => Payload::I128(i128::from_le_bytes(*take_chunk(bytes)?)),
        U128 => Payload::U128(u128::from_le_bytes(*take_chunk(bytes)?)),
        F64 => Payload::F64(f64::from_le_bytes(*take_chunk(bytes)?)),
        STR => Payload::Str(take_counted(bytes)?),
        JSON => Payload::Json(take_counted(bytes)?),
        BYTES => Payload::Bytes(take_counted(bytes)?),
        _ => return None,
    };
    Some(RawField { key, payload })
}

#[inline]
fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[inline]
fn take_chunk<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

#[inline]
fn take_counted<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(*take_chunk(bytes)?);
    take(bytes, usize::try_from(length).ok()?)
}

/// Appends one field, with its key unless that is `None`.
#[inline]
pub fn push(key: Option<&str>, value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => push_head(key, NULL, out),
        Value::Bool(false) => push_head(key, FALSE, out),
        Value::Bool(true) => push_head(key, TRUE, out),
        Value::I64(v) => push_fixed(key, I64, &v.to_le_bytes(), out),
        Value::U64(v) => push_fixed(key, U64, &v.to_le_bytes(), out),
        Value::I128(v) => push_fixed(key, I128, &v.to_le_bytes(), out),
        Value::U128(v) => push_fixed(key, U128, &v.to_le_bytes(), out),
        Value::F64(v) => push_fixed(key, F64, &v.to_le_bytes(), out),
        Value::Str(v) => push_counted(key, STR, cut(v, MAX_VALUE_BYTES).as_bytes(), out),
        Value::Json(v) => push_counted(key, JSON, cut(v, MAX_VALUE_BYTES).as_bytes(), out),
        Value::Bytes(v) => push_counted(key, BYTES, &v[..v.len().min(MAX_VALUE_BYTES)], out),
    }
}

/// Appends tag and key.
#[inline]
pub(crate) fn push_head(key: Option<&str>, tag: u8, out: &mut Vec<u8>) {
    let Some(key) = key else {
        out.push(tag);
        return;
    };
    let key = cut(key, MAX_KEY_BYTES).as_bytes();
    let [low, high] = (key.len() as u16).to_le_bytes();
    out.extend_from_slice(&[tag | INLINE_KEY, low, high]);
    // Most keys are short: two overlapping moves of a fixed size instead of a call.
    match (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        (Some(first), Some(last)) if key.len() <= 8 => push_ends(first, last, key.len(), out),
        _ => match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
            (Some(first), Some(last)) if key.len() <= 16 => push_ends(first, last, key.len(), out),
            _ => out.extend_from_slice(key),
        },
    }
}

/// Appends `length` bytes of which these are the first and the last.
#[inline]
fn push_ends<const N: usize>(first: &[u8; N], last: &[u8; N], length: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(first);
    out.truncate(start + length - N);
    out.extend_from_slice(last);
}

#[inline]
fn push_fixed<const N: usize>(key: Option<&str>, tag: u8, payload: &[u8; N], out: &mut Vec<u8>) {
    push_head(key, tag, out);
    out.extend_from_slice(payload);
}

fn push_counted(key: Option<&str>, tag: u8, payload: &[u8], out: &mut Vec<u8>) {
    push_head(key, tag, out);
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(payload);
}

fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit { text } else { &text[..text.floor_char_boundary(limit)] }
}

/// Length of the field that `bytes` start with; only for fields known to be whole.
#[inline]
pub(crate) fn length_of(bytes: &[u8]) -> usize {
    let Some(&tag) = bytes.first() else { return 0 };
    let mut length = 1;
    if tag & INLINE_KEY != 0
        && let Some(key) = bytes.get(1..).and_then(<[u8]>::first_chunk)
    {
        length += 2 + usize::from(u16::from_le_bytes(*key));
    }
    length
        + match tag & !INLINE_KEY {
            I64 | U64 | F64 => 8,
            I128 | U128 => 16,
            STR | JSON | BYTES => match bytes.get(length..).and_then(<[u8]>::first_chunk) {
                Some(count) => 4 + u32::from_le_bytes(*count) as usize,
                None => 0,
            },
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [Value<'static>; 11] = [
        Value::Null,
        Value::Bool(false),
        Value::Bool(true),
        Value::I64(i64::MIN),
        Value::U64(u64::MAX),
        Value::I128(i128::MIN),
        Value::U128(u128::MAX),
        Value::F64(-0.5),
        Value::Str("é"),
        Value::Json("[1]"),
        Value::Bytes(b"\xff"),
    ];

    #[test]
    fn every_value_reads_back_and_no_part_of_it_does() {
        for value in VALUES {
            for key in [
                None,
                Some("clé"),
                Some(""),
                Some("12345"),
                Some("123456789"),
                Some("a key of 17 bytes"),
            ] {
                let mut out = Vec::new();
                push(key, value, &mut out);
                assert_eq!(length_of(&[&out[..], b"more"].concat()), out.len());
                let mut rest = &out[..];
                let field = read(&mut rest).unwrap();
                assert_eq!(field.key, key.map(str::as_bytes));
                assert_eq!(field.payload.value(), Some(value));
                assert!(rest.is_empty());
                for end in 0..out.len() {
                    assert_eq!(read(&mut &out[..end]), None, "{value:?} cut at {end}");
                }
            }
        }
    }

    #[test]
    fn the_layout_is_as_written_down() {
        let check = |key: Option<&str>, value: Value<'_>, expect: &[u8]| {
            let mut out = Vec::new();
            push(key, value, &mut out);
            assert_eq!(out, expect, "{value:?}");
        };
        check(None, Value::Null, &[0]);
        check(None, Value::Bool(false), &[1]);
        check(Some("k"), Value::Bool(true), b"\x82\x01\0k");
        check(None, Value::I64(-2), b"\x03\xfe\xff\xff\xff\xff\xff\xff\xff");
        check(None, Value::U64(258), b"\x04\x02\x01\0\0\0\0\0\0");
        check(None, Value::I128(-1), &[&[5][..], &[255; 16]].concat());
        check(None, Value::U128(7), &[&[6, 7][..], &[0; 15]].concat());
        check(None, Value::F64(1.0), b"\x07\0\0\0\0\0\0\xf0\x3f");
        check(Some("key"), Value::Str("text"), b"\x88\x03\0key\x04\0\0\0text");
        check(None, Value::Json("[]"), b"\x09\x02\0\0\0[]");
        check(None, Value::Bytes(b"\xff"), b"\x0a\x01\0\0\0\xff");
    }

    #[test]
    fn unknown_tags_and_bad_text_are_refused() {
        for tag in BYTES + 1..INLINE_KEY {
            assert_eq!(read(&mut &[tag, 0, 0, 0, 0][..]), None);
        }
        let field = read(&mut &[STR, 1, 0, 0, 0, 0xFF][..]).unwrap();
        assert_eq!((field.payload, field.payload.value()), (Payload::Str(b"\xff"), None));
    }

    #[test]
    fn a_long_key_is_cut_at_a_character() {
        let long = "é".repeat(MAX_KEY_BYTES);
        let mut out = Vec::new();
        push(Some(&long), Value::Null, &mut out);
        let key = read(&mut &out[..]).unwrap().key.unwrap();
        assert_eq!(key, &long.as_bytes()[..MAX_KEY_BYTES - 1]);
    }
}
