//! `decnet keeper`: holds the deckies' user namespace and network namespaces.
//!
//! Started by the agent, with the channel to it as standard input. It makes a user namespace for
//! itself, in which it has every capability and outside of which it has none, and then a network
//! namespace for each decky. It configures them, binds the deckies' sockets and hands those to the
//! face, which it starts and starts again when it ends. Visitors' bytes never reach this process.
//!
//! When the agent ends, however it does, its channel is closed. The keeper then ends the face, which
//! may have been taken over and is not asked, and itself; until then it holds what guards the
//! deckies. So it is not killed with the agent, as the face is with it.

mod build;
mod face;

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::edge::channel::{Channel, ChannelError, Message, Wait};
use crate::edge::{apart, child, clock, limits, listen, namespace, privileges};
use crate::logic::decky::DeckyId;
use crate::logic::event::Transport;
use crate::logic::face::FaceEnd;
use crate::logic::wire::{
    Adopted, FromKeeper, MAX_FDS, Placed, Served, Socket, ToFace, ToKeeper, decode, encode,
};

use build::Bound;
use face::{Face, Ties};

/// How long the face may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// Between the starts of two faces.
const SOON: Duration = Duration::from_secs(1);

/// A decky as the keeper holds it.
#[derive(Debug)]
struct Held {
    placed: Placed,
    namespace: OwnedFd,
    /// What the face was given, once there was something to give.
    served: Option<(Served, Vec<OwnedFd>)>,
}

/// The keeper's state.
struct Keeper {
    face: Face,
    agent: Channel,
    /// What every face is given.
    ties: Ties,
    /// How many faces there were before.
    number: u32,
    /// When the face was started.
    began: Instant,
    deckies: BTreeMap<DeckyId, Held>,
}

/// Runs until the agent is gone.
///
/// # Errors
///
/// When there can be no user namespace, or the agent speaks another protocol.
pub fn run() -> Result<()> {
    let input = std::io::stdin().as_fd().try_clone_to_owned().context("no channel to the agent")?;
    let agent = Channel::from_fd(input);
    limits::raise_files();
    privileges::keep_to_ourselves()?;
    namespace::isolate().context("the deckies need a user namespace of their own")?;
    child::check_parent().context("cannot be tied to the agent")?;
    apart::close_memory()?;
    let first = agent.receive(Wait::Yes).context("no channel for the face")?;
    let ties = Ties::new(first.fds).context("no channel for the face")?;
    let face = Face::start(&ties).context("cannot start the face")?;
    let began = Instant::now();
    Keeper { face, agent, ties, number: 0, began, deckies: BTreeMap::new() }.serve()
}

impl Keeper {
    fn serve(mut self) -> Result<()> {
        loop {
            let [from_agent, from_face] = self.wait()?;
            if from_face || self.face.is_stuck() {
                let how = self.face.end();
                self.replace_face(how)?;
            }
            if !from_agent {
                continue;
            }
            match self.agent.receive(Wait::Yes) {
                Ok(message) => self.obey(message)?,
                Err(ChannelError::Closed) => break,
                Err(error) => return Err(error).context("cannot hear the agent"),
            }
        }
        // The agent waits for its last words.
        self.face.finish(Instant::now() + GRACE);
        Ok(())
    }

    /// Waits until the agent says something or the face is gone.
    fn wait(&self) -> Result<[bool; 2]> {
        if self.face.is_stuck() {
            return Ok([false; 2]);
        }
        let face = self.face.channel();
        let mut fds = [
            PollFd::new(self.agent.as_fd(), PollFlags::POLLIN),
            PollFd::new(face.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait"),
        }
        Ok(fds.map(|fd| fd.any().unwrap_or(false)))
    }

    fn obey(&mut self, message: Message) -> Result<()> {
        match decode(&message.bytes).context("the agent speaks another protocol")? {
            ToKeeper::Adopt(adopted) => self.adopt(*adopted, message.fds),
            ToKeeper::Make(wanted) => self.make(wanted),
            ToKeeper::Linked(ids) => self.finish(&ids),
            ToKeeper::Drop(ids) => ids.into_iter().try_for_each(|id| self.drop_decky(id)),
            // Its successor is not to blame.
            ToKeeper::EndFace(number) if number != self.number => Ok(()),
            ToKeeper::EndFace(_) => {
                self.face.kill();
                self.replace_face(FaceEnd::Told)
            }
        }
    }

    fn make(&mut self, wanted: Vec<(DeckyId, Placed)>) -> Result<()> {
        let mut made = Vec::new();
        for (id, placed, result) in build::namespaces(wanted) {
            match result {
                Ok(made_one) => {
                    let namespace = made_one.descriptor;
                    self.deckies.insert(id, Held { placed, namespace, served: None });
                    made.push((id, made_one.cookie));
                }
                Err(error) => self.fail(id, &error)?,
            }
        }
        for some in made.chunks(MAX_FDS) {
            let ids = some.iter().map(|(id, _)| id);
            let fds: Vec<BorrowedFd<'_>> = ids
                .filter_map(|id| self.deckies.get(id))
                .map(|held| held.namespace.as_fd())
                .collect();
            self.tell(&FromKeeper::Made(some.to_vec()), &fds)?;
        }
        Ok(())
    }

    fn finish(&mut self, ids: &[DeckyId]) -> Result<()> {
        let jobs = ids.iter().filter_map(|id| Some((*id, self.deckies.get(id)?)));
        let jobs: Vec<_> =
            jobs.map(|(id, held)| (id, &held.placed, held.namespace.as_fd())).collect();
        let done = build::stacks(&jobs);
        for (id, result) in done {
            match result {
                Ok(bound) => self.hand_over(id, bound)?,
                Err(error) => {
                    self.deckies.remove(&id);
                    self.fail(id, &error)?;
                }
            }
        }
        Ok(())
    }

    /// Gives a decky's sockets to the face and to the agent.
    fn hand_over(&mut self, id: DeckyId, bound: Bound) -> Result<()> {
        let Some(held) = self.deckies.get_mut(&id) else { return Ok(()) };
        let served = Served {
            id,
            identity: held.placed.decky.identity.clone(),
            services: held.placed.decky.services.clone(),
            sockets: bound.uses.clone(),
        };
        held.served = Some((served, bound.sockets));
        self.give_to_face(id)?;
        let fds = self.deckies.get(&id).and_then(|held| held.served.as_ref());
        let fds: Vec<BorrowedFd<'_>> =
            fds.iter().flat_map(|(_, fds)| fds).map(|fd| fd.as_fd()).collect();
        self.tell(&FromKeeper::Up(id, bound.uses), &fds)
    }

    /// Takes over a decky that another keeper has made. It is in a user namespace of that one's,
    /// and need not be entered any more.
    fn adopt(&mut self, adopted: Adopted, fds: Vec<OwnedFd>) -> Result<()> {
        let Adopted { id, placed, sockets: uses } = adopted;
        let mut fds = fds.into_iter();
        let namespace = fds.next().context("a decky without a namespace")?;
        let sockets: Vec<OwnedFd> = fds.collect();
        for (socket, of) in sockets.iter().zip(&uses) {
            // The face that waited for somebody there is gone.
            if matches!(of, Socket::Passive(_)) && listen::listens(socket) {
                listen::cease(socket).unwrap_or_default();
            }
        }
        self.deckies.insert(id, Held { placed, namespace, served: None });
        self.hand_over(id, Bound { sockets, uses })
    }

    /// Sends what the face needs to serve a decky. A face that ends meanwhile is replaced, and its
    /// successor is given everything.
    fn give_to_face(&mut self, id: DeckyId) -> Result<()> {
        let Some((served, fds)) = self.deckies.get(&id).and_then(|held| held.served.as_ref())
        else {
            return Ok(());
        };
        let message = encode(&ToFace::Add(Box::new(served.clone())))?;
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
        self.face.send(&message, &fds)
    }

    fn drop_decky(&mut self, id: DeckyId) -> Result<()> {
        if let Some(held) = self.deckies.remove(&id)
            && held.served.is_some()
        {
            self.face.send(&encode(&ToFace::Remove(id))?, &[])?;
        }
        self.tell(&FromKeeper::Gone(id), &[])
    }

    /// Starts another face in the place of one that has ended.
    fn replace_face(&mut self, how: FaceEnd) -> Result<()> {
        // One that cannot live must not keep the machine busy with its successors.
        clock::pause(SOON.saturating_sub(self.began.elapsed()));
        self.began = Instant::now();
        self.number = self.number.wrapping_add(1);
        self.face = Face::start(&self.ties).context("cannot start the face")?;
        let ids: Vec<DeckyId> = self.deckies.keys().copied().collect();
        for id in ids {
            self.revive(id)?;
            self.give_to_face(id)?;
        }
        self.tell(&FromKeeper::FaceReplaced(how), &[])
    }

    /// Lets sockets accept again that the face before has let refuse: they are the same in all
    /// processes.
    fn revive(&self, id: DeckyId) -> Result<()> {
        let Some((served, fds)) = self.deckies.get(&id).and_then(|held| held.served.as_ref())
        else {
            return Ok(());
        };
        let is_stream = |of: &Socket| match of {
            Socket::Service(index) => {
                let service = served.services.get(usize::from(*index));
                service.is_some_and(|service| service.kind().transport() == Transport::Tcp)
            }
            Socket::Passive(_) => false,
        };
        let streams = served.sockets.iter().zip(fds).filter(|(of, _)| is_stream(of));
        let mut revived = 0_usize;
        for (_, socket) in streams.filter(|(_, socket)| !listen::listens(socket)) {
            listen::again(socket).context("a service cannot be reached again")?;
            revived += 1;
        }
        if revived == 0 {
            return Ok(());
        }
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
        self.tell(&FromKeeper::Revived(id, served.sockets.clone()), &fds)
    }

    fn fail(&self, id: DeckyId, error: &anyhow::Error) -> Result<()> {
        self.tell(&FromKeeper::Failed(id, format!("{error:#}")), &[])
    }

    fn tell(&self, message: &FromKeeper, fds: &[BorrowedFd<'_>]) -> Result<()> {
        self.agent.send(&encode(message)?, fds, Wait::Yes).context("cannot reach the agent")
    }
}
