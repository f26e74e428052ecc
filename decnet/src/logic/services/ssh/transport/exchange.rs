//! Key exchanges as they run: offers, the method's messages, new keys.

use super::{Login, MAX_EXCHANGES, Transport};
use crate::logic::services::ssh::fault::Fault;
use crate::logic::services::ssh::fingerprint;
use crate::logic::services::ssh::kex::{
    self, Agreed, Answer, Begun, Compression, Direction, GroupRequest, Keys, Method, Proposal,
    Raising,
};
use crate::logic::services::ssh::number;
use crate::logic::services::ssh::packet::{Packet, Protection};
use crate::logic::services::ssh::random::Random;
use crate::logic::services::ssh::wire::{Reader, Writer};
use crate::logic::services::ssh::zlib::{Begin, Deflate, Inflate};
use crate::logic::services::{Context, Reply};

/// Where a key exchange stands.
#[derive(Debug, Default)]
pub(super) enum Exchange {
    /// Both sides know what will be done; the visitor's value is to come.
    Agreed(Box<Agreement>),
    /// None runs.
    #[default]
    Idle,
    /// We use new keys; the visitor will after its next message.
    NewKeys(Box<(Protection, Compression)>),
    /// We have offered.
    Offered(Box<Offer>),
}

/// What the first key exchange settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initial {
    /// It is done; later ones start the numbers of packets again if the flag is set.
    Done { restart: bool },
    /// It runs.
    Running,
    /// It runs in the strict form.
    Strict,
}

/// Our offer.
#[derive(Debug)]
pub(super) struct Offer {
    message: Vec<u8>,
    kex: String,
}

/// Both offers and what follows.
#[derive(Debug)]
pub(super) struct Agreement {
    agreed: Agreed,
    ours: Vec<u8>,
    theirs: Vec<u8>,
    group: Option<GroupRequest>,
    skip: Skip,
    answering: Answering,
}

/// How far the answer to the visitor's value has come.
#[derive(Debug, Default)]
enum Answering {
    /// It is there, and has to be signed.
    Answered(Answer),
    /// It takes a while, and comes in pieces.
    Raising(Box<Raising>),
    /// It takes a while: this visitor's turn is waited for.
    Wanted,
    #[default]
    Nothing,
}

/// Whether the next message is a wrong guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    Next,
    Nothing,
}

impl Exchange {
    /// Whether what others say must wait.
    pub(super) fn holds_others(&self) -> bool {
        matches!(self, Self::Agreed(_) | Self::Offered(_))
    }
}

impl Initial {
    fn restarts(self) -> bool {
        matches!(self, Self::Strict | Self::Done { restart: true })
    }

    fn is_done(self) -> bool {
        matches!(self, Self::Done { .. })
    }
}

impl Transport {
    /// Whether a message of this kind is for the key exchange.
    pub(super) fn is_exchanging(&self, kind: u8) -> bool {
        let begins = kind == number::KEXINIT && self.login == Login::Done;
        kind < number::USERAUTH_REQUEST && (begins || !matches!(self.exchange, Exchange::Idle))
    }

    /// Offers what the profile has.
    pub(super) fn offer(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let kex = self.profile.kex_for(&self.idents.client);
        let cookie = Random::new(context.random).bytes();
        let message = kex::offer(self.profile, &kex, cookie);
        self.seal(&message, context, reply);
        self.exchange = Exchange::Offered(Box::new(Offer { message, kex }));
    }

    /// Goes on with a message of the exchange.
    pub(super) fn exchange_message(
        &mut self,
        packet: Packet,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<(), Fault> {
        if packet.kind() == number::KEXINIT && matches!(self.exchange, Exchange::Idle) {
            self.offer(context, reply);
        }
        match std::mem::take(&mut self.exchange) {
            Exchange::Offered(offer) if packet.kind() == number::KEXINIT => {
                self.agree(*offer, packet, reply)
            }
            Exchange::Agreed(mut agreement) if agreement.skip == Skip::Next => {
                agreement.skip = Skip::Nothing;
                self.exchange = Exchange::Agreed(agreement);
                Ok(())
            }
            Exchange::Agreed(agreement) if agreement.awaits(packet.kind()) => {
                self.agreed_message(agreement, packet, context, reply)
            }
            Exchange::NewKeys(next) if packet.kind() == number::NEWKEYS => {
                Reader::new(packet.body()).end()?;
                let (protection, compression) = *next;
                self.new_keys(protection, compression);
                Ok(())
            }
            other => {
                self.exchange = other;
                self.out_of_place(&packet, context, reply)
            }
        }
    }

    /// A message that nothing waits for.
    fn out_of_place(
        &mut self,
        packet: &Packet,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<(), Fault> {
        let kind = packet.kind();
        if self.initial == Initial::Strict {
            if kind >= number::USERAUTH_REQUEST {
                return Err(Fault::Drop);
            }
            let seq = packet.seq;
            return Err(Fault::Disconnect(format!(
                "strict KEX violation: unexpected packet type {kind} (seqnr {seq})"
            )));
        }
        self.unimplemented(packet.seq, context, reply);
        Ok(())
    }

    /// Takes the visitor's offer.
    fn agree(&mut self, offer: Offer, packet: Packet, reply: &mut Reply) -> Result<(), Fault> {
        self.exchanges = self.exchanges.saturating_add(1);
        if self.exchanges > MAX_EXCHANGES {
            return Err(Fault::Drop);
        }
        let proposal = Proposal::read(packet.body())?;
        if !self.initial.is_done() {
            reply.report(fingerprint::report(&proposal, &self.idents.client));
        }
        let agreed = proposal.agree(self.profile, &offer.kex)?;
        if self.initial == Initial::Running && agreed.strict {
            self.initial = Initial::Strict;
            if packet.seq != 0 {
                let why = "strict KEX violation: KEXINIT was not the first packet";
                return Err(Fault::Disconnect(why.to_owned()));
            }
        }
        let skip = if agreed.skip_next { Skip::Next } else { Skip::Nothing };
        let (ours, theirs) = (offer.message, packet.payload);
        let answering = Answering::Nothing;
        let agreement = Agreement { agreed, ours, theirs, group: None, skip, answering };
        self.exchange = Exchange::Agreed(Box::new(agreement));
        Ok(())
    }

    /// Answers the visitor's value, or its wish for a group.
    fn agreed_message(
        &mut self,
        mut agreement: Box<Agreement>,
        packet: Packet,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<(), Fault> {
        if packet.kind() == number::KEX_GEX_REQUEST {
            let group = GroupRequest::read(packet.body(), &mut Random::new(context.random))?;
            let message = Writer::message(number::KEX_REPLY).raw(group.group()).done();
            self.seal(&message, context, reply);
            agreement.group = Some(group);
            self.exchange = Exchange::Agreed(agreement);
            return Ok(());
        }
        let method = agreement.agreed.method;
        let mut reader = Reader::new(packet.body());
        let theirs = match method {
            Method::Exchange | Method::Group(..) => reader.mpint()?,
            Method::Nist(_) | Method::Sntrup | Method::X25519 => reader.string()?,
        };
        reader.end()?;
        let answer = match agreement.go_on(theirs, &mut Random::new(context.random))? {
            Answering::Answered(answer) => answer,
            answering => {
                agreement.answering = answering;
                self.exchange = Exchange::Agreed(agreement);
                self.stalled = Some(packet);
                return Ok(());
            }
        };
        let host_key = agreement.agreed.host_key;
        let secret = &context.decky.secret;
        let Ok(public) = context.state.ssh.public(host_key, self.profile, secret) else {
            agreement.answering = Answering::Answered(answer);
            self.exchange = Exchange::Agreed(agreement);
            self.stalled = Some(packet);
            return Ok(());
        };
        let exchange = self.hash(&agreement, &public, theirs, &answer);
        let Ok(signature) = context.state.ssh.sign(host_key, &exchange, self.profile, secret)
        else {
            return Err(Fault::Drop);
        };
        let kind =
            if agreement.group.is_some() { number::KEX_GEX_REPLY } else { number::KEX_REPLY };
        let message = Writer::message(kind).string(&public).raw(method.value(&answer.public));
        self.seal(&message.string(signature).done(), context, reply);
        self.answered(&agreement.agreed, answer, exchange, context, reply);
        Ok(())
    }

    /// The exchange hash (RFC 4253 section 8, RFC 4419 section 3).
    fn hash(
        &self,
        agreement: &Agreement,
        public: &[u8],
        theirs: &[u8],
        answer: &Answer,
    ) -> Vec<u8> {
        let method = agreement.agreed.method;
        let group = agreement.group.as_ref().map(GroupRequest::hashed).unwrap_or_default();
        let hashed = Writer::default()
            .string(&self.idents.client)
            .string(&self.idents.server)
            .string(&agreement.theirs)
            .string(&agreement.ours)
            .string(public)
            .raw(group)
            .raw(method.value(theirs))
            .raw(method.value(&answer.public))
            .raw(&answer.shared);
        method.hash().of(&[hashed.as_ref()])
    }

    /// Our half is done: we use the new keys from here on.
    fn answered(
        &mut self,
        agreed: &Agreed,
        answer: Answer,
        exchange: Vec<u8>,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        self.seal(&[number::NEWKEYS], context, reply);
        if self.session.is_empty() {
            self.session.clone_from(&exchange);
        }
        let session = self.session.clone();
        let hash = agreed.method.hash();
        let keys = Keys { hash, shared: answer.shared, exchange, session };
        let restart = self.initial.restarts();
        self.sealer.rekey(keys.protection(agreed.down, Direction::Down), restart);
        self.deflate =
            (agreed.down.compression == Compression::Zlib).then(|| Deflate::new(self.begin()));
        let up = keys.protection(agreed.up, Direction::Up);
        self.exchange = Exchange::NewKeys(Box::new((up, agreed.up.compression)));
        if !self.initial.is_done() && agreed.extensions {
            self.extensions(context, reply);
        }
        self.queued = 0;
        for message in std::mem::take(&mut self.queue) {
            self.seal(&message, context, reply);
        }
    }

    /// The visitor's half is done too.
    fn new_keys(&mut self, protection: Protection, compression: Compression) {
        let restart = self.initial.restarts();
        self.opener.rekey(protection, restart);
        self.inflate = (compression == Compression::Zlib).then(|| Inflate::new(self.begin()));
        self.initial = Initial::Done { restart };
        self.exchange = Exchange::Idle;
    }

    fn begin(&self) -> Begin {
        match self.login {
            Login::Done => Begin::Now,
            Login::Open => Begin::AtLogin,
        }
    }

    /// Compression that was agreed on begins in both directions.
    pub(super) fn start_compression(&mut self) {
        self.deflate = self.deflate.is_some().then(|| Deflate::new(Begin::Now));
        self.inflate = self.inflate.is_some().then(|| Inflate::new(Begin::Now));
    }

    /// Tells the visitor what else is known here (RFC 8308).
    fn extensions(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let extensions = self.profile.extensions;
        if extensions.is_empty() {
            return;
        }
        let count = u32::try_from(extensions.len()).unwrap_or_default();
        let message = Writer::message(number::EXT_INFO).u32(count);
        let message = extensions
            .iter()
            .fold(message, |message, (name, value)| message.string(name).string(value));
        self.seal(&message.done(), context, reply);
    }
}

impl Agreement {
    /// Goes on with the answer to the visitor's value, for a piece.
    fn go_on(&mut self, theirs: &[u8], random: &mut Random<'_>) -> Result<Answering, Fault> {
        let method = self.agreed.method;
        let cheap = method.is_cheap() && self.agreed.host_key.is_cheap();
        Ok(match std::mem::take(&mut self.answering) {
            Answering::Nothing if !cheap => Answering::Wanted,
            Answering::Nothing | Answering::Wanted => {
                match method.begin(self.group.as_ref(), theirs, random)? {
                    Begun::Answer(answer) => Answering::Answered(answer),
                    Begun::Raising(raising) => Answering::Raising(raising),
                }
            }
            Answering::Raising(mut raising) => match raising.go_on() {
                Some(answer) => Answering::Answered(answer),
                None => Answering::Raising(raising),
            },
            answered @ Answering::Answered(_) => answered,
        })
    }

    /// Whether it waits for a message of this kind.
    fn awaits(&self, kind: u8) -> bool {
        match (self.agreed.method, &self.group) {
            (Method::Exchange, None) => kind == number::KEX_GEX_REQUEST,
            (Method::Exchange, Some(_)) => kind == number::KEX_GEX_INIT,
            _ => kind == number::KEX_INIT,
        }
    }
}
