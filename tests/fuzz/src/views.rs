//! What must hold of every event, however it is written.

use decnet::logic::event::{Event, Source, Stamp, Target, journal, syslog};
use decnet::logic::services::{Report, ServiceKind};
use decnet::logic::wire::{FromFace, MAX_MESSAGE, Reported, decode, encode};
use uuid::Uuid;

use crate::decky::{Decky, NOW};

/// The event that becomes of a report, after its way from the face to the agent.
pub fn event(report: Report) -> Event {
    let reported = Reported {
        decky: decnet::logic::decky::DeckyId(1),
        at: NOW,
        service: ServiceKind::Ssh,
        session: decnet::logic::event::SessionId(1),
        peer: ([192, 0, 2, 9], 50_000).into(),
        local: ([192, 0, 2, 1], 22).into(),
        report,
    };
    let message = encode(&FromFace::Reported(Box::new(reported))).expect("a report fits a message");
    assert!(message.len() <= MAX_MESSAGE / 2, "a report of {} bytes", message.len());
    let FromFace::Reported(reported) = decode(&message).expect("what was written can be read")
    else {
        panic!("it is a report that was written");
    };
    told(*reported)
}

/// The event that becomes of what the face says.
pub fn told(reported: Reported) -> Event {
    let report = reported.report;
    let mut stamp = Stamp::new("node-1", Uuid::from_u128(7));
    let event = stamp.event(report.kind, reported.at.min(NOW));
    Event {
        decky: Some(Decky::new(0).identity().part().into()),
        src: Some(Source {
            ip: Some(reported.peer.ip()),
            port: Some(reported.peer.port()),
            ..Source::default()
        }),
        dst: Some(Target { ip: reported.local.ip(), port: Some(reported.local.port()) }),
        transport: Some(reported.service.transport()),
        service: Some(reported.service.as_str().into()),
        session: Some(reported.session),
        outcome: report.outcome,
        creds: report.creds,
        data: report.data,
        raw: report.raw,
        ..event
    }
}

/// Panics unless every view of the event can be read back, on one line, without control
/// characters.
pub fn check(event: &Event) {
    let json = serde_json::to_string(event).expect("an event is JSON");
    assert!(!json.contains(|c: char| c < ' '), "a control character in {json:?}");
    let back: Event = serde_json::from_str(&json).expect("its JSON is an event");
    assert_eq!(serde_json::to_string(&back).expect("an event is JSON"), json);

    let line = syslog::line(event, syslog::DEFAULT_SD_ID);
    assert!(line.len() <= syslog::MAX_LINE, "a line of {} bytes", line.len());
    assert!(!line.contains(|c: char| c.is_ascii_control()), "a control character in {line:?}");
    let parsed = syslog::parse(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    assert_eq!(parsed.message_id, event.event.as_str());
    assert_eq!(parsed.elements.len(), 1, "{line:?}");

    for (at, (name, _)) in (0..).zip(journal::fields(event)) {
        assert_eq!(at == 0, name == "MESSAGE", "{name}");
        let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(fits) && name.len() <= 64, "the name {name:?}");
        assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "the name {name:?}");
    }
}
