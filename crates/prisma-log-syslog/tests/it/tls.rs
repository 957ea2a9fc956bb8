//! TLS: who is trusted, and that nobody else gets a byte.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::{Sink as _, SinkCommand};
use prisma_log_syslog::{SyslogSinkBuilder, Tls, Transport};
use prisma_log_testkit::contract;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use tempfile::TempDir;

use crate::parser::parse;
use crate::servers::{Listen, Server, Source, listen, numbers, outlast};
use crate::support::{LONG, builder, write, write_all};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

/// Certificates in a folder.
struct Folder {
    folder: TempDir,
}

/// PEM files of a certificate and its key.
#[derive(Clone)]
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Folder {
    fn new() -> Self {
        Folder { folder: TempDir::new().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
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

    /// A certificate for this name, valid in these years, signed by the authority or by itself.
    fn identity(&self, name: &str, years: (i32, i32), signer: Option<&Authority>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let certificate = match signer {
            Some(authority) => params.signed_by(&key, &authority.issuer),
            None => params.self_signed(&key),
        };
        let certificate = certificate.unwrap();
        let unique = fastrand::u64(..);
        Identity {
            certificate: self.file(&format!("{unique}.pem"), &certificate.pem()),
            key: self.file(&format!("{unique}.key"), &key.serialize_pem()),
        }
    }
}

impl Identity {
    fn fingerprint(&self) -> String {
        let certificate = CertificateDer::from_pem_file(&self.certificate).unwrap();
        let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let hash = suite.tls13().unwrap().common.hash_provider.hash(&certificate);
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Accepts over TLS.
struct Listener {
    tcp: TcpListener,
    config: Arc<ServerConfig>,
}

impl Listen for Listener {
    fn accept(&mut self) -> Option<Box<dyn Source>> {
        let (stream, _) = self.tcp.accept().ok()?;
        stream.set_nonblocking(true).unwrap();
        let session = ServerConnection::new(Arc::clone(&self.config)).unwrap();
        Some(Box::new(StreamOwned::<ServerConnection, TcpStream>::new(session, stream)))
    }
}

static BOTH: &[&SupportedProtocolVersion] = rustls::ALL_VERSIONS;
static OLD: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static NEW: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// A server that shows this certificate, and wants one signed by the authority, if that is given.
fn config(
    identity: &Identity,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(versions).unwrap();
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
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

fn server(config: Arc<ServerConfig>, plan: Vec<usize>) -> (Server, SocketAddr) {
    let tcp = listen(None);
    let address = tcp.local_addr().unwrap();
    (Server::planned(Listener { tcp, config }, plan), address)
}

fn sink(address: SocketAddr, tls: Tls) -> SyslogSinkBuilder {
    let transport = Transport::tls(address.to_string(), tls);
    builder(transport).flush_timeout(LONG).connect_timeout(LONG)
}

/// Certificates that are as they should be, for `localhost`.
fn good(folder: &Folder) -> (Authority, Identity) {
    let authority = folder.authority("good");
    let identity = folder.identity("localhost", (2020, 2100), Some(&authority));
    (authority, identity)
}

#[test]
fn the_contract_holds() {
    let folder = Folder::new();
    let (authority, identity) = good(&folder);
    let (server, address) = server(config(&identity, None, BOTH), vec![]);
    let open = || {
        let tls = Tls::new().ca_file(&authority.file).server_name("localhost");
        sink(address, tls).max_message(1 << 20).build().unwrap()
    };
    contract::run(open, || server.messages());
    server.messages().iter().for_each(|message| drop(parse(message.as_bytes())));
    let deadline = Instant::now() + LONG;
    // Every connection ended with `close_notify`, but for the one that a fork left behind.
    while server.ends().iter().any(|end| end.is_none()) {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(server.ends().iter().filter(|&&end| end == Some(false)).count(), 1);
}

#[test]
fn those_who_can_show_it_are_trusted() {
    let folder = Folder::new();
    let (authority, identity) = good(&folder);
    let by_number = folder.identity("127.0.0.1", (2020, 2100), Some(&authority));
    let expired = folder.identity("elsewhere", (2001, 2002), None);
    let client = folder.identity("client", (2020, 2100), Some(&authority));
    let name = || Tls::new().ca_file(&authority.file).server_name("localhost");
    let check = |what: &str, config: Arc<ServerConfig>, tls: Tls| {
        let (server, address) = server(config, vec![]);
        let mut sink = sink(address, tls).build().unwrap();
        write_all(&mut sink, 0..10);
        sink.flush().unwrap();
        assert!(numbers(&server.messages()).into_iter().eq(0..10), "{what}");
    };
    for versions in [OLD, NEW] {
        check("by name", config(&identity, None, versions), name());
        let tls = Tls::new().ca_file(&authority.file);
        check("by number", config(&by_number, None, versions), tls);
        let tls = Tls::new().pin(expired.fingerprint());
        check("by fingerprint", config(&expired, None, versions), tls);
        let tls = name().pin("0".repeat(64)).pin(identity.fingerprint());
        check("by both", config(&identity, None, versions), tls);
        let tls = name().client_certificate(&client.certificate, &client.key);
        check("with ours", config(&identity, Some(&authority), versions), tls.clone());
        check("with ours unasked", config(&identity, None, versions), tls);
    }
}

#[test]
fn nobody_else_gets_a_byte() {
    let folder = Folder::new();
    let (authority, identity) = good(&folder);
    let other = folder.authority("other");
    let tls = || Tls::new().ca_file(&authority.file).server_name("localhost");
    let check = |what: &str, config: Arc<ServerConfig>, tls: Tls| {
        let (server, address) = server(config, vec![]);
        let mut sink = sink(address, tls).build().unwrap();
        // An attempt takes until the other end has answered.
        let deadline = Instant::now() + LONG;
        let failed = loop {
            let failed = write(&mut sink, 0..10).unwrap_err();
            assert!(Instant::now() < deadline, "{what}: {}", failed.error);
            if !failed.error.to_string().ends_with("yet") {
                break failed;
            }
        };
        assert!(failed.error.to_string().contains("TLS"), "{what}: {}", failed.error);
        assert_eq!(failed.delivered, 0, "{what}");
        assert!(failed.retry_after.is_some(), "{what}");
        drop(sink);
        let bytes: usize = server.connections().iter().map(Vec::len).sum();
        assert_eq!(bytes, 0, "{what}: application bytes at the server");
    };
    let year = (2020, 2100);
    let by = Some(&authority);
    for versions in [OLD, NEW] {
        let plain = |identity: &Identity| config(identity, None, versions);
        check("expired", plain(&folder.identity("localhost", (2001, 2002), by)), tls());
        check("not valid yet", plain(&folder.identity("localhost", (2090, 2100), by)), tls());
        check("wrong name", plain(&folder.identity("elsewhere", year, by)), tls());
        check("no name for a number", plain(&identity), Tls::new().ca_file(&authority.file));
        check("self-signed", plain(&folder.identity("localhost", year, None)), tls());
        let by_other = folder.identity("localhost", year, Some(&other));
        check("unknown authority", plain(&by_other), tls());
        check("unknown to the system", plain(&identity), Tls::new().server_name("localhost"));
        check("another fingerprint", plain(&identity), Tls::new().pin("0".repeat(64)));
        let pinned = tls().pin("0".repeat(64));
        check("right authority, another fingerprint", plain(&identity), pinned);
        let pinned = Tls::new().ca_file(&other.file).pin(identity.fingerprint());
        let pinned = pinned.server_name("localhost");
        check("right fingerprint, another authority", plain(&identity), pinned);
        let asking = || config(&identity, Some(&authority), versions);
        check("we have no certificate", asking(), tls());
        let ours = folder.identity("client", year, Some(&other));
        let ours = tls().client_certificate(&ours.certificate, &ours.key);
        check("ours is of another authority", asking(), ours);
        let ours = folder.identity("client", (2001, 2002), by);
        let ours = tls().client_certificate(&ours.certificate, &ours.key);
        check("ours is expired", asking(), ours);
    }
}

#[test]
fn a_server_without_tls_gets_no_message() {
    let folder = Folder::new();
    let (authority, _) = good(&folder);
    let (server, address) = Server::tcp();
    let tls = Tls::new().ca_file(&authority.file);
    let mut sink = sink(address, tls).connect_timeout(Duration::from_millis(300)).build().unwrap();
    let failed = write(&mut sink, 0..10).unwrap_err();
    assert_eq!(failed.delivered, 0);
    let shown = failed.error.to_string();
    assert!(shown.contains("TLS handshake not done within 300ms"), "{shown}");
    drop(sink);
    for bytes in server.connections() {
        // A handshake record (22) of TLS and nothing else.
        assert_eq!(bytes.first(), Some(&22));
        assert!(!bytes.windows(6).any(|window| window == b"record"));
    }
}

#[test]
fn connections_dropped_at_any_byte_corrupt_and_lose_nothing() {
    let folder = Folder::new();
    let (_, identity) = good(&folder);
    let mut random = fastrand::Rng::with_seed(2);
    let plan: Vec<usize> = (0..60).map(|_| random.usize(1..30_000)).collect();
    let breaks = plan.len();
    let (server, address) = server(config(&identity, None, BOTH), plan);
    let sink = sink(address, Tls::new().pin(identity.fingerprint())).resend(16 << 20);
    let mut sink = sink.build().unwrap();
    let next = outlast(&mut sink, &server, breaks, &mut random);
    assert_eq!(sink.stats().confirmed(), next as u64);
}

#[test]
fn new_files_are_used_from_the_next_connection_on() {
    let folder = Folder::new();
    let (_, identity) = good(&folder);
    let (server, address) = server(config(&identity, None, BOTH), vec![]);
    let ca = folder.file("ca.pem", &fs::read_to_string(&identity.certificate).unwrap());
    let tls = Tls::new().ca_file(&ca).server_name("localhost").pin(identity.fingerprint());
    let mut sink = sink(address, tls).build().unwrap();
    let failed = loop {
        let failed = write(&mut sink, 0..1).unwrap_err();
        if !failed.error.to_string().ends_with("yet") {
            break failed;
        }
    };
    assert!(failed.error.to_string().contains("TLS"), "{}", failed.error);
    fs::copy(folder.folder.path().join("good.pem"), &ca).unwrap();
    write_all(&mut sink, 0..1);
    sink.flush().unwrap();
    fs::write(&ca, "none").unwrap();
    write(&mut sink, 1..2).unwrap();
    sink.command(SinkCommand::Reopen).unwrap();
    let failed = write(&mut sink, 2..3).unwrap_err();
    assert!(failed.error.to_string().contains("ca.pem"), "{}", failed.error);
    assert!(numbers(&server.messages()).into_iter().eq(0..2));
}

#[test]
fn files_that_can_not_be_used_are_refused() {
    let folder = Folder::new();
    let (authority, identity) = good(&folder);
    let other = folder.identity("x", (2020, 2100), None);
    let empty = folder.file("empty.pem", "");
    let missing = folder.folder.path().join("missing.pem");
    let check = |tls: Tls, part: &str| {
        let error = builder(Transport::tls("localhost", tls)).build().unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    };
    check(Tls::new().ca_file(&missing), "cannot read");
    check(Tls::new().ca_file(&empty), "holds no certificate");
    let ca = || Tls::new().ca_file(&authority.file);
    check(ca().pin("abc"), "no SHA-256 fingerprint");
    check(ca().server_name("a b"), "server name");
    check(ca().client_certificate(&identity.certificate, &missing), "missing.pem");
    check(ca().client_certificate(&empty, &identity.key), "empty.pem");
    check(ca().client_certificate(&identity.certificate, &other.key), "no usable key");
    let built = builder(Transport::tls("localhost", ca())).build();
    assert!(format!("{:?}", built.unwrap()).contains("tls localhost"));
}
