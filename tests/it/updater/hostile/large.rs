//! How much memory the updater takes for a bundle that is larger than it may ever hold.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::thread;

use decnet::edge::files;
use decnet::logic::release::bundle::{END, header};
use decnet::logic::release::{FilePath, Manifest, Mode};
use decnet_tests::forged::{FILES, Forge, head, manifest, part, release};
use decnet_tests::pushes::{Sender, closing, of_file, opening, request};

use super::NODE;
use decnet_tests::node::Node;

/// Bytes of the file that makes it large: a whole number of blocks, all zeros.
const LARGE: u64 = 500 * 1024 * 1024;
/// Most memory in KiB that an updater may take beside its program: of the 32 MiB that it may have
/// in all, the rest is for the program, which is far larger here than one that is released.
const MOST: u64 = 8 * 1024;

/// A bundle that may be installed, and whose program then says that it does not run here: all of
/// it is received, unpacked and read again. Most of it is a hole on this disk.
fn bundle(node: &Node) -> PathBuf {
    let shop = node.shop.path();
    let forge = Forge::at(shop);
    let hole = File::create_new(shop.join("hole")).expect("it is ours");
    hole.set_len(LARGE).expect("it is ours");
    let hole = File::open(shop.join("hole")).expect("it was made");
    let large = decnet::logic::release::File {
        path: FilePath::parse("share/large").expect("it is a path"),
        size: LARGE,
        mode: Mode::Plain,
        sha256: files::digest(hole).expect("it can be read"),
    };
    let mut wanted: Manifest = manifest(6);
    wanted.files.truncate(1);
    wanted.files.push(large);
    let release = release(wanted);
    let path = shop.join("large.tar");
    let mut file = File::create_new(&path).expect("it is ours");
    let envelope = forge.signed(release.bytes(), &[0, 1]);
    let [(name, bytes, mode), ..] = FILES;
    let begin = [head(release.bytes(), &envelope), part(name, bytes, mode)].concat();
    file.write_all(&begin).expect("it is ours");
    let block = header("share/large", LARGE, Mode::Plain).expect("the name is short");
    file.write_all(&block).expect("it is ours");
    file.seek(SeekFrom::Current(LARGE.cast_signed())).expect("it is a file");
    file.write_all(&END).expect("it is ours");
    fs::remove_file(shop.join("hole")).expect("it is ours");
    path
}

#[test]
fn a_bundle_of_half_a_gigabyte_takes_little_memory() {
    let mut node = Node::boot();
    let path = bundle(&node);
    let sum = files::digest(File::open(&path).expect("it was made")).expect("it can be read");
    let before = node.releases();
    let master = || Sender::new(&node.shop.path().join("master"), node.machine.visitor(), NODE);
    let (sender, asker) = (master(), master());
    let pushed = thread::spawn(move || {
        let begin = opening(&[("sha256", sum.to_string().as_bytes()), ("tarball", b"")]);
        sender.send(request("update", of_file(begin, &path, closing())))
    });
    let (mut answers, mut slowest) = (0_u32, std::time::Duration::ZERO);
    while !pushed.is_finished() {
        let begun = std::time::Instant::now();
        let health = axum::http::Request::get("/health").body(axum::body::Body::empty());
        let (said, status) = asker.send(health.expect("a plain request"));
        assert_eq!((status, &said["status"]), (200, &"ok".into()), "{said}");
        slowest = slowest.max(begun.elapsed());
        answers += 1;
    }
    let (said, status) = pushed.join().expect("it does not panic");
    let error = said["detail"]["error"].as_str().unwrap_or_default();
    assert!(status == 422 && error.contains("its self-check failed"), "{status} {said}");
    assert!(answers > 1, "nobody could ask meanwhile");
    let status = "cat /proc/$(systemctl show -p MainPID --value decnet-updater)/status";
    let status = node.machine.ok(status);
    let kibibytes = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it is there");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    // The program is mapped from a tmpfs, which counts as shared; none of it has gone since.
    let (peak, program) = (kibibytes("VmHWM:"), kibibytes("RssFile:") + kibibytes("RssShmem:"));
    eprintln!(
        "{peak} KiB at most, {program} of them the program; {answers} answers, the slowest after \
         {slowest:?}"
    );
    assert!(peak - program <= MOST, "{status}");
    assert_eq!(node.releases(), before);
    node.runs(&node.first.clone());
}
