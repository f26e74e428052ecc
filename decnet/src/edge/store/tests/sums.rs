use super::{HOUR, SECOND, decky, event, login, of, scratch};
use crate::edge::store::{CredentialOrder, SessionFilter, SourceFilter, SourceOrder, Stats, Store};
use crate::logic::event::{Data, Event, Kind, Outcome, SessionId};
use crate::logic::status::{DeckyState, DeckyStatus};
use crate::logic::time::Timestamp;

const IP: &str = "10.0.0.1";

fn at(seq: u64) -> Timestamp {
    Timestamp(HOUR + seq * SECOND)
}

/// A visit in one session, in two batches, so that each sum is begun and carried on.
fn visit(store: &mut Store) {
    let first = [
        event(1, Kind::ScanSyn, IP),
        of(event(2, Kind::ConnOpen, IP), 5),
        of(login(event(3, Kind::AuthAttempt, IP), "root", "toor", Outcome::Failure), 5),
    ];
    let bytes = Data::new().with("bytes_in", 12_u64).with("bytes_out", 34_u64);
    let second = [
        of(login(event(4, Kind::AuthAttempt, IP), "root", "toor", Outcome::Success), 5),
        of(event(5, Kind::CmdInput, IP), 5),
        of(Event { data: bytes, ..event(6, Kind::ConnClose, IP) }, 5),
        Event { decky: Some(decky("db-01")), ..event(7, Kind::ScanUdp, "10.0.0.2") },
        login(event(8, Kind::AuthAttempt, "10.0.0.2"), "root", "toor", Outcome::Failure),
    ];
    store.append(&first).unwrap();
    store.append(&second).unwrap();
}

#[test]
fn totals_are_the_sums_of_all_batches() {
    let (_dir, mut store) = scratch();
    assert_eq!(store.stats().unwrap(), Stats::default());
    visit(&mut store);
    let stats = store.stats().unwrap();
    let expected = Stats {
        events: 8,
        sources: 2,
        sessions: 1,
        logins: 3,
        deckies: 0,
        deckies_up: 0,
        newest: 8,
        last_event: Some(at(8)),
    };
    assert_eq!(stats, expected);
}

#[test]
fn a_visitor_is_the_sum_of_what_it_did() {
    let (_dir, mut store) = scratch();
    visit(&mut store);
    let visitor = store.visitor(IP.parse().unwrap()).unwrap().unwrap();
    assert_eq!((visitor.first, visitor.last), (at(1), at(6)));
    assert_eq!((visitor.events, visitor.sessions, visitor.logins), (6, 1, 2));
    assert_eq!((visitor.deckies, visitor.mac.as_deref()), (1, Some("00:1b:21:00:00:01")));
    let touches = store.touches("10.0.0.2".parse().unwrap(), 10).unwrap();
    let names: Vec<_> = touches.iter().map(|touch| (touch.decky.as_str(), touch.events)).collect();
    assert_eq!(names, [("web-01", 1), ("db-01", 1)]);
    assert!(store.visitor("10.0.0.9".parse().unwrap()).unwrap().is_none());
}

#[test]
fn visitors_are_listed_in_both_orders() {
    let (_dir, mut store) = scratch();
    visit(&mut store);
    let list = |order, begins: Option<&str>| -> Vec<String> {
        let filter = SourceFilter { order, begins: begins.map(str::to_owned) };
        let page = store.visitors(&filter, None, 10).unwrap();
        page.rows.into_iter().map(|visitor| visitor.ip).collect()
    };
    assert_eq!(list(SourceOrder::Last, None), ["10.0.0.2", IP]);
    assert_eq!(list(SourceOrder::Events, None), [IP, "10.0.0.2"]);
    assert_eq!(list(SourceOrder::Last, Some("10.0.0.1")), [IP]);
    assert_eq!(list(SourceOrder::Last, Some("00:1b")).len(), 2);
    assert_eq!(list(SourceOrder::Last, Some("%")).len(), 0);
}

#[test]
fn visitors_that_are_alike_are_each_on_one_page() {
    let (_dir, mut store) = scratch();
    let events: Vec<_> =
        (1..=23).map(|seq| event(seq, Kind::ScanSyn, &format!("10.0.1.{seq}"))).collect();
    store.append(&events).unwrap();
    let filter = SourceFilter { order: SourceOrder::Events, begins: None };
    let (mut seen, mut before) = (std::collections::BTreeSet::new(), None);
    loop {
        let page = store.visitors(&filter, before, 5).unwrap();
        for visitor in page.rows {
            assert!(seen.insert(visitor.ip));
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 23);
}

#[test]
fn a_session_is_the_sum_of_its_events() {
    let (_dir, mut store) = scratch();
    visit(&mut store);
    let session = store.session(SessionId(5)).unwrap().unwrap();
    assert_eq!((session.opened, session.closed), (at(2), Some(at(6))));
    assert_eq!((session.events, session.logins, session.commands), (5, 2, 1));
    assert_eq!((session.bytes_in, session.bytes_out), (Some(12), Some(34)));
    assert_eq!(session.user.as_deref(), Some("root"));
    assert_eq!((session.ip.as_deref(), session.port), (Some(IP), Some(40_000)));
    assert_eq!((session.decky.as_deref(), session.dst_port), (Some("web-01"), Some(80)));
    assert!(store.session(SessionId(6)).unwrap().is_none());
}

#[test]
fn a_session_whose_beginning_is_missing_is_kept_all_the_same() {
    let (_dir, mut store) = scratch();
    store.append(&[of(event(1, Kind::Payload, IP), u64::MAX)]).unwrap();
    let session = store.session(SessionId(u64::MAX)).unwrap().unwrap();
    assert_eq!((session.opened, session.closed, session.events), (at(1), None, 1));
}

#[test]
fn sessions_are_found_by_each_part() {
    let (_dir, mut store) = scratch();
    let ssh =
        |seq| of(Event { service: Some("ssh".into()), ..event(seq, Kind::ConnOpen, IP) }, seq);
    let other = of(event(3, Kind::ConnOpen, "10.0.0.2"), 3);
    let elsewhere = Event { decky: Some(decky("db-01")), ..of(event(4, Kind::ConnOpen, IP), 4) };
    store.append(&[ssh(1), ssh(2), other, elsewhere]).unwrap();
    let list = |filter: &SessionFilter| -> Vec<u64> {
        let page = store.sessions(filter, None, 10).unwrap();
        page.rows.iter().map(|session| session.id.0).collect()
    };
    let any = SessionFilter::default;
    assert_eq!(list(&any()), [4, 3, 2, 1]);
    assert_eq!(list(&SessionFilter { source: Some(IP.parse().unwrap()), ..any() }), [4, 2, 1]);
    assert_eq!(list(&SessionFilter { service: Some("ssh".into()), ..any() }), [2, 1]);
    assert_eq!(list(&SessionFilter { decky: Some("db-01".parse().unwrap()), ..any() }), [4]);
}

#[test]
fn a_login_is_counted_over_visitors_and_for_each() {
    let (_dir, mut store) = scratch();
    visit(&mut store);
    let all = store.credentials(CredentialOrder::Tries, None, None, 10).unwrap().rows;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].user.as_str(), all[0].password.as_str()), ("root", "toor"));
    assert_eq!((all[0].tries, all[0].accepted, all[0].sources), (3, 1, 2));
    assert_eq!((all[0].first, all[0].last), (at(3), at(8)));
    let mine = store.tries(IP.parse().unwrap(), 10).unwrap();
    assert_eq!((mine[0].tries, mine[0].accepted), (2, 1));
    let found = |text| store.credentials(CredentialOrder::Last, Some(text), None, 10).unwrap();
    assert_eq!(
        (found("oot").rows.len(), found("oor").rows.len(), found("%").rows.len()),
        (1, 1, 0)
    );
}

#[test]
fn a_fingerprint_is_kept_once_however_often_it_shows() {
    let (_dir, mut store) = scratch();
    let print = |seq, text: &'static str| {
        let data = Data::new().with("hassh", text);
        Event { data, ..event(seq, Kind::FingerprintSsh, IP) }
    };
    store.append(&[print(1, "a"), print(2, "a")]).unwrap();
    store.append(&[print(3, "a"), print(4, "b")]).unwrap();
    let prints = store.fingerprints(IP.parse().unwrap(), 10).unwrap();
    let shown: Vec<_> = prints.iter().map(|print| (print.print.get(), print.events)).collect();
    assert_eq!(shown, [(r#"{"hassh":"b"}"#, 1), (r#"{"hassh":"a"}"#, 3)]);
}

#[test]
fn deckies_come_with_what_happened_to_them() {
    let (_dir, mut store) = scratch();
    let status = |name: &str, state| DeckyStatus {
        name: name.parse().unwrap(),
        ip: "192.168.1.110".parse().unwrap(),
        ip6: None,
        mac: decky(name).mac,
        hostname: name.to_uppercase(),
        persona: "debian-12".to_owned(),
        services: vec!["http".to_owned()],
        state,
        error: None,
        conflict: None,
    };
    let deckies = [status("web-01", DeckyState::Up), status("idle-01", DeckyState::Starting)];
    store.save_deckies(&deckies, at(0)).unwrap();
    visit(&mut store);
    let rows = store.deckies().unwrap();
    assert_eq!(serde_json::from_str::<DeckyStatus>(rows[1].decky.get()).unwrap(), deckies[0]);
    assert_eq!((rows[1].events, rows[1].sources), (7, 2));
    assert_eq!((rows[1].first, rows[1].last), (Some(at(1)), Some(at(8))));
    assert_eq!((rows[0].events, rows[0].sources, rows[0].last), (0, 0, None));
    let stats = store.stats().unwrap();
    assert_eq!((stats.deckies, stats.deckies_up), (2, 1));
}

#[test]
fn an_event_of_nobody_counts_for_nobody() {
    let (_dir, mut store) = scratch();
    let start = Event { src: None, decky: None, service: None, ..event(1, Kind::AgentStart, IP) };
    store.append(&[start]).unwrap();
    let stats = store.stats().unwrap();
    assert_eq!((stats.events, stats.sources, stats.sessions), (1, 0, 0));
}

#[test]
fn text_of_four_kibibytes_and_any_letters_is_kept_whole() {
    let (_dir, mut store) = scratch();
    let texts = ["x".repeat(4_096), "\u{202e}\0\"'%_\n<script>".to_owned(), String::new()];
    let events = texts
        .iter()
        .zip(1..)
        .map(|(text, seq)| login(event(seq, Kind::AuthAttempt, IP), text, text, Outcome::Failure));
    store.append(&events.collect::<Vec<_>>()).unwrap();
    let rows = store.credentials(CredentialOrder::Last, None, None, 10).unwrap().rows;
    let kept: Vec<_> = rows.iter().rev().map(|row| row.password.clone()).collect();
    assert_eq!(kept, texts);
}
