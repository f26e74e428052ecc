//! A command line without a terminal.

use decnet::logic::files;
use decnet::logic::services::Reply;
use decnet::logic::shell::Console;

use crate::decky::Decky;
use crate::visit::{BOUNDS, Cost};

pub(crate) fn run(data: &[u8]) {
    let [persona, command @ ..] = data else { return };
    let mut decky = Decky::new(*persona);
    for user in ["root", "mallory"] {
        let mut cost = Cost::default();
        let mut reply = Reply::default();
        let mut console = Console::new(user, 80, 24).on_pipes();
        decky.call(22, |context| console.exec(command, context, &mut reply));
        cost.add(&reply);
        cost.check(BOUNDS, command.len());
    }
    assert!(decky.state.files.bytes() <= files::MAX_BYTES);
}
