//! A serializer that refuses what is nested too deep, before the value's own recursion goes on.

use std::fmt::Display;

use serde_core::ser::{self, Error as _, Serialize, Serializer};

/// Deepest nesting of a value; encoders refuse what is deeper.
pub(super) const MAX_DEPTH: u32 = 64;

/// A serializer, one of its compounds or a value passed on to it, with the levels left below.
///
/// Every call in which a value hands on another one takes a level, those that leave no trace in
/// the output too: the stack knows no difference.
pub(super) struct Shallow<T> {
    inner: T,
    left: u32,
}

impl<S> Shallow<S> {
    pub(super) fn new(serializer: S) -> Self {
        Self { inner: serializer, left: MAX_DEPTH }
    }
}

impl<S: Serializer> Shallow<S> {
    fn below(self, levels: u32) -> Result<Self, S::Error> {
        match self.left.checked_sub(levels) {
            Some(left) => Ok(Self { left, ..self }),
            None => Err(S::Error::custom(format_args!("nested deeper than {MAX_DEPTH}"))),
        }
    }
}

impl<V: Serialize + ?Sized> Serialize for Shallow<&V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(Shallow { inner: serializer, left: self.left })
    }
}

/// Calls that hand on no value.
macro_rules! flat {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $method(self, $($arg: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($arg),*)
        }
    )*};
}

/// Calls that hand on one value.
macro_rules! single {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $method<V: Serialize + ?Sized>(
            self,
            $($arg: $type,)*
            value: &V,
        ) -> Result<S::Ok, S::Error> {
            let Self { inner, left } = self.below(1)?;
            inner.$method($($arg,)* &Shallow { inner: value, left })
        }
    )*};
}

/// Calls that open as many levels of JSON as stand before the arrow.
macro_rules! compound {
    ($($levels:literal => $of:ident: $method:ident($($arg:ident: $type:ty),*);)*) => {$(
        type $of = Shallow<S::$of>;

        fn $method(self, $($arg: $type),*) -> Result<Self::$of, S::Error> {
            let Self { inner, left } = self.below($levels)?;
            Ok(Shallow { inner: inner.$method($($arg),*)?, left })
        }
    )*};
}

impl<S: Serializer> Serializer for Shallow<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    flat! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    single! {
        serialize_some();
        serialize_newtype_struct(name: &'static str);
        serialize_newtype_variant(name: &'static str, index: u32, variant: &'static str);
    }

    compound! {
        1 => SerializeSeq: serialize_seq(len: Option<usize>);
        1 => SerializeTuple: serialize_tuple(len: usize);
        1 => SerializeTupleStruct: serialize_tuple_struct(name: &'static str, len: usize);
        2 => SerializeTupleVariant: serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        );
        1 => SerializeMap: serialize_map(len: Option<usize>);
        1 => SerializeStruct: serialize_struct(name: &'static str, len: usize);
        2 => SerializeStructVariant: serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        );
    }

    fn collect_str<V: Display + ?Sized>(self, value: &V) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// What a compound is given: elements, keys, values, and fields with their names.
macro_rules! members {
    ($($of:ident: $($method:ident($($name:ident)?)),+;)*) => {$(
        impl<C: ser::$of> ser::$of for Shallow<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            $(fn $method<V: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &V,
            ) -> Result<(), C::Error> {
                self.inner.$method($($name,)? &Shallow { inner: value, left: self.left })
            })+

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

members! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeMap: serialize_key(), serialize_value();
    SerializeStruct: serialize_field(name);
    SerializeStructVariant: serialize_field(name);
}
