//! When the end of a credential is told.

use super::*;

fn day(number: u64) -> Timestamp {
    Timestamp(number * DAY)
}

const YEAR: Validity = Validity { from: Timestamp(1_000 * DAY), until: Timestamp(1_365 * DAY) };

#[test]
fn a_certificate_stands_as_the_clock_says() {
    for (now, standing, urgency, due) in [
        (0, Standing::NotYet, Some(Urgency::Now), true),
        (999, Standing::NotYet, Some(Urgency::Now), true),
        (1_000, Standing::Good { days: 365 }, None, false),
        (1_304, Standing::Good { days: 61 }, None, false),
        (1_305, Standing::Good { days: 60 }, None, true),
        (1_335, Standing::Good { days: 30 }, Some(Urgency::Soon), true),
        (1_358, Standing::Good { days: 7 }, Some(Urgency::Now), true),
        (1_365, Standing::Good { days: 0 }, Some(Urgency::Now), true),
        (1_375, Standing::Ended { days: 10 }, Some(Urgency::Now), true),
        (
            u64::MAX / DAY,
            Standing::Ended { days: u64::MAX / DAY - 1_365 },
            Some(Urgency::Now),
            true,
        ),
    ] {
        let found = YEAR.standing(day(now));
        assert_eq!(
            (found, found.urgency(), YEAR.is_due(day(now))),
            (standing, urgency, due),
            "{now}"
        );
    }
}

#[test]
fn the_end_is_told_once_a_day_and_anew_after_a_renewal() {
    let mut reminder = Reminder::default();
    let mut told = Vec::new();
    for now in [1_330, 1_335, 1_335, 1_336, 1_358, 1_358, 1_366, 1_366, 1_367] {
        told.extend(reminder.ask(YEAR.standing(day(now))).map(|urgency| (now, urgency)));
    }
    let (soon, urgent) = (Urgency::Soon, Urgency::Now);
    assert_eq!(
        told,
        [(1_335, soon), (1_336, soon), (1_358, urgent), (1_366, urgent), (1_367, urgent)]
    );
    assert_eq!(reminder.ask(Standing::Good { days: 365 }), None);
    assert_eq!(reminder.ask(YEAR.standing(day(1_335))), Some(soon), "the next one ends too");
}

/// Each credential has somebody who renews it; each that ends by itself warns in the log and as an
/// event, and those of nodes also where an operator looks.
#[test]
fn each_credential_is_renewed_by_somebody_and_warns() {
    for credential in Credential::ALL {
        let row = credential.row();
        for said in [row.name, row.lasts, row.renewer, row.when, row.way_back] {
            assert!(!said.is_empty(), "{row:?}");
        }
        let ends = !row.lasts.starts_with("without end");
        for warns in [Warns::Event, Warns::Log] {
            assert_eq!(row.warns.contains(&warns), ends, "{row:?}");
        }
        let of_node = matches!(credential, Credential::Agent | Credential::Updater);
        for warns in [Warns::List, Warns::Status] {
            assert_eq!(row.warns.contains(&warns), of_node, "{row:?}");
        }
        let warning = credential.warning(Standing::Good { days: 3 }, "node-1");
        assert!(warning.is_some_and(|warning| warning.contains(row.name)), "{row:?}");
        assert_eq!(credential.warning(Standing::Good { days: 300 }, "node-1"), None);
    }
}

/// The guide has the table as it is here.
#[test]
fn the_table_in_the_guide_is_the_one_here() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/Security.md");
    let guide = std::fs::read_to_string(path).expect("it is there");
    for credential in Credential::ALL {
        let row = credential.row();
        let warns: Vec<String> =
            row.warns.iter().map(|warns| format!("{warns:?}").to_lowercase()).collect();
        let warns = if warns.is_empty() { "-".to_owned() } else { warns.join(", ") };
        let line = [row.name, row.lasts, row.renewer, row.when, &warns, row.way_back].join(" | ");
        assert!(guide.contains(&format!("| {line} |")), "docs/Security.md lacks\n| {line} |");
    }
}
