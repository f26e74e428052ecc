use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};

use super::{begin, bound, cease};

#[test]
fn a_bound_socket_refuses_until_it_begins_and_again_when_it_has_ceased() {
    // Only a port that was asked for by number stays bound.
    let port = TcpListener::from(bound(0).unwrap()).local_addr().unwrap().port();
    let listener = TcpListener::from(bound(port).unwrap());
    for ip in ["127.0.0.1", "::1"] {
        let connect = || TcpStream::connect((ip, port));
        let refused = || connect().unwrap_err().kind() == ErrorKind::ConnectionRefused;
        assert!(refused());
        begin(&listener).unwrap();
        let visitor = connect().unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer.port(), visitor.local_addr().unwrap().port());
        let late = connect().unwrap();
        cease(&listener).unwrap();
        assert!(refused());
        assert_eq!(late.take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionReset);
    }
}
