//! What encoders keep of a shape changes no byte.

use fastrand::Rng;
use prisma_log_core::{Encoder, FieldsRef, Record, Shape, wire};
use prisma_log_format::{
    EcsEncoder, JsonEncoder, LogfmtEncoder, Service, TextEncoder, TextEncoderBuilder,
};

use crate::random::Owned;
use crate::{Tally, encode};

fn text(site: bool) -> TextEncoder {
    let builder: TextEncoderBuilder = TextEncoder::builder();
    builder.site(site).build().unwrap()
}

fn encoders(site: bool) -> Vec<Box<dyn Encoder>> {
    let service = || if site { Service::new().name("shop \"1\"") } else { Service::new() };
    vec![
        Box::new(JsonEncoder::builder().site(site).service(service()).build().unwrap()),
        Box::new(EcsEncoder::builder().site(site).service(service()).build().unwrap()),
        Box::new(LogfmtEncoder::builder().site(site).service(service()).build().unwrap()),
        Box::new(text(site)),
    ]
}

/// The record's fields in a frame's form: their keys in two lists, some inline all the same.
struct Listed {
    bytes: Vec<u8>,
    count: u32,
    keys: [Vec<Box<str>>; 2],
}

impl Listed {
    fn new(owned: &Owned, inline: u64) -> Self {
        let mut listed = Listed { bytes: Vec::new(), count: 0, keys: Default::default() };
        for (index, (key, value)) in owned.fields.iter().enumerate() {
            let is_inline = inline >> (index % 64) & 1 == 1;
            wire::push(is_inline.then_some(key), value, &mut listed.bytes);
            listed.count += 1;
            if !is_inline {
                listed.keys[usize::from(index > 2)].push(key.into());
            }
        }
        listed
    }

    fn fields(&self) -> FieldsRef<'_> {
        FieldsRef::encoded(&self.bytes, self.count, &self.keys[0], &self.keys[1])
    }
}

/// Encodes each record with an encoder that may use shapes and one that never sees any.
struct Pair {
    with: Vec<Box<dyn Encoder>>,
    without: Vec<Box<dyn Encoder>>,
}

impl Pair {
    fn new(site: bool) -> Self {
        Pair { with: encoders(site), without: encoders(site) }
    }

    fn compare(&mut self, mut record: Record<'_>, shape: Option<Shape>, tally: &mut Tally) {
        for (with, without) in self.with.iter_mut().zip(&mut self.without) {
            record.shape = shape;
            let found = encode(&mut **with, &record);
            record.shape = None;
            tally.compare("with a shape", found, encode(&mut **without, &record));
        }
        tally.records += 1;
        tally.fields += record.context.entries.len() + record.fields.len();
    }
}

#[test]
fn a_line_is_the_same_with_and_without_a_shape() {
    let mut random = Rng::with_seed(20);
    let mut tally = Tally::default();
    for site in [false, true] {
        let mut pair = Pair::new(site);
        // Several shapes at a time, so that their records come mixed.
        for round in 0..400 {
            let shapes: Vec<_> = (0..4)
                .map(|_| {
                    (Owned::new(&mut random), random.bool(), random.choice([0, 5, !0]).unwrap())
                })
                .collect();
            for _ in 0..24 {
                let index = random.usize(..shapes.len());
                let (first, constant, inline) = &shapes[index];
                let mut owned = first.of_same_shape(&mut random);
                if *constant {
                    owned.message.clone_from(&first.message);
                } else if random.u8(..20) == 0 {
                    owned.message = "long ".repeat(random.usize(700..2000));
                }
                let listed = Listed::new(&owned, *inline);
                let mut record = owned.record();
                record.fields = listed.fields();
                record.message_is_constant = *constant;
                let number = 1 + round * 4 + index as u32;
                pair.compare(record, Shape::new(number), &mut tally);
            }
        }
    }
    tally.finish("with and without a shape");
}

#[test]
fn shapes_beyond_all_bounds_are_encoded_all_the_same() {
    let mut random = Rng::with_seed(21);
    let mut tally = Tally::default();
    let mut pair = Pair::new(true);
    for number in (1..6_000).step_by(23).chain([u32::MAX, u32::MAX - 1, 4096, 4097]) {
        let mut owned = Owned::new(&mut random);
        // Keys that fill the memory for plans before there are many of them.
        owned.fields.push(&"k".repeat(random.usize(..60_000)), 1_u64);
        for _ in 0..2 {
            pair.compare(owned.record(), Shape::new(number), &mut tally);
        }
    }
    tally.finish("shapes beyond the bounds");
}

#[test]
fn fields_that_do_not_decode_end_the_line_alike() {
    let mut random = Rng::with_seed(22);
    let mut tally = Tally::default();
    let mut pair = Pair::new(false);
    for number in 1..2_000 {
        let first = Owned::new(&mut random);
        for _ in 0..4 {
            let owned = first.of_same_shape(&mut random);
            let mut listed = Listed::new(&owned, 0);
            let at = random.usize(..=listed.bytes.len());
            match random.u8(..4) {
                0 => {}
                1 => listed.bytes.truncate(at),
                2 => listed.count += 1,
                // No tag, or part of a number, a length or text: whatever it hits.
                _ => listed.bytes[at..].iter_mut().take(1).for_each(|byte| *byte = 0x7F),
            }
            // Some text is no longer UTF-8.
            if let Some(text) =
                listed.bytes.windows(6).position(|bytes| bytes == b"\x08\x05\0\0\0o")
            {
                listed.bytes[text + 5] = 0xFF;
            }
            let mut record = owned.record();
            record.fields = listed.fields();
            pair.compare(record, Shape::new(number), &mut tally);
        }
    }
    tally.finish("fields that do not decode");
}

#[test]
fn a_copy_of_an_encoder_knows_no_shape() {
    let mut random = Rng::with_seed(23);
    let mut original = JsonEncoder::new();
    let (one, other) = (Owned::new(&mut random), Owned::new(&mut random));
    let lines = |encoder: &mut JsonEncoder, owned: &Owned| {
        let mut record = owned.record();
        record.shape = Shape::new(1);
        record.message_is_constant = true;
        encode(encoder, &record)
    };
    lines(&mut original, &one);
    let mut copy = original.clone();
    assert_eq!(lines(&mut copy, &other), encode(&mut JsonEncoder::new(), &other.record()));
}

#[test]
fn text_in_parts_is_the_text() {
    let mut random = Rng::with_seed(24);
    for site in [false, true] {
        let mut encoder = text(site);
        for _ in 0..5_000 {
            let owned = Owned::new(&mut random);
            let mut parts = Vec::new();
            encoder.encode_parts(&owned.record(), &mut parts, |_, _| ());
            assert_eq!(String::from_utf8(parts).unwrap(), encode(&mut encoder, &owned.record()));
        }
    }
}
