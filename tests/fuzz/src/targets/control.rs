//! What operators' commands and the agent say to one another.

use decnet::logic::control::{Answer, Found, Request};

pub(crate) fn run(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(data) {
        let line = serde_json::to_vec(&request).expect("a request is JSON");
        assert!(!line.contains(&b'\n'));
        assert_eq!(serde_json::from_slice::<Request>(&line).ok(), Some(request));
    }
    if let Ok(answer) = serde_json::from_slice::<Answer>(data) {
        let line = serde_json::to_vec(&answer).expect("an answer is JSON");
        assert!(!line.contains(&b'\n'));
        assert_eq!(serde_json::from_slice::<Answer>(&line).ok(), Some(answer));
    }
    drop(serde_json::from_slice::<Found>(data));
}
