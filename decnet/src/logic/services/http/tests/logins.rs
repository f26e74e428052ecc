//! Logins are taken in whatever form they come.

use super::*;

#[test]
fn a_login_is_taken_from_every_form_it_comes_in() {
    let parts = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nroot\r\n--b\r\n\
                 Content-Disposition: form-data; name=\"passwd\"\r\n\r\np&1\r\n--b--\r\n";
    for (kind, body, user, password, via) in [
        (
            "application/x-www-form-urlencoded",
            "user=admin&password=a%26b+c",
            "admin",
            "a&b c",
            "form",
        ),
        ("application/x-www-form-urlencoded", "log=wp&pwd=&wp-submit=Log+In", "wp", "", "form"),
        ("", "email=a%40b.c&pass=x", "a@b.c", "x", "form"),
        (
            "application/x-www-form-urlencoded",
            "ctl00%24txtUserName=u&ctl00%24txtPassword=p",
            "u",
            "p",
            "form",
        ),
        (
            "application/x-www-form-urlencoded",
            "user[login]=u&user[password]=%zz",
            "u",
            "%zz",
            "form",
        ),
        ("application/json", "{\"username\":\"a\",\"password\":\"b\"}", "a", "b", "json"),
        ("application/json", "{\"auth\":{\"user\":\"a\",\"pwd\":1}}", "a", "1", "json"),
        ("multipart/form-data; boundary=b", parts, "root", "p&1", "multipart"),
    ] {
        let seen = post(kind, body);
        let wanted = (user.to_owned(), password.to_owned(), via.to_owned());
        assert_eq!(seen.logins(), [wanted], "{body}");
        assert!(seen.text().contains("Invalid user name or password."), "{body}");
        assert_eq!(seen.statuses(), [200]);
    }
    for body in ["user=a", "{\"password\":", "[[[[[[[[{\"password\":\"x\"}]]]]]]]]", "&&&===&"] {
        assert_eq!(post("application/json", body).logins(), [], "{body}");
        assert_eq!(post("", body).logins(), [], "{body}");
    }
}

#[test]
fn a_login_is_taken_from_a_query_and_from_basic_authorization() {
    for (line, user, password, via) in [
        ("GET /x?user=a&pass=b HTTP/1.1\r\n", "a", "b", "query"),
        ("GET /admin/ HTTP/1.1\r\nAuthorization: Basic YWRtaW46YTpi\r\n", "admin", "a:b", "basic"),
        ("GET / HTTP/1.1\r\nAuthorization: basic YWRtaW4\r\n", "admin", "", "basic"),
    ] {
        let seen = ask("ubuntu-24.04", &format!("{line}Host: a\r\n\r\n"));
        assert_eq!(seen.logins(), [(user.to_owned(), password.to_owned(), via.to_owned())]);
        assert_eq!(
            seen.of(Kind::AuthAttempt)[0].data.text("target").unwrap().chars().next(),
            Some('/')
        );
    }
}

#[test]
fn a_guarded_folder_asks_for_a_password() {
    for (persona, realm) in [("debian-12", "Restricted"), ("windows-10", "FILES01")] {
        let seen = ask(persona, "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(seen.head().contains(&format!("WWW-Authenticate: Basic realm=\"{realm}\"")));
        assert_eq!(seen.statuses(), [401]);
    }
}
