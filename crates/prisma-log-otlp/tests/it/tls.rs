//! TLS: a server that can't be verified gets no byte of a record.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use prisma_log_core::Sink as _;
use prisma_log_otlp::{OtlpSink, OtlpSinkBuilder};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::collector::ReadRequest as _;
use crate::support::{LONG, Numbered};

struct Folder(TempDir);

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Folder {
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn authority(&self, name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let file = self.file(&format!("{name}.pem"), &params.self_signed(&key).unwrap().pem());
        Authority { issuer: Issuer::new(params, key), file }
    }

    fn identity(&self, file: &str, name: &str, until: i32, by: &Authority) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &by.issuer).unwrap();
        Identity {
            certificate: self.file(&format!("{file}.pem"), &certificate.pem()),
            key: self.file(&format!("{file}.key"), &key.serialize_pem()),
        }
    }
}

/// A server that answers every request with 200, and keeps how many bytes it read.
struct Server {
    url: String,
    plain: Arc<Mutex<usize>>,
}

impl Server {
    fn new(identity: &Identity, clients: Option<&Authority>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_file(&authority.file).unwrap()).unwrap();
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_file(&identity.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&identity.key).unwrap();
        let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let plain = Arc::new(Mutex::new(0));
        let count = Arc::clone(&plain);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                let stream = StreamOwned::<ServerConnection, TcpStream>::new(session, stream);
                let count = Arc::clone(&count);
                std::thread::spawn(move || serve(stream, &count));
            }
        });
        Server { url, plain }
    }
}

/// Serves one connection, and counts the bytes of bodies.
fn serve(stream: StreamOwned<ServerConnection, TcpStream>, count: &Mutex<usize>) {
    let mut reader = BufReader::new(stream);
    while let Some((_, headers)) = reader.head() {
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        *count.lock().unwrap() += body.len();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        if reader.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}

fn sink(server: &Server, ca: &Authority) -> OtlpSinkBuilder {
    OtlpSink::builder().endpoint(&server.url).ca_file(&ca.file).timeout(LONG)
}

#[test]
fn only_a_server_that_is_verified_gets_records() {
    let folder = Folder(TempDir::new().unwrap());
    let (ours, other) = (folder.authority("ours"), folder.authority("other"));
    let check = |identity: &Identity, expect: Result<(), &str>| {
        let server = Server::new(identity, None);
        let mut sink = sink(&server, &ours).build().unwrap();
        let written = sink.write(&Numbered::new(0..10).records());
        let bytes = *server.plain.lock().unwrap();
        match (written, expect) {
            (Ok(()), Ok(())) => assert!(bytes > 100),
            (Err(failed), Err(why)) => {
                assert!(failed.retry_after.is_some() && failed.delivered == 0);
                let shown = failed.error.to_string();
                assert!(shown.contains(why), "{shown}");
                assert_eq!(bytes, 0);
            }
            (got, expect) => panic!("{got:?} instead of {expect:?}"),
        }
    };
    check(&folder.identity("good", "localhost", 2100, &ours), Ok(()));
    check(&folder.identity("stranger", "localhost", 2100, &other), Err("UnknownIssuer"));
    check(&folder.identity("expired", "localhost", 2021, &ours), Err("xpired"));
    check(&folder.identity("name", "elsewhere.example", 2100, &ours), Err("not valid for name"));
}

#[test]
fn a_client_shows_its_certificate() {
    let folder = Folder(TempDir::new().unwrap());
    let ours = folder.authority("ours");
    let identity = folder.identity("server", "localhost", 2100, &ours);
    let client = folder.identity("client", "client", 2100, &ours);
    let server = Server::new(&identity, Some(&ours));
    let failed =
        sink(&server, &ours).build().unwrap().write(&Numbered::new(0..1).records()).unwrap_err();
    assert!(failed.retry_after.is_some() && *server.plain.lock().unwrap() == 0);
    let builder = sink(&server, &ours).client_certificate(&client.certificate, &client.key);
    builder.build().unwrap().write(&Numbered::new(0..1).records()).unwrap();
    assert!(*server.plain.lock().unwrap() > 0);
}

#[test]
fn files_that_hold_no_certificate() {
    let folder = Folder(TempDir::new().unwrap());
    let ours = folder.authority("ours");
    let empty = folder.file("empty.pem", "nothing");
    let check = |builder: OtlpSinkBuilder, expect: &str| {
        let shown = builder.endpoint("https://localhost:1").build().unwrap_err().to_string();
        assert!(shown.contains(expect), "{shown}");
    };
    check(OtlpSink::builder().ca_file(&empty), "empty.pem holds no certificate");
    check(OtlpSink::builder().ca_file("/nonexistent/ca.pem"), "cannot read /nonexistent/ca.pem");
    let without_key = OtlpSink::builder().client_certificate(&ours.file, &ours.file);
    check(without_key, "ours.pem holds no private key");
    let variable = OtlpSink::builder()
        .variables([("OTEL_EXPORTER_OTLP_CERTIFICATE", empty.to_str().unwrap())]);
    check(variable, "empty.pem holds no certificate");
}
