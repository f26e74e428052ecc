use super::{event, scratch};
use crate::edge::store::{Appended, Store, path};
use crate::logic::event::{Event, Kind};
use uuid::Uuid;

fn events(seqs: impl Iterator<Item = u64>) -> Vec<Event> {
    seqs.map(|seq| event(seq, Kind::ScanSyn, "10.0.0.1")).collect()
}

fn seqs(store: &Store) -> Vec<u64> {
    store.follow_all().next(store).unwrap().iter().map(|(_, event)| event.seq).collect()
}

#[test]
fn an_event_comes_back_as_it_was() {
    let (_dir, mut store) = scratch();
    let event = event(1, Kind::ConnOpen, "2001:db8::7");
    store.append(std::slice::from_ref(&event)).unwrap();
    assert_eq!(store.follow_all().next(&store).unwrap(), [(1, event)]);
}

#[test]
fn a_batch_that_comes_again_is_left_out() {
    let (_dir, mut store) = scratch();
    assert_eq!(store.append(&events(1..=3)).unwrap(), Appended { taken: 3, repeated: 0 });
    assert_eq!(store.append(&events(1..=3)).unwrap(), Appended { taken: 0, repeated: 3 });
    assert_eq!(store.append(&events(2..=5)).unwrap(), Appended { taken: 2, repeated: 2 });
    assert_eq!(seqs(&store), [1, 2, 3, 4, 5]);
    assert_eq!(store.stats().unwrap().events, 5);
}

#[test]
fn an_event_twice_in_a_batch_is_taken_once() {
    let (_dir, mut store) = scratch();
    let batch = events([1, 2, 2, 1, 3].into_iter());
    assert_eq!(store.append(&batch).unwrap(), Appended { taken: 3, repeated: 2 });
    assert_eq!(seqs(&store), [1, 2, 3]);
}

#[test]
fn each_run_of_each_node_counts_for_itself() {
    let (_dir, mut store) = scratch();
    let first = event(9, Kind::ScanSyn, "10.0.0.1");
    let next_run = Event { seq: 1, boot_id: Uuid::from_u128(8), ..first.clone() };
    let other_node = Event { seq: 1, node: "n2".into(), ..first.clone() };
    let appended = store.append(&[first, next_run, other_node]).unwrap();
    assert_eq!(appended, Appended { taken: 3, repeated: 0 });
}

#[test]
fn an_empty_batch_changes_nothing() {
    let (_dir, mut store) = scratch();
    assert_eq!(store.append(&[]).unwrap(), Appended { taken: 0, repeated: 0 });
    assert_eq!(store.newest().unwrap(), 0);
}

#[test]
fn a_follower_sees_what_others_write_once_and_in_order() {
    let (dir, mut writer) = scratch();
    writer.append(&events(1..=2)).unwrap();
    let reader = Store::open(&path(dir.path())).unwrap();
    let mut follower = reader.follow_after(1);
    let mut next = || -> Vec<u64> {
        follower.next(&reader).unwrap().iter().map(|(_, event)| event.seq).collect()
    };
    assert_eq!(next(), [2]);
    assert!(next().is_empty());
    writer.append(&events(3..=2_005)).unwrap();
    assert_eq!(next(), (3..=1_002).collect::<Vec<_>>());
    assert_eq!(next(), (1_003..=2_002).collect::<Vec<_>>());
    assert_eq!(next(), [2_003, 2_004, 2_005]);
    assert!(next().is_empty());
}

#[test]
fn a_follower_passes_over_what_it_cannot_keep_up_with() {
    let (_dir, mut store) = scratch();
    store.append(&events(1..=50)).unwrap();
    let mut follower = store.follow_after(10);
    assert_eq!(follower.skip(&store, 100).unwrap(), 0);
    assert_eq!(follower.skip(&store, 5).unwrap(), 35);
    assert_eq!(follower.skip(&store, 5).unwrap(), 0);
    assert_eq!(follower.next(&store).unwrap().first().unwrap().0, 46);
}

#[test]
fn several_read_while_one_writes_and_all_see_everything() {
    let (dir, mut writer) = scratch();
    let path = path(dir.path());
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let store = Store::open(&path).unwrap();
                let (mut follower, mut seen) = (store.follow_all(), Vec::new());
                let begin = std::time::Instant::now();
                while seen.len() < 5_000 && begin.elapsed().as_secs() < 60 {
                    seen.extend(follower.next(&store).unwrap().iter().map(|(_, e)| e.seq));
                    let stats = store.stats().unwrap();
                    assert_eq!(stats.events, stats.newest);
                    std::thread::yield_now();
                }
                seen
            })
        })
        .collect();
    for batch in 0..50 {
        writer.append(&events(batch * 100 + 1..=batch * 100 + 100)).unwrap();
    }
    for reader in readers {
        assert_eq!(reader.join().unwrap(), (1..=5_000).collect::<Vec<_>>());
    }
}
