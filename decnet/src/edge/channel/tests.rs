//! Messages arrive whole, with their descriptors, or not at all.

use std::io::{Read as _, Seek as _, Write as _};

use super::*;

#[test]
fn a_message_arrives_with_its_descriptors() {
    let (ours, theirs) = Channel::pair().expect("descriptors are left");
    let mut file = std::fs::File::from(
        nix::sys::memfd::memfd_create("test", nix::sys::memfd::MFdFlags::empty()).expect("memory"),
    );
    file.write_all(b"inside").expect("memory");
    ours.send(b"hello", &[file.as_fd(), file.as_fd()], Wait::Yes).expect("room");
    ours.send(b"world", &[], Wait::Yes).expect("room");
    let first = theirs.receive(Wait::Yes).expect("it came");
    assert_eq!((first.bytes.as_slice(), first.fds.len()), (&b"hello"[..], 2));
    let mut copy = std::fs::File::from(first.fds.into_iter().next().expect("two came"));
    let mut text = String::new();
    copy.rewind().expect("it is a file");
    copy.read_to_string(&mut text).expect("it is a file");
    assert_eq!(text, "inside");
    let second = theirs.receive(Wait::Yes).expect("it came");
    assert_eq!((second.bytes.as_slice(), second.fds.len()), (&b"world"[..], 0));
    assert!(matches!(theirs.receive(Wait::No), Err(ChannelError::NotReady)));
}

#[test]
fn a_full_channel_says_so_and_loses_nothing() {
    let (ours, theirs) = Channel::pair().expect("descriptors are left");
    let message = vec![7; MAX_MESSAGE];
    let mut sent = 0;
    while ours.send(&message, &[], Wait::No).is_ok() {
        sent += 1;
        assert!(sent < 10_000, "it never fills");
    }
    assert!(matches!(ours.send(&message, &[], Wait::No), Err(ChannelError::NotReady)));
    for _ in 0..sent {
        assert_eq!(theirs.receive(Wait::No).expect("it was sent").bytes.len(), MAX_MESSAGE);
    }
    assert!(matches!(theirs.receive(Wait::No), Err(ChannelError::NotReady)));
}

#[test]
fn a_message_that_is_too_long_is_not_taken_for_a_whole_one() {
    let (ours, theirs) = Channel::pair().expect("descriptors are left");
    ours.send(&vec![7; MAX_MESSAGE + 1], &[], Wait::Yes).expect("room");
    assert!(matches!(theirs.receive(Wait::Yes), Err(ChannelError::Truncated)));
}

#[test]
fn the_end_of_the_other_is_noticed() {
    let (ours, theirs) = Channel::pair().expect("descriptors are left");
    drop(theirs);
    assert!(matches!(ours.send(b"x", &[], Wait::Yes), Err(ChannelError::Closed)));
    assert!(matches!(ours.receive(Wait::Yes), Err(ChannelError::Closed)));
}
