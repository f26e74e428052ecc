use super::*;

const MS: Duration = Duration::from_millis(1);

/// Gives turns until everything is calculated, each calculation in so many pieces; who was done
/// when, and the most that were begun at a time.
fn finish(all: &mut Calculations<u16, u32>, pieces: u32) -> (Vec<u32>, usize) {
    let (mut done, mut left, mut most) = (Vec::new(), HashMap::new(), 0);
    while let Some((key, what)) = all.begin() {
        let left = left.entry(what).or_insert(pieces);
        *left -= 1;
        if *left == 0 {
            done.push(what);
        }
        all.over(key, MS, if *left == 0 { Left::None } else { Left::Some });
        most = most.max(all.begun.len());
    }
    (done, most)
}

#[test]
fn one_with_many_makes_another_wait_for_about_one() {
    let mut all = Calculations::default();
    (0..200).for_each(|what| all.push(1, what));
    all.push(2, 1_000);
    let (done, _) = finish(&mut all, 10);
    assert_eq!(done.len(), 201);
    assert!(done.iter().take(2).any(|what| *what == 1_000), "{done:?}");
}

#[test]
fn a_bounded_number_is_begun_and_all_come_to_an_end() {
    let mut all = Calculations::default();
    for key in 0..1_000 {
        (0..3).for_each(|n| all.push(key, u32::from(key) * 3 + n));
    }
    let (done, most) = finish(&mut all, 5);
    assert_eq!(done.len(), 3_000);
    assert!(most <= BEGUN, "{most}");
    assert!(all.is_empty() && all.queues.is_empty() && all.begun.is_empty());
}

#[test]
fn nothing_waits_twice() {
    let mut all = Calculations::default();
    all.push(1, 1);
    all.push(1, 1);
    assert_eq!(finish(&mut all, 2).0, [1]);
}
