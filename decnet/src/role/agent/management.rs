//! How the master's side of the node stands. The loop tells it, and waits for none of it.

use std::sync::Arc;

use tokio::sync::watch;

use super::engine::Engine;
use crate::edge::clock;
use crate::edge::pki::Identity;
use crate::logic::credential::{Credential, Reminder, Validity};
use crate::logic::event::Kind;
use crate::logic::metrics::{self, Gauge};
use crate::role::credentials;

/// What the tasks that serve the master say of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Management {
    /// Why the master cannot be served, or does not hear the node.
    trouble: Option<Arc<str>>,
    /// Of which node the certificate is, and when it is good.
    certificate: Option<(Arc<str>, Validity)>,
}

impl Management {
    /// The master cannot be served.
    pub(super) fn hindered(why: &str) -> impl FnOnce(&mut Self) {
        move |said| said.trouble = Some(why.into())
    }

    /// The master is served with this identity.
    pub(super) fn served(identity: &Identity) -> impl FnOnce(&mut Self) {
        move |said| {
            let (name, validity) = (identity.caller.name.as_str().into(), identity.validity);
            *said = Self { trouble: None, certificate: Some((name, validity)) };
        }
    }
}

impl Management {
    /// When the agent's certificate ends, if it has one.
    pub(super) fn gauge(&self) -> Gauge {
        let certificate = self.certificate.as_ref();
        let end =
            |(name, it): &(Arc<str>, Validity)| (Credential::Agent, name.to_string(), it.until);
        metrics::ends(certificate.map(end))
    }
}

/// What the loop knows of it.
#[derive(Debug)]
pub(super) struct Watched {
    said: watch::Receiver<Management>,
    reminder: Reminder,
}

impl Watched {
    /// What is said from now on.
    pub(super) fn new(said: watch::Receiver<Management>) -> Self {
        Self { said, reminder: Reminder::default() }
    }

    /// What an operator is to know of it, when something is wrong.
    pub(super) fn trouble(&self) -> Option<String> {
        let said = self.said.borrow();
        if let Some(why) = &said.trouble {
            return Some(format!("the master is not served: {why}"));
        }
        let (node, validity) = said.certificate.as_ref()?;
        Credential::Agent.warning(validity.standing(clock::now()), node)
    }
}

impl Engine {
    /// Tells that the agent's certificate ends, has ended or is not good yet, once a day.
    pub(super) fn watch_management(&mut self) {
        let certificate = self.management.said.borrow().certificate.clone();
        let Some((node, validity)) = certificate else { return };
        let standing = validity.standing(clock::now());
        let Some(urgency) = self.management.reminder.ask(standing) else { return };
        let credential = Credential::Agent;
        credentials::warn(credential, urgency, standing, &node);
        self.put(Kind::CredentialExpiring, |event| {
            event.data = credential.data(validity, standing)
        });
    }
}
