//! What is shown of certificates.

use super::*;

const DAY: u64 = 86_400 * 1_000_000_000;

#[test]
fn what_ends_soon_is_shown_and_nothing_else() {
    let now = Timestamp(1_000 * DAY);
    let until =
        |days: u64| Certificate { until: Some(Timestamp(days * DAY)), ..Certificate::default() };
    let open = Certificate { window: Some(Timestamp(1_001 * DAY)), ..until(990) };
    let closed = Certificate { window: Some(Timestamp(999 * DAY)), ..until(990) };
    let none = Certificate::default();
    let behind = Some(Progress::Unaware);
    for (agent, updater, shown) in [
        (none, none, "-"),
        (until(1_365), until(1_031), "-"),
        (until(1_030), none, "agent: 30 d left"),
        (until(1_365), until(1_000), "updater: 0 d left"),
        (Certificate { behind, ..until(1_365) }, none, "agent: of the old authority"),
        (Certificate { behind, ..until(1_030) }, none, "agent: 30 d left, of the old authority"),
        (open, closed, "agent: ended 10 d ago, may come back; updater: ended 10 d ago"),
    ] {
        assert_eq!(Certificates { agent, updater }.marker(now), shown);
    }
}
