//! Encoders for log records: JSON, ECS, logfmt and text.
//!
//! Each encoder is a [`prisma_log_core::Encoder`]: it appends one record to a buffer of the
//! caller's, without a line end, and allocates nothing once that buffer has grown.
//!
//! | encoder | for | form |
//! | --- | --- | --- |
//! | [`JsonEncoder`] | machines | one flat JSON object |
//! | [`EcsEncoder`] | the Elastic stack | JSON after the [ecs-logging] specification |
//! | [`LogfmtEncoder`] | Loki, Heroku and Go tools | `key=value` pairs |
//! | [`TextEncoder`] | people | time, level, logger, message, `key=value` pairs |
//!
//! # One record is one line
//!
//! Whatever a record holds, its encoded form has no control character, no Unicode line or
//! paragraph separator, and no character that re-orders or hides text on a screen: all of them
//! are escaped, reversibly (see [`must_escape`]).
//!
//! # Keys
//!
//! No user data can forge the envelope and nothing is lost to a repeated key. The rules are the
//! same in every encoder; each has its own reserved keys, which are all the envelope keys it may
//! ever write.
//!
//! - A user key that is reserved or starts with `fields.` is written as `fields.KEY`.
//! - The n-th field with the same key, n ≥ 2, is written `KEY#n`.
//! - A key that is empty or itself ends in `#` and digits always gets such a suffix, from `#1`.
//! - Context entries come before fields, and so keep their plain name: after the context's
//!   `user_id`, a field of that name is `user_id#2`.
//!
//! A reader undoes this with [`decode_key`].
//!
//! [ecs-logging]: https://github.com/elastic/ecs-logging
//!
//! # Shapes
//!
//! Where a record's [`Shape`](prisma_log_core::Shape) is known, an encoder renders what all
//! records of the shape share once and keeps it, for up to 4,096 shapes and 8 MiB; that makes a
//! line three times as fast and changes no byte of it. So an encoder serves one sink. A clone of
//! it starts anew.
//!
//! # Examples
//!
//! ```
//! use prisma_log_core::{Encoder, Fields, Level, Record, Timestamp};
//! use prisma_log_format::JsonEncoder;
//!
//! let fields = Fields::from_iter([("amount", 99.5_f64), ("level", 3.0)]);
//! let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", "order\nprocessed");
//! record.fields = fields.as_ref();
//! let mut line = Vec::new();
//! JsonEncoder::new().encode(&record, &mut line);
//! assert_eq!(
//!     String::from_utf8(line).unwrap(),
//!     r#"{"timestamp":"1970-01-01T00:00:00.000000Z","level":"INFO","logger":"shop","#.to_owned()
//!         + r#""message":"order\nprocessed","amount":99.5,"fields.level":3.0}"#
//! );
//! ```
#![forbid(unsafe_code)]

mod base64;
mod copy;
mod ecs;
mod embed;
mod escape;
mod form;
mod json;
mod keys;
mod logfmt;
mod number;
mod pairs;
mod plan;
mod service;
mod stamp;
mod text;
mod trace;

pub use base64::push_base64;
pub use ecs::{EcsEncoder, EcsEncoderBuilder};
pub use escape::{escape_into, must_escape};
pub use json::{JsonEncoder, JsonEncoderBuilder};
pub use keys::decode_key;
pub use logfmt::{LogfmtEncoder, LogfmtEncoderBuilder};
pub use service::Service;
pub use text::{TextEncoder, TextEncoderBuilder, TextPart};
