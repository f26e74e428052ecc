use std::time::Duration;

use super::{HOUR, SECOND, decky, event, of, scratch};
use crate::edge::store::events::search;
use crate::edge::store::{Cursor, EventFilter, EventPage, Span, Store};
use crate::logic::event::{Data, Event, Kind, SessionId};
use crate::logic::time::Timestamp;

const LONG: Duration = Duration::from_secs(60);

fn numbers(page: &EventPage) -> Vec<i64> {
    page.events.iter().map(|event| event.n).collect()
}

fn find(store: &Store, filter: &EventFilter) -> Vec<i64> {
    numbers(&store.events(filter, None, 100, LONG).unwrap())
}

/// How SQLite goes about a search.
fn plan(store: &Store, filter: &EventFilter) -> Vec<String> {
    let sql = format!("EXPLAIN QUERY PLAN {}", search(filter).0);
    let mut explain = store.db.prepare(&sql).unwrap();
    explain.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap()
}

/// Six events, a minute apart.
fn six() -> Vec<Event> {
    let at = |seq: u64, event: Event| Event { ts: Timestamp(HOUR + seq * 60 * SECOND), ..event };
    let ssh = |event| Event { service: Some("ssh".into()), decky: Some(decky("ssh-01")), ..event };
    let command = Data::new().with("command", "echo \"100%_\\done\"\n");
    vec![
        at(1, event(1, Kind::ScanSyn, "10.0.0.1")),
        at(2, event(2, Kind::ScanUdp, "10.0.0.2")),
        at(3, of(ssh(event(3, Kind::ConnOpen, "10.0.0.1")), u64::MAX)),
        at(4, Event { data: command, ..of(ssh(event(4, Kind::CmdInput, "10.0.0.1")), u64::MAX) }),
        at(5, of(ssh(event(5, Kind::ConnClose, "10.0.0.1")), u64::MAX)),
        at(6, event(6, Kind::HttpRequest, "2001:db8::1")),
    ]
}

#[test]
fn a_filter_finds_what_meets_all_of_it() {
    let (_dir, mut store) = scratch();
    store.append(&six()).unwrap();
    let any = EventFilter::default;
    let minute = |minute: u64| Some(Timestamp(HOUR + minute * 60 * SECOND));
    let text = |text: &str| EventFilter { text: Some(text.to_owned()), ..any() };
    let table = [
        (any(), vec![6, 5, 4, 3, 2, 1]),
        (EventFilter { kinds: vec![Kind::ScanSyn, Kind::ScanUdp], ..any() }, vec![2, 1]),
        (EventFilter { source: Some("10.0.0.1".parse().unwrap()), ..any() }, vec![5, 4, 3, 1]),
        (EventFilter { source: Some("2001:db8::1".parse().unwrap()), ..any() }, vec![6]),
        (EventFilter { decky: Some("ssh-01".parse().unwrap()), ..any() }, vec![5, 4, 3]),
        (EventFilter { service: Some("ssh".into()), ..any() }, vec![5, 4, 3]),
        (EventFilter { session: Some(SessionId(u64::MAX)), ..any() }, vec![5, 4, 3]),
        (EventFilter { from: minute(4), ..any() }, vec![6, 5, 4]),
        (EventFilter { to: minute(4), ..any() }, vec![3, 2, 1]),
        (EventFilter { from: minute(2), to: minute(3), ..any() }, vec![2]),
        (EventFilter { from: minute(9), ..any() }, vec![]),
        (EventFilter { to: Some(Timestamp(5)), ..any() }, vec![]),
        (
            EventFilter {
                kinds: vec![Kind::ConnOpen],
                source: Some("10.0.0.1".parse().unwrap()),
                service: Some("ssh".into()),
                from: minute(1),
                ..any()
            },
            vec![3],
        ),
        (text("CMD.input"), vec![4]),
        (text("100%_\\done"), vec![4]),
        (text("echo \"100"), vec![4]),
        (text("1000_"), vec![]),
        (text("%"), vec![4]),
        (text("' OR 1=1 --"), vec![]),
    ];
    for (filter, expected) in table {
        assert_eq!(find(&store, &filter), expected, "{filter:?}");
    }
}

#[test]
fn pages_go_back_without_a_gap_while_events_come_in() {
    let (_dir, mut store) = scratch();
    let event = |seq| event(seq, Kind::ScanSyn, "10.0.0.1");
    store.append(&(1..=25).map(event).collect::<Vec<_>>()).unwrap();
    let (mut seen, mut before) = (Vec::new(), None);
    for seq in 26.. {
        let page = store.events(&EventFilter::default(), before, 10, LONG).unwrap();
        seen.extend(numbers(&page));
        store.append(&[event(seq)]).unwrap();
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
}

#[test]
fn a_search_without_patience_says_how_far_it_came_and_goes_on_from_there() {
    let (_dir, mut store) = scratch();
    let mut events: Vec<Event> =
        (1..=9_000).map(|seq| event(seq, Kind::ScanSyn, "10.0.0.1")).collect();
    events[0].data.put("needle", true);
    store.append(&events).unwrap();
    let filter = EventFilter { text: Some("needle".into()), ..EventFilter::default() };
    let first = store.events(&filter, None, 10, Duration::ZERO).unwrap();
    assert!(first.events.is_empty());
    let low = 9_000 - 1_024;
    assert_eq!(first.searched_to, Some(Timestamp(HOUR + low * SECOND)));
    assert_eq!(first.next.map(|next| next.at), Some(low.cast_signed()));
    let rest = store.events(&filter, first.next, 10, LONG).unwrap();
    assert_eq!((numbers(&rest), rest.next, rest.searched_to), (vec![1], None, None));
}

#[test]
fn a_session_is_read_in_order_and_in_pages() {
    let (_dir, mut store) = scratch();
    store.append(&six()).unwrap();
    let session = SessionId(u64::MAX);
    let first = store.session_events(session, None, 2).unwrap();
    assert_eq!(numbers(&first), [3, 4]);
    let rest = store.session_events(session, first.next, 2).unwrap();
    assert_eq!((numbers(&rest), rest.next), (vec![5], None));
}

#[test]
fn each_filter_reads_by_the_index_that_serves_it() {
    let (_dir, mut store) = scratch();
    store.append(&six()).unwrap();
    let any = EventFilter::default;
    let source = Some("10.0.0.1".parse().unwrap());
    let kinds = vec![Kind::ScanSyn];
    let table = [
        (any(), "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (
            EventFilter { kinds: kinds.clone(), ..any() },
            "SEARCH events USING INDEX events_by_kind (kind=? AND rowid>? AND rowid<?)",
        ),
        (
            EventFilter { kinds: kinds.clone(), source, ..any() },
            "SEARCH events USING INDEX events_by_src (src=? AND rowid>? AND rowid<?)",
        ),
        (
            EventFilter { kinds, source, session: Some(SessionId(1)), ..any() },
            "SEARCH events USING INDEX events_by_session (session=? AND rowid>? AND rowid<?)",
        ),
    ];
    for (filter, expected) in table {
        let plan = plan(&store, &filter);
        assert!(plan.contains(&expected.to_owned()), "{filter:?}: {plan:?}");
    }
}

#[test]
fn a_histogram_counts_each_bucket() {
    let (_dir, mut store) = scratch();
    store.append(&six()).unwrap();
    let time = |minutes: u64| Timestamp(HOUR + minutes * 60 * SECOND);
    let span = Span::new(time(1), time(7), Duration::from_secs(120)).unwrap();
    let counted = |kinds: &[Kind]| -> Vec<(u64, i64)> {
        let buckets = store.histogram(span, kinds).unwrap();
        let minute = |ts: Timestamp| (ts.0 - HOUR) / SECOND / 60;
        buckets.iter().map(|bucket| (minute(bucket.ts), bucket.events)).collect()
    };
    assert_eq!(counted(&[]), [(0, 1), (2, 2), (4, 2), (6, 1)]);
    assert_eq!(counted(&[Kind::ConnOpen, Kind::ConnClose]), [(0, 0), (2, 1), (4, 1), (6, 0)]);
    let kinds = &store.histogram(span, &[]).unwrap()[1].kinds;
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["conn.open", "scan.udp"]);
}

#[test]
fn a_histogram_has_a_limit() {
    let minute = |count: u64| Timestamp(HOUR + count * 60 * SECOND);
    let each = Duration::from_secs(1);
    assert!(Span::new(minute(0), minute(1_500), each).is_some());
    assert!(Span::new(minute(0), minute(1_501), each).is_none());
    assert!(Span::new(minute(1), minute(1), each).is_none());
    assert!(Span::new(minute(2), minute(1), each).is_none());
    assert!(Span::new(Timestamp(0), Timestamp(u64::MAX), Duration::MAX).is_none());
}

#[test]
fn a_cursor_beyond_the_newest_is_harmless() {
    let (_dir, mut store) = scratch();
    store.append(&six()).unwrap();
    for (at, count) in [(i64::MAX, 6), (i64::MIN, 0), (0, 0), (7, 6)] {
        let before = Some(Cursor { at, shown: 1 });
        let page = store.events(&EventFilter::default(), before, 100, LONG).unwrap();
        assert_eq!((page.events.len(), page.next), (count, None), "{at}");
    }
}
