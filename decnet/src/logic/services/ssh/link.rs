//! What it takes to answer: the transport, what is known of the world, and where answers go.

use super::transport::Transport;
use super::wire::Writer;
use crate::logic::services::{Context, Reply};

/// The way back to a visitor, for the time of one call.
pub(super) struct Link<'l, 'c> {
    pub(super) transport: &'l mut Transport,
    pub(super) context: &'l mut Context<'c>,
    pub(super) reply: &'l mut Reply,
}

impl Link<'_, '_> {
    /// Sends a message.
    pub(super) fn send(&mut self, message: Writer) {
        self.transport.send(message, self.context, self.reply);
    }

    /// Lets a program act, and gives what it printed. What it reports goes on; how long it wants
    /// to wait too.
    pub(super) fn run<T>(
        &mut self,
        act: impl FnOnce(&mut Context<'_>, &mut Reply) -> T,
    ) -> (T, Vec<u8>) {
        let mut own = Reply::default();
        let result = act(self.context, &mut own);
        self.reply.reports.append(&mut own.reports);
        self.reply.pieces.append(&mut own.pieces);
        self.reply.wait = self.reply.wait.or(own.wait);
        (result, own.bytes)
    }
}
