//! The notations of single values: words, levels, sizes, durations, numbers.

mod durations;
#[cfg(feature = "monitor")]
mod times;

use std::path::PathBuf;

use prisma_log_core::Level;

use crate::hint;
use crate::pipeline::MemoryConfig;

pub use durations::parse_duration;
pub(crate) use durations::{Span, Wait};
#[cfg(feature = "monitor")]
pub use times::parse_time;

/// A value that is written as one word or phrase.
pub(crate) trait Scalar: Sized {
    /// What is expected, with an example.
    const EXPECTED: &'static str;

    /// Reads the value; the error is a hint, where there is one.
    fn read(text: &str) -> Result<Self, Option<String>>;

    /// The value in its usual notation.
    fn show(&self) -> String;
}

/// Implements [`Scalar`] for an enum whose values are words.
macro_rules! words {
    ($type:ty, $expected:literal, $($variant:ident = $word:literal),+ $(,)?) => {
        impl $crate::scalars::Scalar for $type {
            const EXPECTED: &'static str = $expected;

            fn read(text: &str) -> Result<Self, Option<String>> {
                match text.to_lowercase().as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::hint::closest(text, [$($word),+])
                        .map(|meant| format!("did you mean `{meant}`?"))),
                }
            }

            fn show(&self) -> String {
                match self { $(Self::$variant => $word.to_owned(),)+ }
            }
        }
    };
}
pub(crate) use words;

impl Scalar for String {
    const EXPECTED: &'static str = "a text";

    fn read(text: &str) -> Result<Self, Option<String>> {
        if text.is_empty() { Err(Some("it is empty".into())) } else { Ok(text.to_owned()) }
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// A share, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio(pub(crate) f64);

impl Scalar for Ratio {
    const EXPECTED: &'static str = "a number from 0 to 1, such as 0.25";

    fn read(text: &str) -> Result<Self, Option<String>> {
        if let Some(percent) = text.strip_suffix('%').and_then(|number| number.trim().parse().ok())
        {
            let percent: f64 = percent;
            return Err(Some(format!("write `{}`", percent / 100.0)));
        }
        match text.parse() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Ratio(ratio)),
            _ => Err(None),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

impl Scalar for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(text: &str) -> Result<Self, Option<String>> {
        match text.to_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            "yes" | "on" | "1" => Err(Some("write `true`".into())),
            "no" | "off" | "0" => Err(Some("write `false`".into())),
            _ => Err(None),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Scalar for Folder {
    const EXPECTED: &'static str = "a folder such as /var/spool/shop";

    fn read(text: &str) -> Result<Self, Option<String>> {
        match text.trim_end_matches('/') {
            "" if !text.is_empty() => Ok(Folder(PathBuf::from("/"))),
            plain => PathBuf::read(plain).map(Folder),
        }
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

impl Scalar for MemoryConfig {
    const EXPECTED: &'static str = "default, anonymous, or a folder such as /run/shop";

    fn read(text: &str) -> Result<Self, Option<String>> {
        match text.to_lowercase().as_str() {
            "default" => Ok(MemoryConfig::Default),
            "anonymous" => Ok(MemoryConfig::Anonymous),
            // A misspelt word is no folder.
            word if !text.contains('/') => {
                Err(Some(match hint::closest(word, ["default", "anonymous"]) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("a folder is written `./{text}`"),
                }))
            }
            _ => Folder::read(text).map(|Folder(dir)| MemoryConfig::Dir(dir)),
        }
    }

    fn show(&self) -> String {
        match self {
            MemoryConfig::Default => "default".into(),
            MemoryConfig::Anonymous => "anonymous".into(),
            MemoryConfig::Dir(dir) => dir.show(),
        }
    }
}

impl Scalar for PathBuf {
    const EXPECTED: &'static str = "a path such as logs/app.log";

    fn read(text: &str) -> Result<Self, Option<String>> {
        match text {
            "" => Err(Some("it is empty".into())),
            _ if text.contains('\0') => Err(Some("a path can't hold a NUL character".into())),
            _ if text.starts_with("~/") => {
                Err(Some("`~` stands for nothing here; write the folder out".into()))
            }
            _ if text.ends_with('/') => Err(Some("it names a directory; add a file name".into())),
            _ => Ok(PathBuf::from(text)),
        }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

/// The least severe level that passes; `None` is `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold(pub(crate) Option<Level>);

impl Scalar for Threshold {
    const EXPECTED: &'static str = "a level: trace, debug, info, warning, error, critical, or off";

    fn read(text: &str) -> Result<Self, Option<String>> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Threshold(None));
        }
        Level::from_name(text).map(|level| Threshold(Some(level))).ok_or_else(|| {
            let names = ["trace", "debug", "info", "warning", "error", "critical", "off"];
            hint::closest(text, names).map(|meant| format!("did you mean `{meant}`?"))
        })
    }

    fn show(&self) -> String {
        self.0.map_or("off".into(), |level| level.as_str().to_lowercase())
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<const MIN: u64, const MAX: u64> Scalar for Number<MIN, MAX> {
    const EXPECTED: &'static str = "a whole number";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let digits = text.replace('_', "");
        match digits.parse::<u64>() {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Number(number)),
            Ok(_) => Err(Some(format!("it must be from {MIN} to {MAX}"))),
            Err(_) if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() => {
                Err(Some(format!("it must be from {MIN} to {MAX}")))
            }
            Err(_) => Err(None),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// Permission bits of a file, in octal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) u32);

impl Scalar for Mode {
    const EXPECTED: &'static str = "permission bits such as \"0640\"";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        match u32::from_str_radix(digits, 8) {
            // Three digits without the leading 0 may be octal or not: better asked than guessed.
            Ok(_) if !text.starts_with('0') => Err(Some(format!("write `\"0{text}\"`"))),
            Ok(mode) if mode & 0o600 != 0o600 => {
                Err(Some("the owner must be able to read and write: add 0600".into()))
            }
            Ok(mode) if mode > 0o777 => Err(Some("it must be at most 0777".into())),
            Ok(mode) => Ok(Mode(mode)),
            Err(_) => Err(None),
        }
    }

    fn show(&self) -> String {
        format!("{:04o}", self.0)
    }
}

/// A number of bytes from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size<const MIN: u64, const MAX: u64>(pub(crate) u64);

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

impl<const MIN: u64, const MAX: u64> Scalar for Size<MIN, MAX> {
    const EXPECTED: &'static str = "a size such as 10MiB";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let (digits, unit) = (digits.replace('_', ""), unit.trim());
        if digits.is_empty() {
            return Err(None);
        }
        if unit.starts_with(['.', ',']) {
            return Err(Some("write a whole number of a smaller unit".into()));
        }
        let factor = match UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)) {
            Some(&(_, factor)) => factor,
            None if unit.is_empty() => 1,
            None if ["k", "m", "g", "t"].contains(&unit.to_lowercase().as_str()) => {
                let big = unit.to_uppercase();
                return Err(Some(format!(
                    "write `{digits}{big}iB` (powers of 1024) or `{digits}{big}B` (powers of 1000)"
                )));
            }
            None => {
                let units = UNITS.map(|(name, _)| name);
                return Err(Some(hint::for_word(unit, "units", &units)));
            }
        };
        let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match bytes {
            Some(bytes) if (MIN..=MAX).contains(&bytes) => Ok(Size(bytes)),
            _ => {
                let (min, max) = (show_size(MIN), show_size(MAX));
                Err(Some(format!("it must be from {min} to {max}")))
            }
        }
    }

    fn show(&self) -> String {
        show_size(self.0)
    }
}

/// Bytes in the biggest binary unit that shows them exactly.
pub(crate) fn show_size(bytes: u64) -> String {
    let fits = |&&(name, factor): &&(&str, u64)| {
        name.ends_with("iB") && bytes >= factor && bytes.is_multiple_of(factor)
    };
    match UNITS.iter().rev().find(fits) {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text` is shown as, or the hint after `!`.
    pub(super) fn check<T: Scalar>(text: &str, expect: &str) {
        let got = match T::read(text) {
            Ok(value) => value.show(),
            Err(hint) => format!("!{}", hint.unwrap_or_default()),
        };
        assert_eq!(got, expect, "{text:?}");
    }

    #[test]
    fn sizes() {
        type S = Size<1, { 1 << 50 }>;
        check::<S>("10MiB", "10MiB");
        check::<S>("10 mib", "10MiB");
        check::<S>("1_024", "1KiB");
        check::<S>("1000kB", "1000000B");
        check::<S>("1536KiB", "1536KiB");
        check::<S>("2048MiB", "2GiB");
        check::<S>("10M", "!write `10MiB` (powers of 1024) or `10MB` (powers of 1000)");
        check::<S>("10MoB", "!did you mean `MB`?");
        check::<S>("1.5GiB", "!write a whole number of a smaller unit");
        check::<S>("0", "!it must be from 1B to 1024TiB");
        check::<S>("99999999999999999999TiB", "!it must be from 1B to 1024TiB");
        check::<S>("big", "!");
        check::<S>("-1", "!");
        check::<S>("", "!");
    }

    #[test]
    fn switches_folders_and_memory() {
        check::<bool>("True", "true");
        check::<bool>("false", "false");
        check::<bool>("yes", "!write `true`");
        check::<bool>("off", "!write `false`");
        check::<bool>("maybe", "!");
        check::<Folder>("/var/spool/", "/var/spool");
        check::<Folder>("/", "/");
        check::<Folder>("", "!it is empty");
        check::<Folder>("~/spool", "!`~` stands for nothing here; write the folder out");
        check::<MemoryConfig>("Default", "default");
        check::<MemoryConfig>("anonymous", "anonymous");
        check::<MemoryConfig>("anonimous", "!did you mean `anonymous`?");
        check::<MemoryConfig>("queues", "!a folder is written `./queues`");
        check::<MemoryConfig>("/run/shop/", "/run/shop");
    }

    #[test]
    fn permission_bits() {
        check::<Mode>("0640", "0640");
        check::<Mode>("0o600", "0600");
        check::<Mode>("640", "!write `\"0640\"`");
        check::<Mode>("0440", "!the owner must be able to read and write: add 0600");
        check::<Mode>("01640", "!it must be at most 0777");
        check::<Mode>("0689", "!");
        check::<Mode>("rw", "!");
        check::<Mode>("", "!");
    }

    #[test]
    fn numbers_levels_and_paths() {
        check::<Number<0, 1000>>("5", "5");
        check::<Number<0, 1000>>("1_000", "1000");
        check::<Number<0, 1000>>("1001", "!it must be from 0 to 1000");
        check::<Number<0, 1000>>("99999999999999999999", "!it must be from 0 to 1000");
        check::<Number<0, 1000>>("-1", "!");
        check::<Number<0, 1000>>("five", "!");
        check::<Threshold>("WARN", "warning");
        check::<Threshold>("Off", "off");
        check::<Threshold>("inof", "!did you mean `info`?");
        check::<Threshold>("loud", "!");
        check::<PathBuf>("logs/app.log", "logs/app.log");
        check::<PathBuf>("logs/", "!it names a directory; add a file name");
        check::<PathBuf>("~/app.log", "!`~` stands for nothing here; write the folder out");
        check::<String>("", "!it is empty");
    }
}
