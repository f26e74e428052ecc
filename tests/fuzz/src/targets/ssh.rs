//! Secure shell, up to what needs no key.

use decnet::logic::services::ServiceKind;

use crate::visit::visit;

pub(crate) fn run(data: &[u8]) {
    visit(ServiceKind::Ssh, data);
}
