//! The shell on a terminal, key by key.

use decnet::logic::files;
use decnet::logic::services::Reply;
use decnet::logic::shell::Console;

use crate::decky::Decky;
use crate::visit::{BOUNDS, Cost};

/// Most times that it is woken.
const MAX_WAKES: usize = 500;

pub(crate) fn run(data: &[u8]) {
    let [persona, columns, size, typed @ ..] = data else { return };
    let mut decky = Decky::new(*persona);
    let mut console = Console::new("root", u16::from(*columns), 24);
    let mut cost = Cost::default();
    let mut reply = Reply::default();
    decky.call(22, |context| console.open(context, &mut reply));
    let mut over = settle(&mut console, &mut decky, reply, &mut cost);
    for piece in typed.chunks(usize::from(*size).max(1)) {
        if over {
            break;
        }
        let mut reply = Reply::default();
        let ended = decky.call(22, |context| console.input(piece, context, &mut reply));
        over = ended.is_some() | settle(&mut console, &mut decky, reply, &mut cost);
    }
    console.resize(u16::from(*columns) * 3, 1);
    let mut reply = Reply::default();
    decky.call(22, |context| console.end(context, &mut reply));
    cost.add(&reply);
    cost.check(BOUNDS, typed.len());
    assert!(decky.state.files.bytes() <= files::MAX_BYTES);
}

/// Sits through every wait; true when the shell has ended.
fn settle(console: &mut Console, decky: &mut Decky, mut reply: Reply, cost: &mut Cost) -> bool {
    loop {
        cost.add(&reply);
        let Some(wait) = reply.wait else { return false };
        if cost.wakes >= MAX_WAKES {
            return true;
        }
        cost.wakes += 1;
        decky.now = decky.now.plus(wait);
        reply = Reply::default();
        if decky.call(22, |context| console.wake(context, &mut reply)).is_some() {
            cost.add(&reply);
            return true;
        }
    }
}
