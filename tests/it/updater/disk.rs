//! A node without systemd whose releases and state are on a disk of their own.

use super::alone::Alone;

impl Alone {
    /// One without any release, on a disk of its own of so many megabytes and files.
    pub(super) fn on_disk(megabytes: u32, files: u32) -> Self {
        let mut node = Self::make();
        let at = |name: &str| node.path(name).display().to_string();
        let (image, disk) = (at("image"), at("disk"));
        let mut line = format!(
            "set -e; truncate -s {megabytes}M {image}; mkfs.ext4 -q -m 0 -N {files} {image}
             mkdir {disk}; mount -o loop {image} {disk}"
        );
        for name in ["opt", "state"] {
            let place = at(name);
            line += &format!("\nmkdir {disk}/{name} {place}; mount --bind {disk}/{name} {place}");
        }
        node.shell.ok(&line);
        node
    }

    /// One on a disk that is small, with two releases of scripts.
    pub(super) fn on_small_disk() -> Self {
        let mut node = Self::on_disk(24, 512);
        node.begin();
        let second = node.next();
        let (said, status) = node.push(&second);
        assert_eq!(status, 200, "{said}\n{}", node.log());
        node
    }
}
