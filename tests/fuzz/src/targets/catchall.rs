//! Ports that nobody serves.

use decnet::logic::services::ServiceKind;

use crate::visit::visit;

pub(crate) fn run(data: &[u8]) {
    visit(ServiceKind::Tcp, data);
    visit(ServiceKind::Udp, data);
}
