//! Requests to the server as a whole.

use super::super::fault::Fault;
use super::super::hostkey::Algorithm;
use super::super::link::Link;
use super::super::number;
use super::super::random::Random;
use super::super::wire::{Malformed, Reader, Writer, names};
use super::forward;
use super::{Connection, MoreSessions};

/// Most addresses that the visitor may believe to be listened on.
const MAX_LISTENING: usize = 16;
/// Most keys that are proven in one request.
const MAX_PROOFS: usize = 8;

impl Connection {
    /// A `SSH_MSG_GLOBAL_REQUEST`.
    pub(super) fn global(
        &mut self,
        mut reader: Reader<'_>,
        link: &mut Link<'_, '_>,
    ) -> Result<(), Fault> {
        let kind = reader.text()?;
        let wants_answer = reader.flag()?;
        let answer = match kind {
            b"tcpip-forward" => self.listen(reader, link)?,
            b"cancel-tcpip-forward" => {
                let address = (reader.text()?.to_vec(), reader.u32()?);
                let before = self.listening.len();
                self.listening.retain(|known| *known != address);
                (self.listening.len() < before).then(Vec::new)
            }
            b"streamlocal-forward@openssh.com" => {
                let path = reader.text()?;
                link.reply.report(forward::report(&crate::logic::event::text(path), "streamlocal"));
                Some(Vec::new())
            }
            b"no-more-sessions@openssh.com" => {
                self.more_sessions = MoreSessions::GivenUp;
                Some(Vec::new())
            }
            b"hostkeys-prove-00@openssh.com" => self.prove(reader, link)?,
            _ => None,
        };
        if wants_answer {
            link.send(match answer {
                Some(body) => Writer::message(number::REQUEST_SUCCESS).raw(body),
                None => Writer::message(number::REQUEST_FAILURE),
            });
        }
        Ok(())
    }

    /// Says that a port is listened on. Nobody listens, so nobody will ever come.
    fn listen(
        &mut self,
        mut reader: Reader<'_>,
        link: &mut Link<'_, '_>,
    ) -> Result<Option<Vec<u8>>, Malformed> {
        let (host, port) = (reader.text()?, reader.u32()?);
        link.reply.report(forward::report(&forward::target(host, port), "tcpip-forward"));
        // Only root may have a low port.
        let allowed = port == 0 || (1024..65_536).contains(&port) || self.user == "root";
        if !allowed || self.listening.len() >= MAX_LISTENING {
            return Ok(None);
        }
        if port > 0 {
            self.listening.push((host.to_vec(), port));
            return Ok(Some(Vec::new()));
        }
        // A port of the kernel's choice.
        let choice = u16::from_be_bytes(Random::new(link.context.random).bytes());
        let port = 32_768 + u32::from(choice) % 28_232;
        self.listening.push((host.to_vec(), port));
        Ok(Some(Writer::default().u32(port).done()))
    }

    /// Proves that the host keys are ours (OpenSSH, PROTOCOL section 2.5).
    fn prove(
        &self,
        mut reader: Reader<'_>,
        link: &mut Link<'_, '_>,
    ) -> Result<Option<Vec<u8>>, Malformed> {
        let (profile, secret) = (self.profile, &link.context.decky.secret);
        let keys = &mut link.context.state.ssh;
        let session = link.transport.session();
        let mut proofs = Writer::default();
        for _ in 0..MAX_PROOFS {
            if reader.rest().is_empty() {
                return Ok(Some(proofs.done()));
            }
            let wanted = reader.string()?;
            let mut known = names(profile.host_keys).filter_map(Algorithm::named);
            let found = known.find(|algorithm| {
                keys.public(*algorithm, profile, secret).is_ok_and(|key| key == wanted)
            });
            let Some(algorithm) = found else { return Ok(None) };
            let message = Writer::default().string("hostkeys-prove-00@openssh.com");
            let message = message.string(session).string(wanted).done();
            let Ok(proof) = keys.sign(algorithm, &message, profile, secret) else {
                return Ok(None);
            };
            proofs = proofs.string(proof);
        }
        Ok(None)
    }
}
