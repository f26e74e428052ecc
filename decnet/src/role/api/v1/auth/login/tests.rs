use axum::http::HeaderMap;

use super::source;
use crate::edge::http::Peer;

#[test]
fn a_login_counts_for_the_browser_when_our_own_web_says_so() {
    let table = [
        ("192.0.2.7:1", None, "192.0.2.7"),
        ("192.0.2.7:1", Some("10.0.0.1"), "192.0.2.7"),
        ("127.0.0.1:1", Some("10.0.0.1"), "10.0.0.1"),
        ("127.0.0.1:1", Some("10.0.0.1, 10.0.0.2"), "127.0.0.1"),
        ("127.0.0.1:1", None, "127.0.0.1"),
        ("[::1]:1", Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::"),
        ("[2001:db8:1:2::9]:1", None, "2001:db8:1:2::"),
        ("[::ffff:192.0.2.7]:1", None, "192.0.2.7"),
    ];
    for (peer, said, expected) in table {
        let mut headers = HeaderMap::new();
        if let Some(said) = said {
            headers.insert("x-forwarded-for", said.parse().unwrap());
        }
        let found = source(Some(Peer(peer.parse().unwrap())), &headers);
        assert_eq!(found.ip().to_string(), expected, "{peer} {said:?}");
    }
}
