//! What is counted is written as Prometheus reads it.

use super::*;

#[test]
fn gauges_are_written_one_sample_a_line() {
    let end = |of: &str| (Credential::Agent, of.to_owned(), Timestamp(7_500_000_000));
    let said = text(&[build("agent", "0.1.0"), ends([end("a"), end("b\"\\\n")])]);
    let wanted = "# HELP decnet_build_info Which role this is, and of which version.\n\
                  # TYPE decnet_build_info gauge\n\
                  decnet_build_info{role=\"agent\",version=\"0.1.0\"} 1\n\
                  # HELP decnet_certificate_expires_seconds When a credential ends, in seconds since \
                  1970.\n\
                  # TYPE decnet_certificate_expires_seconds gauge\n\
                  decnet_certificate_expires_seconds{credential=\"agent\",of=\"a\"} 7\n\
                  decnet_certificate_expires_seconds{credential=\"agent\",of=\"b\\\"\\\\\\n\"} 7\n";
    assert_eq!(said, wanted);
}

#[test]
fn every_credential_has_a_label_of_its_own() {
    let mut labels = Credential::ALL.map(Credential::label).to_vec();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), Credential::ALL.len());
}
