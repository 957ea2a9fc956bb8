//! Standard base64 with padding (RFC 4648, section 4).

/// Appends `bytes` in standard base64 with padding (RFC 4648, section 4).
pub fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4);
    let digits = |group: u32| [18, 12, 6, 0].map(|shift| ALPHABET[(group >> shift & 63) as usize]);
    let (groups, rest) = bytes.as_chunks::<3>();
    for &[a, b, c] in groups {
        out.extend_from_slice(&digits(u32::from_be_bytes([0, a, b, c])));
    }
    match *rest {
        [a] => {
            let [x, y, _, _] = digits(u32::from_be_bytes([0, a, 0, 0]));
            out.extend_from_slice(&[x, y, b'=', b'=']);
        }
        [a, b] => {
            let [x, y, z, _] = digits(u32::from_be_bytes([0, a, b, 0]));
            out.extend_from_slice(&[x, y, z, b'=']);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4648_test_vectors() {
        let check = |bytes: &[u8], expect: &str| {
            let mut out = Vec::new();
            push_base64(bytes, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(b"", "");
        check(b"f", "Zg==");
        check(b"fo", "Zm8=");
        check(b"foo", "Zm9v");
        check(b"foob", "Zm9vYg==");
        check(b"fooba", "Zm9vYmE=");
        check(b"foobar", "Zm9vYmFy");
        check(b"\xff\xfe\xfd\xfb\xef", "//79++8=");
    }
}
