//! Certificates as they should be, and as they should not.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A folder of PEM files: `NAME.pem` with its key `NAME.key`.
pub(super) struct Certificates {
    folder: PathBuf,
}

/// Names of server certificates that no client may trust.
pub(super) const BAD: [&str; 4] = ["expired", "wrong name", "self-signed", "unknown authority"];

impl Certificates {
    /// `ca`, and signed by it `good` and `client`; and those that are [`BAD`].
    pub(super) fn new(folder: &Path) -> Result<Self, String> {
        let new = || -> Result<Self, Box<dyn std::error::Error>> {
            fs::create_dir_all(folder)?;
            let this = Certificates { folder: folder.to_owned() };
            let ca = this.authority("ca")?;
            let other = this.authority("other")?;
            let years = (2020, 2100);
            this.identity("good", "localhost", years, Some(&ca))?;
            this.identity("client", "client", years, Some(&ca))?;
            this.identity("expired", "localhost", (2001, 2002), Some(&ca))?;
            this.identity("wrong name", "elsewhere", years, Some(&ca))?;
            this.identity("self-signed", "localhost", years, None)?;
            this.identity("unknown authority", "localhost", years, Some(&other))?;
            Ok(this)
        };
        new().map_err(|error| format!("cannot make certificates: {error}"))
    }

    fn authority(
        &self,
        name: &str,
    ) -> Result<Issuer<'static, KeyPair>, Box<dyn std::error::Error>> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        fs::write(self.certificate(name), params.self_signed(&key)?.pem())?;
        Ok(Issuer::new(params, key))
    }

    fn identity(
        &self,
        file: &str,
        name: &str,
        years: (i32, i32),
        signer: Option<&Issuer<'static, KeyPair>>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let certificate = match signer {
            Some(issuer) => params.signed_by(&key, issuer)?,
            None => params.self_signed(&key)?,
        };
        fs::write(self.certificate(file), certificate.pem())?;
        fs::write(self.key(file), key.serialize_pem())?;
        Ok(())
    }

    pub(super) fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    pub(super) fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    /// The authority's file, and those of a server, for its settings.
    pub(super) fn files(&self, identity: &str) -> (String, String, String) {
        let [ca, certificate, key] =
            [self.certificate("ca"), self.certificate(identity), self.key(identity)]
                .map(|path| path.display().to_string());
        (ca, certificate, key)
    }
}
