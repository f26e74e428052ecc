//! An event laid flat: one named text for each thing it says.

use super::Event;

/// Calls `put` with the name and the text of everything `event` says, apart from its time, node,
/// decky name, service, session and kind, which every view has a place of its own for.
pub(super) fn each(event: &Event, put: &mut dyn FnMut(&str, &str)) {
    put("id", &event.id.to_string());
    put("node", &event.node);
    put("boot_id", &event.boot_id.to_string());
    put("seq", &event.seq.to_string());
    if let Some(src) = &event.src {
        each_present(put, "src_ip", src.ip.as_ref());
        each_present(put, "src_port", src.port.as_ref());
        each_present(put, "src_mac", src.mac.as_ref());
        each_present(put, "src_vlan", src.vlan.as_ref());
        each_present(put, "src_tcp", src.tcp.as_ref());
    }
    if let Some(dst) = &event.dst {
        put("dst_ip", &dst.ip.to_string());
        each_present(put, "dst_port", dst.port.as_ref());
    }
    if let Some(decky) = &event.decky {
        put("decky_ip", &decky.ip.to_string());
        each_present(put, "decky_ip6", decky.ip6.as_ref());
        put("decky_mac", &decky.mac.to_string());
        put("decky_hostname", &decky.hostname);
        put("decky_persona", &decky.persona);
    }
    if let Some(transport) = event.transport {
        put("transport", transport.as_str());
    }
    if let Some(outcome) = event.outcome {
        put("outcome", outcome.as_str());
    }
    if let Some(creds) = &event.creds {
        each_present(put, "username", creds.user.as_ref());
        each_present(put, "password", creds.password.as_ref());
        each_present(put, "key", creds.key.as_ref());
    }
    for (key, value) in event.data.iter() {
        put(key, &value.to_string());
    }
    if let Some(raw) = &event.raw {
        put("raw_sha256", &raw.sha256);
        put("raw_len", &raw.len.to_string());
        put("raw_b64", &raw.b64);
    }
}

fn each_present(put: &mut dyn FnMut(&str, &str), key: &str, value: Option<&impl ToString>) {
    if let Some(value) = value {
        put(key, &value.to_string());
    }
}

/// One line for people: what happened, from where, to which decky.
pub(super) fn summary(event: &Event) -> String {
    let mut parts = vec![event.event.to_string()];
    if let Some(ip) = event.src.as_ref().and_then(|src| src.ip) {
        parts.push(format!("from {ip}"));
    }
    if let Some(decky) = &event.decky {
        parts.push(format!("on {}", decky.name));
    }
    if let Some(service) = &event.service {
        parts.push(service.to_string());
    }
    if let Some(creds) = &event.creds {
        parts.push(format!("user={}", creds.user.as_deref().unwrap_or("-")));
    }
    if let Some(outcome) = event.outcome {
        parts.push(outcome.as_str().to_owned());
    }
    parts.join(" ")
}
