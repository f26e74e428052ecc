//! Certificates as files, and curl with them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use decnet::edge::pki::{Authority, Wish};
use decnet::logic::time::Timestamp;
use decnet::logic::trust::{CertRole, Fingerprint, NodeName};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use crate::world::Machine;

/// The authority's certificate, one of somebody's and its key: `ca.crt`, `worker.crt` and
/// `worker.key` in a directory.
#[derive(Clone, Debug)]
pub struct Papers {
    dir: PathBuf,
}

impl Papers {
    /// Those that are in `dir`.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Has some made at `when` for this node, which is reached at `address`.
    pub fn issue(
        dir: impl Into<PathBuf>,
        authority: &Authority,
        (name, address): (&str, IpAddr),
        role: CertRole,
        when: Timestamp,
    ) -> Self {
        let host: NodeName = name.parse().expect("a name");
        let wish = Wish { host: &host, role, addresses: &[address], names: &[] };
        let issued = authority.issue(&wish, when).expect("a plain wish");
        let papers = Self::at(dir);
        std::fs::create_dir_all(&papers.dir).expect("the directory is ours");
        for (name, text) in [
            ("ca.crt", authority.cert_pem()),
            ("worker.crt", &issued.certified.cert_pem),
            ("worker.key", &issued.key_pem),
        ] {
            std::fs::write(papers.dir.join(name), text).expect("the directory is ours");
        }
        papers
    }

    /// Has those of the node `node-1` and of its master made: `agent`, `updater` and `master` in
    /// `dir`.
    pub fn issue_fleet(dir: &Path, authority: &Authority) {
        let host = ("node-1", IpAddr::from([127, 0, 0, 1]));
        for (name, role) in [
            ("agent", CertRole::Agent),
            ("updater", CertRole::Updater),
            ("master", CertRole::Master),
        ] {
            Self::issue(dir.join(name), authority, host, role, decnet::edge::clock::now());
        }
    }

    /// Makes some without any authority.
    pub fn self_signed(
        dir: impl Into<PathBuf>,
        (name, address): (&str, IpAddr),
        role: CertRole,
    ) -> Self {
        let papers = Self::at(dir);
        std::fs::create_dir_all(&papers.dir).expect("the directory is ours");
        let names = format!("subjectAltName=URI:{},DNS:{name},IP:{address}", role.uri());
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        command.args(["-nodes", "-subj", &format!("/CN={name}"), "-addext", &names]);
        command.args(["-out", &papers.cert(), "-keyout", &papers.key()]);
        let made = command.output().expect("openssl is installed");
        assert!(made.status.success(), "{made:?}");
        papers
    }

    /// Which certificate it is.
    pub fn fingerprint(&self) -> Fingerprint {
        let pem = std::fs::read(self.cert()).expect("it was issued");
        let der = CertificateDer::from_pem_slice(&pem).expect("it was issued");
        Fingerprint::of(&der)
    }

    /// Where the authority's certificate is.
    pub fn ca(&self) -> String {
        self.file("ca.crt")
    }

    /// Where the certificate is.
    pub fn cert(&self) -> String {
        self.file("worker.crt")
    }

    /// Where its key is.
    pub fn key(&self) -> String {
        self.file("worker.key")
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Asks over HTTP and TLS as their holder, by curl with more arguments.
    pub fn ask(&self, from: &Machine, url: &str, more: &[&str]) -> Output {
        let (ca, cert, key) = (self.ca(), self.cert(), self.key());
        let line = ["curl", "-sS", "-m", "30", "-w", "\n%{http_code}", url];
        let papers = ["--cacert", &ca, "--cert", &cert, "--key", &key];
        from.run(&[&line[..], &papers, more].concat())
    }

    /// Asks with a body, if there is one: the answer and its status.
    pub fn told(&self, from: &Machine, url: &str, body: Option<&Value>) -> (Value, u16) {
        let body = body.map(Value::to_string);
        let json = ["-H", "content-type: application/json", "-d"];
        let more = body.iter().flat_map(|body| json.into_iter().chain([body.as_str()]));
        let output = self.ask(from, url, &more.collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (json, status) = text.rsplit_once('\n').unwrap_or_default();
        let json = serde_json::from_str(json);
        (json.unwrap_or_else(|_| panic!("{output:?}")), status.parse().expect("a status"))
    }
}

/// The authority in this directory, made when it is not there.
pub fn authority(dir: &Path) -> Authority {
    Authority::open_or_make(dir, decnet::edge::clock::now()).expect("the directory is ours")
}
