use std::os::unix::fs::PermissionsExt as _;

use axum::http::StatusCode;
use serde_json::json;

use super::{Bench, PASSWORD};
use crate::edge::store::Role;
use crate::role::api::first_login::{offer, path};
use crate::role::api::{first_login, renew_first_login};

#[tokio::test]
async fn the_first_login_is_made_once_and_works() {
    let mut bench = Bench::new();
    let (name, password) = first_login(&bench.store).unwrap().unwrap();
    assert_eq!((name.as_str(), password.len()), ("admin", 19));
    let token = bench.log_in(&name, &password).await;
    let (status, answer) = bench.get("/api/v1/stats", &token).await;
    assert_eq!((status.as_u16(), &answer["code"]), (403, &json!("password_change_required")));
    assert_eq!(first_login(&bench.store).unwrap(), None);
    let (_, renewed) = renew_first_login(&mut bench.store).unwrap().unwrap();
    assert_ne!(renewed, password);
    assert_eq!(bench.get("/api/v1/stats", &token).await.0, StatusCode::UNAUTHORIZED);
    bench.log_in("admin", &renewed).await;
}

#[tokio::test]
async fn who_has_chosen_a_password_keeps_it() {
    let mut bench = Bench::new();
    assert_eq!(renew_first_login(&mut bench.store).unwrap(), None);
    bench.user("admin", Role::Admin, false);
    assert_eq!(first_login(&bench.store).unwrap(), None);
    assert_eq!(renew_first_login(&mut bench.store).unwrap(), None);
    bench.log_in("admin", PASSWORD).await;
}

#[tokio::test]
async fn a_first_login_waits_in_a_file_until_it_is_used() {
    let bench = Bench::new();
    offer(&bench.store, bench.dir.path()).unwrap();
    offer(&bench.store, bench.dir.path()).unwrap();
    let path = path(bench.dir.path());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (name, password) = text.trim_end().split_once(' ').unwrap();
    let token = bench.log_in(name, password).await;
    assert!(path.exists());
    let body = json!({ "old_password": password, "new_password": "something new" });
    let (status, _) = bench.post("/api/v1/auth/change-password", Some(&token), &body).await;
    assert_eq!((status, path.exists()), (StatusCode::OK, false));
}
