//! What is put in stays, in order, until it is not wanted.

use std::os::fd::AsRawFd as _;

use super::*;

fn fill(vault: &Vault, words: &[&str]) {
    words.iter().for_each(|word| vault.put(word.as_bytes(), &[]).expect("room"));
}

/// What is in it, all of which stays.
fn words(vault: &Vault) -> Vec<String> {
    let mut words = Vec::new();
    let sifted = vault.sift(|message| {
        words.push(String::from_utf8(message.bytes.clone()).expect("text"));
        Keep::Yes(message)
    });
    sifted.expect("it is whole");
    words
}

#[test]
fn what_stays_keeps_its_order_however_often_it_is_looked_at() {
    let vault = Vault::make().expect("descriptors are left");
    fill(&vault, &["a", "b", "c"]);
    assert_eq!(words(&vault), ["a", "b", "c"]);
    assert_eq!(words(&vault), ["a", "b", "c"]);
}

#[test]
fn what_is_not_wanted_goes_and_lets_its_descriptors_go() {
    let vault = Vault::make().expect("descriptors are left");
    let (read, write) = std::io::pipe().expect("descriptors are left");
    vault.put(b"pipe", &[write.as_fd()]).expect("room");
    drop(write);
    fill(&vault, &["a"]);
    let unwanted = |message: Message| {
        if message.bytes == b"pipe" { Keep::No } else { Keep::Yes(message) }
    };
    assert_eq!(vault.sift(unwanted).expect("it is whole"), 0);
    assert_eq!(words(&vault), ["a"]);
    // Nobody can write to it any more.
    assert_eq!(std::io::read_to_string(read).expect("a pipe"), "");
}

#[test]
fn descriptors_come_out_again_as_often_as_asked() {
    let vault = Vault::make().expect("descriptors are left");
    let (read, write) = std::io::pipe().expect("descriptors are left");
    vault.put(b"pipe", &[write.as_fd()]).expect("room");
    drop(write);
    for _ in 0..3 {
        let sifted = vault.sift(|message| {
            assert!(message.fds[0].as_raw_fd() > 2);
            Keep::Yes(message)
        });
        sifted.expect("it is whole");
    }
    drop(vault);
    assert_eq!(std::io::read_to_string(read).expect("a pipe"), "");
}

/// Whoever is killed in the middle leaves a mark, and perhaps a message twice.
#[test]
fn a_mark_of_before_is_not_the_end() {
    let vault = Vault::make().expect("descriptors are left");
    fill(&vault, &["a"]);
    vault.put(&[&MARK[..], &[0; 16]].concat(), &[]).expect("room");
    fill(&vault, &["b"]);
    assert_eq!(words(&vault), ["a", "b"]);
}

#[test]
fn what_is_no_message_is_thrown_away() {
    let vault = Vault::make().expect("descriptors are left");
    fill(&vault, &["a", "", "b"]);
    vault.put(&vec![7; crate::logic::wire::MAX_MESSAGE + 1], &[]).expect("room");
    fill(&vault, &["c"]);
    let mut seen = Vec::new();
    let broken = vault.sift(|message| {
        seen.push(message.bytes.clone());
        Keep::Yes(message)
    });
    assert_eq!(broken.expect("it is whole"), 2);
    assert_eq!(seen, [b"a", b"b", b"c"]);
}

#[test]
fn ends_that_do_not_belong_together_are_found_out() {
    let [one, other] = [(); 2].map(|()| Vault::make().expect("descriptors are left"));
    fill(&other, &["a"]);
    let mixed = Vault { mouth: one.mouth, tap: other.tap };
    assert!(mixed.sift(Keep::Yes).is_err());
}

#[test]
fn other_descriptors_are_no_ends() {
    let (read, write) = std::io::pipe().expect("descriptors are left");
    assert!(Vault::of_ends(read.into(), write.into()).is_none());
    let (a, b) = std::os::unix::net::UnixStream::pair().expect("descriptors are left");
    assert!(Vault::of_ends(a.into(), b.into()).is_none());
}
