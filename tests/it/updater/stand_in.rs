//! An agent that does nothing but answer, for tests that start hundreds of them. It is a role of
//! this very program, which a release's script becomes.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decnet::edge::files;
use decnet::edge::pki::{Identity, server_config};
use decnet::logic::release::{Digest, MANIFEST};
use decnet::logic::trust::CertRole;
use nix::fcntl::{Flock, FlockArg};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

/// Where its directories are.
const DIR: &str = "DECNET_STAND_IN_DIR";
/// Whether it says that it is another release than it is.
const LIES: &str = "DECNET_STAND_IN_LIES";
/// Which release it is of.
const TREE: &str = "DECNET_STAND_IN_TREE";

/// The same that does something first, and then says that it is another release.
pub(super) fn liar(dir: &Path, first: &str) -> String {
    script(dir).replace("exec -a decnet", &format!("( {first} )\nexport {LIES}=1\nexec -a decnet"))
}

/// The script of a release whose agent it is. Its first words are those of any agent.
pub(super) fn script(dir: &Path) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!(
        "#!/bin/bash\n\
         cd -P \"${{0%/*}}/..\"\n\
         [ $1 = selfcheck ] && exec sh -c 'sha256sum release.json | cut -c 1-64'\n\
         [ $1 = agent ] || exit 2\n\
         export {TREE}=\"$PWD\" {DIR}='{}'\n\
         exec -a decnet '{}' agent --exact --ignored --nocapture updater::stand_in::stands_in\n",
        dir.display(),
        program.display()
    )
}

#[test]
#[ignore = "it is a program that other tests start"]
fn stands_in() {
    let path = |name| PathBuf::from(std::env::var_os(name).expect("a release has started it"));
    let (tree, dir) = (path(TREE), path(DIR));
    let manifest = File::open(tree.join(MANIFEST)).expect("it was started from a release");
    let in_use = Flock::lock(manifest, FlockArg::LockSharedNonblock).expect("it may be read");
    let release = files::digest(&*in_use).expect("it may be read");
    let release = if std::env::var_os(LIES).is_some() { Digest::of(b"lie") } else { release };
    files::make_dir(&dir.join("run/agent")).expect("the directory is ours");
    let lock = files::lock(&dir.join("run/agent/agent.lock")).expect("the directory is ours");
    let _held = lock.expect("there is no other agent");
    let identity = Identity::read(&dir.join("etc/agent"), "worker", "none");
    let identity = identity.expect("it was issued");
    let config = server_config(&identity, Arc::new(Anyone)).expect("TLS takes it");
    let config = Arc::new(config);
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/uuid").expect("Linux has it");
    let pid = std::process::id();
    let body =
        json!({ "release": release.to_string(), "pid": pid, "boot_id": boot.trim() }).to_string();
    let listener = TcpListener::bind(("127.0.0.1", 8765)).expect("the agent before has ended");
    for stream in listener.incoming().flatten() {
        // Whoever breaks off asks again.
        drop(answer(stream, config.clone(), &body));
    }
}

/// Answers one request, whatever it is.
fn answer(stream: TcpStream, config: Arc<ServerConfig>, body: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(3)))?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Lets in whoever is of the fleet.
#[derive(Debug)]
struct Anyone;

impl decnet::edge::pki::Authorize for Anyone {
    fn authorizes(&self, caller: &decnet::logic::trust::Caller) -> bool {
        matches!(caller.role, CertRole::Master | CertRole::Updater)
    }
}
