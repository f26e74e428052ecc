//! What an operator may set.

use super::*;

#[test]
fn the_settings_are_heeded() {
    let settings =
        settings("server = \"Apache/2.4.62 (Debian)\"\ntitle = \"A <b>\"\nlogin = \"/sso/in.php\"");
    let request = "GET /sso/in.php HTTP/1.1\r\nHost: a\r\n\r\n";
    let seen = play(&decky("debian-12", 7), &settings, [request], false);
    assert!(seen.head().contains("Server: Apache/2.4.62 (Debian)\r\nCache-Control: no-store"));
    assert!(seen.text().contains("<title>A &lt;b&gt;</title>"));
    assert!(seen.text().contains("action=\"/sso/in.php\""));
    assert_eq!(Settings::default(), self::settings(""));
}

#[test]
fn wrong_settings_are_refused_with_what_they_take() {
    for (toml, said) in [
        ("sever = \"x\"", "unknown field `sever`"),
        ("server = \"\"", "no server name"),
        ("server = \"a\\r\\nb\"", "no server name"),
        ("login = \"login\"", "no path of a login form"),
        ("login = \"/a b\"", "no path of a login form"),
        ("site = \"blog\"", "unknown variant `blog`"),
    ] {
        let error = toml::from_str::<Settings>(toml).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn settings_travel_between_our_processes() {
    let settings =
        settings("server = \"nginx\"\ntitle = \"t\"\nlogin = \"/l\"\nsite = \"welcome\"");
    let wire = postcard::to_allocvec(&settings).unwrap();
    assert_eq!(postcard::from_bytes::<Settings>(&wire).unwrap(), settings);
}
