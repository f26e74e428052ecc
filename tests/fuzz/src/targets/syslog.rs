//! RFC 5424 lines.

use decnet::logic::event::syslog;

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(line) = syslog::parse(&text) {
        let parts: usize = line.elements.iter().flat_map(|(name, parameters)| {
            let lengths = parameters.iter().map(|(key, value)| key.len() + value.len());
            std::iter::once(name.len()).chain(lengths)
        }).sum();
        assert!(parts + line.message.len() <= text.len(), "more came out than went in");
    }
}
