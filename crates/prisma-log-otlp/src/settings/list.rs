//! Lists of `key=value`, percent-encoded, as `OTEL_RESOURCE_ATTRIBUTES` and
//! `OTEL_EXPORTER_OTLP_HEADERS` hold them: those of W3C baggage, without properties.

/// Reads a list; the error is why it is none, without the values in it.
pub(super) fn parse_list(text: &str) -> Result<Vec<(String, String)>, String> {
    let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
    let pairs = members.enumerate().map(|(index, member)| {
        let number = index + 1;
        let (key, value) = member.split_once('=').ok_or_else(|| {
            format!("has no `=` in member {number}: expected key=value,key=value")
        })?;
        let key = decode(key.trim()).filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| format!("has no valid key in member {number}"))?;
        let value = decode(value.trim())
            .ok_or_else(|| format!("has a value with a wrong %-escape, that of {key:?}"))?;
        Ok((key, value))
    });
    pairs.collect()
}

/// Undoes percent-encoding; `None` when an escape is malformed or the result is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let check = |text: &str, expect: Result<&[(&str, &str)], &str>| {
            let expect = expect.map_err(str::to_owned).map(|pairs| {
                pairs
                    .iter()
                    .map(|&(key, value)| (key.to_owned(), value.to_owned()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(parse_list(text), expect, "{text}");
        };
        check("", Ok(&[]));
        check("a=b", Ok(&[("a", "b")]));
        check(" a = b , c=d=e,,", Ok(&[("a", "b"), ("c", "d=e")]));
        check("Authorization=Basic%20abc%3D%3d", Ok(&[("Authorization", "Basic abc==")]));
        check("k=%C3%A4+", Ok(&[("k", "ä+")]));
        check("k=", Ok(&[("k", "")]));
        check("a=b,c", Err("has no `=` in member 2: expected key=value,key=value"));
        check("=b", Err("has no valid key in member 1"));
        for bad in ["k=%", "k=%4", "k=%zz", "k=%+1", "k=%FF"] {
            check(bad, Err("has a value with a wrong %-escape, that of \"k\""));
        }
    }
}
