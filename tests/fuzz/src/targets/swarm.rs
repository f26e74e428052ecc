//! Certificates that somebody shows, nodes that somebody wants to enrol, and what nodes, operators
//! and the master say to each other.

use decnet::edge::pki;
use decnet::logic::swarm::{Enroll, Join, JoinToken, MasterUrl, NodeReport, Order, TokenWish};

pub(crate) fn run(data: &[u8]) {
    if let Some(caller) = pki::caller(data) {
        // Whatever the name says, it is text of a bounded length.
        assert!(caller.name.len() <= data.len());
    }
    said(data);
    let Ok(wish) = serde_json::from_slice::<Enroll>(data) else { return };
    match wish.check() {
        Ok(checked) => {
            assert_eq!(checked.name.as_str(), wish.name);
            assert_eq!(checked.addresses.len() + checked.names.len(), 1 + wish.sans.len());
        }
        Err(error) => assert!(error.to_string().len() < 400, "{error}"),
    }
}

/// What nodes, operators and the master say to each other.
fn said(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(url) = text.parse::<MasterUrl>() {
            assert_eq!(url.to_string().parse(), Ok(url));
        }
        if let Ok(token) = text.parse::<JoinToken>() {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
        // A signing request is read only after its token, and is somebody else's all the same.
        drop(pki::requested_key(text));
    }
    drop(serde_json::from_slice::<Join>(data));
    if let Ok(wish) = serde_json::from_slice::<TokenWish>(data) {
        drop(wish.check());
    }
    if let Ok(order) = serde_json::from_slice::<Order>(data) {
        drop(order.check());
    }
    if let Ok(report) = serde_json::from_slice::<NodeReport>(data) {
        let again = serde_json::to_vec(&report).expect("it is JSON");
        assert_eq!(serde_json::from_slice::<NodeReport>(&again).ok(), Some(report));
    }
}
