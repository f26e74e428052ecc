use proptest::prelude::*;

use super::*;

/// Every pair that OpenSSH offers.
const SUITES: &[(&str, &str)] = &[
    ("chacha20-poly1305@openssh.com", ""),
    ("aes128-gcm@openssh.com", ""),
    ("aes256-gcm@openssh.com", ""),
    ("aes128-ctr", "umac-64-etm@openssh.com"),
    ("aes192-ctr", "umac-128-etm@openssh.com"),
    ("aes256-ctr", "hmac-sha2-256-etm@openssh.com"),
    ("aes128-ctr", "hmac-sha2-512-etm@openssh.com"),
    ("aes128-ctr", "hmac-sha1-etm@openssh.com"),
    ("aes128-ctr", "umac-64@openssh.com"),
    ("aes192-ctr", "umac-128@openssh.com"),
    ("aes256-ctr", "hmac-sha2-256"),
    ("aes128-ctr", "hmac-sha2-512"),
    ("aes128-ctr", "hmac-sha1"),
];

fn protection(suite: (&str, &str)) -> Protection {
    let kind = CipherKind::named(suite.0).unwrap();
    let cipher = Cipher::new(kind, &vec![1; kind.key()], &vec![2; kind.iv()]);
    let mac = MacKind::named(suite.1).map(|kind| Mac::new(kind, &vec![3; kind.key()]));
    Protection { cipher, mac }
}

fn zeros(buffer: &mut [u8]) {
    buffer.fill(0);
}

fn sealed(sealer: &mut Sealer, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sealer.seal(payload, &mut zeros, &mut out);
    out
}

/// Opens all that is in `bytes`, given in pieces of `size`.
fn opened(opener: &mut Opener, bytes: &[u8], size: usize) -> Result<Vec<Packet>, Fault> {
    let (mut input, mut found) = (Input::default(), Vec::new());
    for piece in bytes.chunks(size) {
        input.push(piece);
        assert!(input.len() <= MAX_PACKET + 4 + 64 + size);
        while let Some(packet) = opener.open(&mut input)? {
            found.push(packet);
        }
    }
    Ok(found)
}

#[test]
fn every_suite_opens_what_it_sealed() {
    for suite in SUITES {
        let (mut sealer, mut opener) = (Sealer::default(), Opener::default());
        sealer.rekey(protection(*suite), true);
        opener.rekey(protection(*suite), true);
        let payloads = [vec![5], vec![6; 11], vec![7; 32_768], vec![8; 12]];
        let bytes: Vec<u8> =
            payloads.iter().flat_map(|payload| sealed(&mut sealer, payload)).collect();
        let packets = opened(&mut opener, &bytes, 1000).unwrap();
        let found: Vec<_> = packets.iter().map(|packet| packet.payload.clone()).collect();
        assert_eq!(found, payloads, "{suite:?}");
        assert_eq!(packets[3].seq, 3, "{suite:?}");
    }
}

#[test]
fn a_changed_bit_is_noticed_by_every_suite() {
    for suite in SUITES {
        let mut sealer = Sealer::default();
        sealer.rekey(protection(*suite), true);
        let bytes = sealed(&mut sealer, b"\x05payload");
        // Behind the length: one that is changed is caught by its own checks, or waits for more.
        for at in 4..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            let mut opener = Opener::default();
            opener.rekey(protection(*suite), true);
            let found = opened(&mut opener, &bytes, 1000);
            assert_eq!(found, Err(Fault::Drop), "{suite:?} at {at}");
        }
    }
}

#[test]
fn plain_packets_are_padded_with_the_fewest_zeros_that_fit() {
    let table: &[(usize, u8)] = &[(1, 10), (5, 6), (7, 4), (8, 11), (1120, 11)];
    for (length, padding) in table {
        let bytes = sealed(&mut Sealer::default(), &vec![1; *length]);
        assert_eq!(bytes[4], *padding, "{length}");
        assert_eq!(bytes.len() % 8, 0);
        assert!(bytes.iter().skip(5 + length).all(|byte| *byte == 0));
    }
}

/// What a Debian 12 sshd does with the same bytes.
#[test]
fn what_is_wrong_with_a_plain_packet_is_found_as_openssh_finds_it() {
    let said = |padding| Fault::Disconnect(format!("Corrupted padlen {padding} on input."));
    let table: &[(&str, u32, u8, Result<usize, Fault>)] = &[
        ("no length", 0, 0, Err(Fault::Drop)),
        ("length 4", 4, 4, Err(Fault::Drop)),
        ("length 5", 5, 4, Err(Fault::Drop)),
        ("not a multiple", 13, 4, Err(Fault::Drop)),
        ("padding 3", 12, 3, Err(said(3))),
        ("padding 4", 12, 4, Ok(1)),
        ("all padding", 12, 11, Err(Fault::Drop)),
        ("more padding than packet", 12, 12, Err(Fault::Drop)),
        ("far more padding than packet", 12, 200, Err(Fault::Drop)),
        ("not a multiple, huge", 262_144, 4, Err(Fault::Drop)),
        ("more than we hold", 35_004, 4, Ok(0)),
        ("the most it waits for", 262_140, 4, Ok(0)),
        ("one more", 262_145, 4, Err(Fault::Drop)),
        ("all ones", u32::MAX, 4, Err(Fault::Drop)),
    ];
    for (what, length, padding, expected) in table {
        let bytes = [&length.to_be_bytes()[..], &[*padding, 2], &[0; 10]].concat();
        let found = opened(&mut Opener::default(), &bytes, 1000).map(|packets| packets.len());
        assert_eq!(found, *expected, "{what}");
    }
}

#[test]
fn a_packet_that_is_too_long_is_swallowed_and_then_refused() {
    let mut bytes = 262_140_u32.to_be_bytes().to_vec();
    bytes.resize(4 + 262_140, 4);
    let most = bytes.len() - 1;
    assert_eq!(opened(&mut Opener::default(), &bytes[..most], 4096), Ok(Vec::new()));
    assert_eq!(opened(&mut Opener::default(), &bytes, 4096), Err(Fault::Drop));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        size in 1_usize..300,
        suite in 0..=SUITES.len(),
        length in proptest::option::of(0_u32..600),
    ) {
        let mut opener = Opener::default();
        if let Some(suite) = SUITES.get(suite) {
            opener.rekey(protection(*suite), true);
        }
        // Often a length that is not thrown out at once.
        let head = length.map(u32::to_be_bytes).map(|head| head.to_vec()).unwrap_or_default();
        drop(opened(&mut opener, &[head, bytes].concat(), size));
    }
}
