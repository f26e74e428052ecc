//! Every credential of a fleet: who renews it, when, and what warns of its end.

use Warns::{Event, List, Log, Status};

use super::{Data, Standing, Validity};

/// How a node comes back.
const REJOIN: &str = "`decnet swarm token --name NODE --rejoin`";
/// When what is renewed by itself is.
const SIXTY: &str = "60 days before its end, tried every hour";

/// Where somebody hears that a credential ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warns {
    /// An event `credential.expiring`, in the journal and, on a node, in its store.
    Event,
    /// `decnet swarm list`.
    List,
    /// The log of the daemon.
    Log,
    /// `systemctl status`.
    Status,
}

/// A credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The certificate of a node's agent.
    Agent,
    /// The secret that signs the sessions of the API.
    ApiSecret,
    /// The authority's certificate.
    Authority,
    /// The certificate with which the master commands nodes, and which it shows at its port for
    /// them.
    Master,
    /// The token of the operators of swarmctl.
    OperatorToken,
    /// The root of trust of the releases.
    ReleaseRoot,
    /// The certificate of a node's updater.
    Updater,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    /// How long it lasts.
    pub lasts: &'static str,
    /// Who renews it.
    pub renewer: &'static str,
    /// When.
    pub when: &'static str,
    /// What warns of its end.
    pub warns: &'static [Warns],
    /// What is left to do when it has ended all the same.
    pub way_back: &'static str,
}

impl Credential {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Agent,
        Self::ApiSecret,
        Self::Authority,
        Self::Master,
        Self::OperatorToken,
        Self::ReleaseRoot,
        Self::Updater,
    ];

    /// What it is called in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::ApiSecret => "api_secret",
            Self::Authority => "authority",
            Self::Master => "master",
            Self::OperatorToken => "operator_token",
            Self::ReleaseRoot => "release_root",
            Self::Updater => "updater",
        }
    }

    /// What is known of it.
    pub fn row(self) -> Row {
        match self {
            Self::Agent => Row {
                name: "agent's certificate",
                lasts: "a year",
                renewer: "the agent, at the master's port for nodes",
                when: SIXTY,
                warns: &[Event, List, Log, Status],
                way_back: REJOIN,
            },
            Self::ApiSecret => Row {
                name: "secret of the API's sessions",
                lasts: "without end; a session lasts hours",
                renewer: "the api, which makes it with the store",
                when: "with a new store",
                warns: &[],
                way_back: "log in again",
            },
            Self::Authority => Row {
                name: "authority",
                lasts: "ten years",
                renewer: "swarmctl, when an operator says `decnet swarm ca rotate`",
                when: "years before its end, or when its key may have been copied",
                warns: &[Event, Log],
                way_back: "nothing ends with it: daemons do not ask until when it is good",
            },
            Self::Master => Row {
                name: "master's certificate, also that of its port for nodes",
                lasts: "a year",
                renewer: "swarmctl",
                when: "60 days before its end, looked at every few seconds",
                warns: &[Event, Log],
                way_back: "start swarmctl",
            },
            Self::OperatorToken => Row {
                name: "token of swarmctl's operators",
                lasts: "without end",
                renewer: "swarmctl, when its file is not there",
                when: "at the start",
                warns: &[],
                way_back: "remove the file, start swarmctl",
            },
            Self::ReleaseRoot => Row {
                name: "root of trust of the releases",
                lasts: "as its makers say",
                renewer: "the keepers of its keys, with `decnet release root`",
                when: "before its end",
                warns: &[Event, Log],
                way_back: "a newer root in a bundle, or by hand; its end stops no daemon",
            },
            Self::Updater => Row {
                name: "updater's certificate",
                lasts: "a year",
                renewer: "the master, at the updater's port",
                when: SIXTY,
                warns: &[Event, List, Log, Status],
                way_back: REJOIN,
            },
        }
    }

    /// What an operator is to know of one of `node` that stands so; `None` when all is well.
    pub fn warning(self, standing: Standing, node: &str) -> Option<String> {
        standing.urgency()?;
        let name = self.row().name;
        let advice = match (self, standing) {
            (_, Standing::NotYet) => "is the clock of this machine right?".to_owned(),
            (Self::Agent | Self::Updater, Standing::Ended { .. }) => {
                let node = node.strip_prefix("updater@").unwrap_or(node);
                format!("`decnet swarm token --name {node} --rejoin` on the master takes it back")
            }
            (Self::Agent | Self::Updater, Standing::Good { .. }) => {
                "the master has not renewed it".to_owned()
            }
            _ => self.row().renewer.to_owned() + " renews it",
        };
        Some(format!("the {name}: {standing}; {advice}"))
    }

    /// What the event of its end says.
    pub fn data(self, validity: Validity, standing: Standing) -> Data {
        Data::new()
            .with("credential", self.row().name)
            .with("state", standing.as_str())
            .with("days", standing.days_left())
            .with("until", validity.until.to_string())
    }
}
