//! Certificates known by their fingerprint.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use prisma_log_core::Error;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

const BYTES: usize = 32;

/// A SHA-256 fingerprint of a certificate.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Pin([u8; BYTES]);

impl FromStr for Pin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::config(format!("{text:?} is no SHA-256 fingerprint")).with_hint(
                "64 hexadecimal digits, as in `openssl x509 -noout -fingerprint -sha256`",
            )
        };
        let lower = text.to_ascii_lowercase();
        let digits = ["sha-256:", "sha256:"].iter().find_map(|label| lower.strip_prefix(label));
        let mut digits = digits.unwrap_or(&lower).to_owned();
        if digits.len() == 3 * BYTES - 1 {
            let colons = digits.bytes().skip(2).step_by(3);
            if !colons.into_iter().all(|byte| byte == b':') {
                return Err(wrong());
            }
            digits.retain(|c| c != ':');
        }
        if digits.len() != 2 * BYTES || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; BYTES];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Pin(bytes))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// SHA-256, out of what TLS itself is made with.
fn sha256(bytes: &[u8]) -> Option<Pin> {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13()?;
    let hash = suite.common.hash_provider.hash(bytes);
    hash.as_ref().try_into().ok().map(Pin)
}

/// Takes servers whose certificate has a known fingerprint.
#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) pins: Vec<Pin>,
    /// The usual verification, if that must hold as well.
    pub(crate) chain: Option<Arc<WebPkiServerVerifier>>,
    pub(crate) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let known = sha256(certificate).is_some_and(|found| self.pins.contains(&found));
        if !known {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        match &self.chain {
            Some(chain) => chain.verify_server_cert(certificate, intermediates, name, ocsp, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_as_tools_print_them() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let bytes: Vec<&str> = (0..BYTES).map(|at| &abc[2 * at..2 * at + 2]).collect();
        let colons = bytes.join(":").to_uppercase();
        for text in [abc, &colons, &format!("sha-256:{colons}"), &format!("SHA256:{abc}")] {
            let pin: Pin = text.parse().unwrap();
            assert_eq!(sha256(b"abc"), Some(pin));
            assert_eq!(format!("{pin:?}"), abc);
        }
        for wrong in ["", &abc[1..], &colons.replacen(':', "-", 1), "sha-1:00", &format!("{abc}0")]
        {
            assert!(wrong.parse::<Pin>().unwrap_err().is_config(), "{wrong}");
        }
    }
}
