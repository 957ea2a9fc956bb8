//! A text line shows where its parts begin and end, whatever they hold.

use fastrand::Rng;
use prisma_log_format::{TextEncoder, decode_key};

use crate::logfmt::{Pair, compare_value, read_pairs, token_length, unquote};
use crate::random::Owned;
use crate::{Tally, encode};

struct Parts {
    head: String,
    logger: String,
    message: String,
    pairs: Vec<Pair>,
}

fn read(line: &str) -> Option<Parts> {
    let (time, rest) = line.split_once(' ')?;
    let (level, rest) = rest.split_once(' ')?;
    let rest = rest.trim_start_matches(' ');
    let (logger, rest) = match rest.starts_with('"') {
        true => {
            let (token, rest) = rest.split_at(token_length(rest).ok()?);
            (unquote(token).ok()?, rest.strip_prefix(": ")?)
        }
        false => rest.split_once(": ").map(|(logger, rest)| (logger.to_owned(), rest))?,
    };
    let (message, pairs) = match rest.starts_with('"') {
        true => {
            let (token, rest) = rest.split_at(token_length(rest).ok()?);
            (unquote(token).ok()?, rest)
        }
        // A bare message holds no `=`, and no key holds a space.
        false => {
            let end = rest.find('=').and_then(|at| rest[..at].rfind(' ')).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        }
    };
    let pairs = match pairs.strip_prefix(' ') {
        Some(pairs) => read_pairs(pairs).ok()?,
        None => Vec::new(),
    };
    Some(Parts { head: format!("{time} {level}"), logger, message, pairs })
}

#[test]
fn the_parts_of_a_line_can_not_be_mistaken_for_each_other() {
    let mut random = Rng::with_seed(12);
    let mut encoder = TextEncoder::new();
    let mut tally = Tally::default();
    for _ in 0..30_000 {
        let owned = Owned::new(&mut random);
        let record = owned.record();
        let line = encode(&mut encoder, &record);
        tally.records += 1;
        let Some(parts) = read(&line) else {
            tally.differences.push(format!("not readable: {line}"));
            continue;
        };
        tally.compare("head", parts.head, format!("{} {}", record.timestamp, record.level));
        tally.compare("logger", parts.logger.as_str(), record.logger);
        tally.compare("message", parts.message.as_str(), record.message);
        let context = record.context;
        let mut known = 0;
        let ids = [
            ("trace_id", context.trace_id.map(|id| id.to_string())),
            ("span_id", context.span_id.map(|id| id.to_string())),
            ("parent_span_id", context.parent_span_id.map(|id| id.to_string())),
            ("truncated", (record.truncated != 0).then(|| record.truncated.to_string())),
            ("recovered", record.recovered.then(|| "true".to_owned())),
            ("slog.tag", (!record.tag.is_empty()).then(|| record.tag.to_owned())),
        ];
        for (key, text) in ids {
            let found =
                parts.pairs.iter().find(|(k, ..)| k == key).map(|(_, text, _)| text.clone());
            known += usize::from(text.is_some());
            tally.compare(key, found, text);
        }
        tally.compare("pairs", parts.pairs.len(), known + owned.entries().count());
        for ((written, text, quoted), (key, value)) in
            parts.pairs.iter().skip(known).zip(owned.entries())
        {
            tally.fields += 1;
            tally.compare("key", decode_key(written).0, key);
            compare_value(&mut tally, key, value, text, *quoted);
        }
    }
    tally.finish("text");
}
