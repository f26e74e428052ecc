//! What a daemon counts, as text for Prometheus (exposition format 0.0.4).

use crate::logic::credential::Credential;
use crate::logic::time::Timestamp;

/// A number with names beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What distinguishes it from the others of its gauge.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: u64,
}

/// Numbers of one kind, which may go up and down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// What it is called: `decnet_…`, with its unit at the end.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// The numbers.
    pub samples: Vec<Sample>,
}

/// A credential, whose it is, and when it ends.
pub type End = (Credential, String, Timestamp);

/// When credentials end.
pub fn ends(all: impl IntoIterator<Item = End>) -> Gauge {
    let sample = |(credential, of, until): End| Sample {
        labels: vec![("credential", credential.label().to_owned()), ("of", of)],
        value: until.0 / 1_000_000_000,
    };
    Gauge {
        name: "decnet_certificate_expires_seconds",
        help: "When a credential ends, in seconds since 1970.",
        samples: all.into_iter().map(sample).collect(),
    }
}

/// Which program this is.
pub fn build(role: &str, version: &str) -> Gauge {
    let labels = vec![("role", role.to_owned()), ("version", version.to_owned())];
    Gauge {
        name: "decnet_build_info",
        help: "Which role this is, and of which version.",
        samples: vec![Sample { labels, value: 1 }],
    }
}

/// As text.
pub fn text(gauges: &[Gauge]) -> String {
    let mut text = String::new();
    for Gauge { name, help, samples } in gauges {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for Sample { labels, value } in samples {
            let labels = labels.iter().map(|(label, of)| format!("{label}=\"{}\"", escaped(of)));
            let labels: Vec<String> = labels.collect();
            text.push_str(&format!("{name}{{{}}} {value}\n", labels.join(",")));
        }
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
