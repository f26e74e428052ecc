use super::{HOUR, scratch};
use crate::edge::store::{Role, User};
use crate::logic::time::Timestamp;

const NOW: Timestamp = Timestamp(HOUR);

fn user(name: &str, role: Role) -> User {
    User { name: name.into(), role, password: "hash".into(), must_change: true, changed: NOW }
}

fn later(seconds: u64) -> Timestamp {
    Timestamp(HOUR + seconds * 1_000_000_000)
}

#[test]
fn a_user_is_kept_as_it_is() {
    let (_dir, store) = scratch();
    let (admin, viewer) = (user("admin", Role::Admin), user("eve", Role::Viewer));
    assert!(store.add_user(&viewer).unwrap() && store.add_user(&admin).unwrap());
    assert!(!store.add_user(&User { role: Role::Admin, ..viewer.clone() }).unwrap());
    assert_eq!(store.users().unwrap(), [admin, viewer.clone()]);
    assert_eq!(store.user("eve").unwrap(), Some(viewer));
    assert_eq!(store.user("eve' OR ''='").unwrap(), None);
}

#[test]
fn the_last_admin_stays_admin() {
    let (_dir, mut store) = scratch();
    store.add_user(&user("admin", Role::Admin)).unwrap();
    store.add_user(&user("eve", Role::Viewer)).unwrap();
    assert!(!store.save_user(&user("admin", Role::Viewer)).unwrap());
    assert!(!store.remove_user("admin").unwrap());
    assert!(store.save_user(&user("eve", Role::Admin)).unwrap());
    assert!(store.remove_user("admin").unwrap());
    assert!(!store.remove_user("eve").unwrap());
    assert!(!store.remove_user("nobody").unwrap());
    assert_eq!(store.users().unwrap(), [user("eve", Role::Admin)]);
}

#[test]
fn a_token_is_in_force_until_it_expires_or_is_removed() {
    let (_dir, mut store) = scratch();
    store.add_user(&user("eve", Role::Viewer)).unwrap();
    store.add_token("a", "eve", NOW, later(10)).unwrap();
    let found = store.token_user("a", later(9)).unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.role, found.must_change), ("eve", Role::Viewer, true));
    assert_eq!(store.token_user("a", later(10)).unwrap(), None);
    assert_eq!(store.token_user("b", NOW).unwrap(), None);
    store.remove_token("a").unwrap();
    assert_eq!(store.token_user("a", NOW).unwrap(), None);
}

#[test]
fn a_change_of_a_user_ends_their_logins_and_nobody_elses() {
    let (_dir, mut store) = scratch();
    for name in ["eve", "bob", "admin"] {
        store.add_user(&user(name, Role::Admin)).unwrap();
        store.add_token(&format!("{name}-1"), name, NOW, later(10)).unwrap();
        store.add_token(&format!("{name}-2"), name, NOW, later(10)).unwrap();
    }
    let alive =
        |store: &crate::edge::store::Store, id| store.token_user(id, NOW).unwrap().is_some();
    store.save_user(&user("eve", Role::Viewer)).unwrap();
    assert!(!alive(&store, "eve-1") && !alive(&store, "eve-2") && alive(&store, "bob-1"));
    store.remove_user("bob").unwrap();
    store.add_user(&user("bob", Role::Admin)).unwrap();
    assert!(!alive(&store, "bob-1") && alive(&store, "admin-2"));
}

#[test]
fn a_user_has_a_limited_number_of_logins() {
    let (_dir, mut store) = scratch();
    store.add_user(&user("eve", Role::Viewer)).unwrap();
    for number in 0..40 {
        store.add_token(&format!("t{number}"), "eve", NOW, later(10 + number)).unwrap();
    }
    let alive = (0..40).filter(|n| store.token_user(&format!("t{n}"), NOW).unwrap().is_some());
    assert_eq!(alive.collect::<Vec<_>>(), (8..40).collect::<Vec<_>>());
}

#[test]
fn expired_tokens_are_forgotten() {
    let (_dir, mut store) = scratch();
    store.add_user(&user("eve", Role::Viewer)).unwrap();
    store.add_token("old", "eve", NOW, later(1)).unwrap();
    store.add_token("new", "eve", later(2), later(9)).unwrap();
    let count = "SELECT count(*) FROM tokens";
    assert_eq!(store.db.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}
