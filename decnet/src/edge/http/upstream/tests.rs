use super::{BadUrl, Upstream};

#[test]
fn an_address_is_plain_http_without_a_path() {
    let good = [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", true),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000", true),
        ("http://[::1]:8000", "http://[::1]:8000", true),
        ("http://localhost", "http://localhost", true),
        ("http://master.example:8000", "http://master.example:8000", false),
    ];
    for (text, shown, local) in good {
        let upstream: Upstream = text.parse().unwrap();
        assert_eq!((upstream.to_string().as_str(), upstream.is_local()), (shown, local));
    }
    let bad =
        ["", "127.0.0.1:8000", "https://a:1", "http://a/b", "http://a?b", "http://u@a", "ftp://a"];
    for text in bad {
        assert_eq!(text.parse::<Upstream>(), Err(BadUrl(text.to_owned())));
    }
}
