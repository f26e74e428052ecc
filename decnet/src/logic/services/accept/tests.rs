use super::*;

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Settings {
    accept: Accept,
}

fn listed(logins: &[(&str, &str)]) -> Accept {
    let login = |(user, password): &(&str, &str)| Login {
        user: (*user).to_owned(),
        password: (*password).to_owned(),
    };
    Accept::Listed(logins.iter().map(login).collect())
}

#[test]
fn each_rule_lets_in_whom_it_names() {
    let list = listed(&[("root", "a:b"), ("guest", "")]);
    for (accept, user, password, welcome) in [
        (&Accept::Any, "root", "x", true),
        (&Accept::Any, "root", "", false),
        (&Accept::None, "root", "x", false),
        (&list, "root", "a:b", true),
        (&list, "root", "a", false),
        (&list, "Root", "a:b", false),
        (&list, "guest", "", true),
        (&list, "guest", "x", false),
    ] {
        let wanted = if welcome { Outcome::Success } else { Outcome::Failure };
        assert_eq!(accept.verdict(user, password), wanted, "{accept:?} {user} {password}");
    }
}

#[test]
fn every_form_is_read_and_written_back() {
    for (text, accept) in [
        ("accept = \"any\"\n", Accept::Any),
        ("accept = \"none\"\n", Accept::None),
        ("accept = [\"root:a:b\", \"guest:\"]\n", listed(&[("root", "a:b"), ("guest", "")])),
        ("accept = []\n", listed(&[])),
    ] {
        let read: Settings = toml::from_str(text).unwrap();
        assert_eq!(read.accept, accept);
        assert_eq!(toml::to_string(&read).unwrap(), text);
        let wire = postcard::to_allocvec(&accept).unwrap();
        assert_eq!(postcard::from_bytes::<Accept>(&wire).unwrap(), accept);
    }
}

#[test]
fn another_form_is_refused_with_what_it_takes() {
    for text in ["accept = \"all\"", "accept = 3", "accept = [\"root\"]", "accept = true"] {
        let error = toml::from_str::<Settings>(text).unwrap_err().to_string();
        assert!(error.contains("takes \"any\", \"none\" or a list"), "{error}");
    }
}
