//! Who wrote a request, and when.

use std::fmt::Write as _;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};
use ring::hmac;

use crate::Secret;

/// The header's value: `t=SECONDS,v1=HEX` with a `v1` for each secret.
pub(super) fn sign(secrets: &[Secret], now: Timestamp, body: &[u8]) -> String {
    let seconds = now.unix_nanos().div_euclid(1_000_000_000).to_string();
    let mut value = format!("t={seconds}");
    for secret in secrets {
        value.push_str(",v1=");
        let mut context = hmac::Context::with_key(&key(secret));
        context.update(seconds.as_bytes());
        context.update(b".");
        context.update(body);
        for byte in context.sign().as_ref() {
            // A String takes everything.
            let _ = write!(value, "{byte:02x}");
        }
    }
    value
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

/// Checks the `X-Prisma-Signature` of a request that a [`WebhookNotifier`](super::WebhookNotifier)
/// made: for receivers.
///
/// `header` is its value, `body` the request's body as it came; a signature that is older or newer
/// than `tolerance` (5 minutes are usual) is refused, so that a request can't be sent again later.
///
/// # Errors
/// When the header is malformed, too old or too new, or no signature in it is the secret's.
pub fn verify_signature(
    secret: &Secret,
    header: &str,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), Error> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let seconds = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let seconds = seconds.ok_or_else(|| Error::data("the signature has no time"))?;
    let at: i64 = seconds.parse().map_err(|_| Error::data("the signature's time is no number"))?;
    let at = Timestamp::from_unix_seconds(at);
    if at.saturating_since(now).max(now.saturating_since(at)) > tolerance {
        return Err(Error::data("the signature is too old, or from the future"));
    }
    let signed = [seconds.as_bytes(), b".", body].concat();
    let key = key(secret);
    let is_right = |hex: &str| {
        bytes(hex).is_some_and(|signature| hmac::verify(&key, &signed, &signature).is_ok())
    };
    let found = parts().filter(|(name, _)| *name == "v1").any(|(_, hex)| is_right(hex));
    if found { Ok(()) } else { Err(Error::data("no signature is the secret's")) }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |&[high, low]: &[u8; 2]| u8::try_from(digit(high)? << 4 | digit(low)?).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4231_by_way_of_the_header() {
        // Test case 2 of the RFC has the key "Jefe" and a text that here begins with "0.".
        let value = sign(&["Jefe".into()], Timestamp::UNIX_EPOCH, b"what do ya want for nothing?");
        // Computed with Python's hmac over b"0.what do ya want for nothing?".
        let expect = "t=0,v1=37f471929915ccd2cbbe79feb84ffcff4f2bb25e15fc41c2506687331ae179cc";
        assert_eq!(value, expect);
    }

    #[test]
    fn only_what_was_signed_is_right() {
        let now = Timestamp::from_unix_seconds(1_795_507_200);
        let (old, new) = (Secret::from("old secret of ours"), Secret::from("new secret of ours"));
        let header = sign(&[old.clone(), new.clone()], now, b"{}");
        let five = Duration::from_secs(300);
        let check = |secret: &Secret, header: &str, body: &[u8], after: i64, is_right: bool| {
            let now = Timestamp::from_unix_seconds(1_795_507_200 + after);
            let result = verify_signature(secret, header, body, now, five);
            assert_eq!(result.is_ok(), is_right, "{header} {result:?}");
        };
        check(&old, &header, b"{}", 0, true);
        check(&new, &header, b"{}", 300, true);
        check(&new, &header, b"{}", -300, true);
        check(&new, &header, b"{}", 301, false);
        check(&new, &header, b"{}", -301, false);
        check(&new, &header, b"{ }", 0, false);
        check(&"another".into(), &header, b"{}", 0, false);
        check(&new, &header.replace("t=1", "t=2"), b"{}", 0, false);
        for header in
            ["", "t=1795507200", "v1=00", "t=x,v1=00", "t=1795507200,v1=0", "t=1795507200,v1=zz"]
        {
            check(&new, header, b"{}", 0, false);
        }
    }
}
