//! Remote terminal, its login and its shell.

use decnet::logic::services::ServiceKind;

use crate::visit::visit;

pub(crate) fn run(data: &[u8]) {
    visit(ServiceKind::Telnet, data);
}
