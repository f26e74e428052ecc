//! Files of deckies on their way to whoever keeps them over a restart, and back.

use super::outbox::Outbox;
use super::served::Deckies;
use super::turning::Who;
use crate::logic::decky::DeckyId;
use crate::logic::files::Change;

impl Deckies {
    /// Sends what has changed since the last time.
    pub(super) fn keep(&mut self, outbox: &mut Outbox) {
        for (id, decky) in &self.deckies {
            if !outbox.has_room_for_changes() {
                // The rest next time.
                return;
            }
            let mut state = decky.state.borrow_mut();
            // Before the old files are back, the new ones are not what is to be kept.
            if decky.whole.get() && state.files.has_changes() {
                outbox.changed(*id, state.files.take_changes());
            }
        }
        self.unkept = false;
    }

    /// Brings back a file.
    pub(super) fn restore(&self, id: DeckyId, change: Change) {
        if let Some(decky) = self.deckies.get(&id) {
            decky.state.borrow_mut().files.restore(vec![change]);
        }
    }

    /// All files are back: lets visitors in.
    pub(super) fn restored(&mut self, id: DeckyId) {
        let Some(decky) = self.deckies.get(&id).cloned() else { return };
        decky.whole.set(true);
        self.weigh_decky(&decky);
        let doors = self.doors.iter().filter(|(_, door)| door.decky.id == id);
        let doors: Vec<usize> = doors.map(|(index, _)| index).collect();
        doors.into_iter().for_each(|index| self.wants_turn(Who::Door(index)));
    }

    /// Whether a decky is known.
    pub(super) fn knows(&self, id: DeckyId) -> bool {
        self.deckies.contains_key(&id)
    }
}
