//! `POST /swarm/deploy` and `/swarm/teardown`: deckies over many nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Result, anyhow};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use futures_util::{StreamExt as _, stream};
use uuid::Uuid;

use super::app::App;
use super::converge;
use super::nodes::{self, AT_ONCE, STATUS};
use super::problem::Problem;
use crate::edge::clock;
use crate::edge::hosts::HostsError;
use crate::logic::config::{self, Fleet};
use crate::logic::name::DeckyName;
use crate::logic::swarm::spread::{Before, Node, Occupied, spread};
use crate::logic::swarm::{Deploy, Host, HostStatus, NodeReport, OrderedDecky, Outcome, Outcomes};

/// How often deckies are given other addresses because machines of the LAN have theirs.
const ROUNDS: usize = 16;

/// What came of asking a node.
type Answers = Vec<(Host, Result<NodeReport>)>;
/// What is wanted of nodes.
type Wanted = BTreeMap<Uuid, Vec<OrderedDecky>>;

pub(super) async fn deploy(
    State(app): State<Arc<App>>,
    body: Result<Json<Deploy>, JsonRejection>,
) -> Result<Json<Outcomes>, Problem> {
    let Json(asked) = body?;
    let fleet = config::parse(&asked.config)?.fleet;
    let network = &fleet.network;
    if network.interface.is_some() || network.gateway.is_some() || network.subnet6.is_some() {
        return Err(Problem::unfit(
            "[network]: each node finds its own; only `subnet` is taken here, for the addresses \
             that deckies may get",
        ));
    }
    let _turn = app.deploying.try_lock().or(Err(under_way()))?;
    let targets = targets(&app, &asked.hosts)?;
    Ok(Json(outcomes(spread_and_push(&app, &fleet, targets).await?)))
}

pub(super) fn under_way() -> Problem {
    let detail = "another deploy or teardown is under way: try again after it";
    Problem::new(StatusCode::CONFLICT, detail)
}

/// The nodes that are meant: all, when none is named.
pub(super) fn targets(app: &App, named: &[String]) -> Result<Vec<Host>, Problem> {
    let mut hosts = app.hosts().list(None)?;
    hosts.retain(|host| host.status != HostStatus::Decommissioned);
    let is = |host: &Host, text: &String| {
        host.name.as_str() == text || host.host_uuid.to_string() == *text
    };
    for text in named {
        if !hosts.iter().any(|host| is(host, text)) {
            let shown: String = text.chars().flat_map(char::escape_default).take(80).collect();
            let detail = format!("hosts: there is no node `{shown}`");
            return Err(Problem::new(StatusCode::NOT_FOUND, detail));
        }
    }
    hosts.retain(|host| named.is_empty() || named.iter().any(|text| is(host, text)));
    Ok(hosts)
}

async fn spread_and_push(app: &App, fleet: &Fleet, targets: Vec<Host>) -> Result<Answers, Problem> {
    let mut plan = Plan::read(app, &targets)?;
    plan.check_names(fleet).map_err(Problem::unfit)?;
    let asked = each(&targets, |host| async move {
        nodes::ask::<NodeReport>(app, &host, STATUS, None::<&()>).await
    });
    let mut answers = asked.await;
    let mut nodes: Vec<Node> = answers.iter().map(node).collect();
    for _ in 0..ROUNDS {
        let range = fleet.network.subnet;
        let orders = spread(&fleet.deckies, &nodes, &plan.before, range, &plan.occupied)?;
        plan.want(app, &orders)?;
        let hosts: Vec<Host> = answers
            .iter()
            .filter(|(_, answer)| answer.is_ok())
            .map(|(host, _)| host.clone())
            .collect();
        let pushed = each(&hosts, |host| async move { converge::push(app, &host).await }).await;
        for (host, answer) in pushed {
            if let Some(slot) = answers.iter_mut().find(|(other, _)| *other == host) {
                slot.1 = answer;
            }
        }
        if !avoid(&mut nodes, fleet, &orders, &answers) {
            break;
        }
    }
    for (host, answer) in &mut answers {
        if let Err(error) = answer {
            let count = plan.wanted.get(&host.host_uuid).map_or(0, Vec::len);
            *answer = Err(anyhow!(
                "{error:#}; {count} deckies are meant for it, which it gets when it is back"
            ));
        }
    }
    Ok(answers)
}

/// Asks each of `hosts`, many at once.
pub(super) async fn each<F: Future<Output = Result<NodeReport>>>(
    hosts: &[Host],
    ask: impl Fn(Host) -> F,
) -> Answers {
    let ask = &ask;
    stream::iter(hosts.to_vec())
        .map(|host| async move { (host.clone(), ask(host).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

fn node((host, answer): &(Host, Result<NodeReport>)) -> Node {
    let network = answer.as_ref().ok().map(|report| report.network.clone());
    Node { id: host.host_uuid, name: host.name.clone(), network, met: BTreeSet::new() }
}

/// What is known before deckies are spread.
struct Plan {
    before: BTreeMap<DeckyName, Before>,
    wanted: Wanted,
    /// Deckies that are wanted of nodes that are not meant, and where they are.
    elsewhere: BTreeMap<DeckyName, String>,
    occupied: Occupied,
}

impl Plan {
    fn read(app: &App, targets: &[Host]) -> Result<Self, HostsError> {
        let meant: BTreeSet<Uuid> = targets.iter().map(|host| host.host_uuid).collect();
        let mut wanted = app.hosts().all_wanted()?;
        let fleet = app.hosts().fleet()?;
        let mut hosts = app.hosts().list(None)?;
        hosts.retain(|host| host.status != HostStatus::Decommissioned);
        let mut plan = Self {
            before: BTreeMap::new(),
            wanted: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            occupied: Occupied::default(),
        };
        // A name that a node says and that nobody has given it keeps nobody else from the name.
        let others = fleet.iter().filter(|decky| !meant.contains(&decky.host_uuid));
        plan.occupied.claimed.extend(others.filter_map(|decky| v4(decky.decky.ip)));
        for host in hosts {
            plan.occupied.taken.extend(host.address.parse::<Ipv4Addr>());
            let Some(deckies) = wanted.remove(&host.host_uuid) else { continue };
            if !meant.contains(&host.host_uuid) {
                for decky in deckies {
                    plan.occupied.taken.extend(decky.ip);
                    plan.elsewhere.insert(decky.name, host.name.to_string());
                }
            } else {
                plan.remember(host.host_uuid, deckies);
            }
        }
        Ok(plan)
    }

    fn remember(&mut self, node: Uuid, deckies: Vec<OrderedDecky>) {
        let before =
            deckies.iter().map(|decky| (decky.name.clone(), Before { node, ip: decky.ip }));
        self.before.extend(before);
        self.wanted.insert(node, deckies);
    }

    fn check_names(&self, fleet: &Fleet) -> Result<(), String> {
        let there = |name| self.elsewhere.get(name);
        let taken = fleet.deckies.iter().find_map(|wish| Some((wish, there(&wish.name)?)));
        taken.map_or(Ok(()), |(wish, node)| {
            Err(format!("line {}: node `{node}` has a decky `{}` already", wish.line, wish.name))
        })
    }

    /// Keeps what is wanted from now on, of those nodes of which it is something else than before.
    fn want(&mut self, app: &App, orders: &Wanted) -> Result<(), HostsError> {
        let changed: Wanted = orders
            .iter()
            .filter(|(id, deckies)| self.wanted.get(id) != Some(deckies))
            .map(|(id, deckies)| (*id, deckies.clone()))
            .collect();
        app.hosts().want(&changed, clock::now())?;
        self.before.clear();
        for (id, deckies) in orders {
            self.remember(*id, deckies.clone());
        }
        Ok(())
    }
}

/// Takes note of addresses that nodes found other machines to have, each among those that it was
/// given; says whether that changes anything.
fn avoid(nodes: &mut [Node], fleet: &Fleet, orders: &Wanted, answers: &Answers) -> bool {
    let chosen: BTreeSet<&DeckyName> =
        fleet.deckies.iter().filter(|wish| wish.ip.is_none()).map(|wish| &wish.name).collect();
    let mut is_more = false;
    for (host, answer) in answers {
        let Some(node) = nodes.iter_mut().find(|node| node.id == host.host_uuid) else { continue };
        let given: BTreeMap<_, _> = orders
            .get(&node.id)
            .into_iter()
            .flatten()
            .filter(|decky| chosen.contains(&decky.name))
            .map(|decky| (&decky.name, decky.ip))
            .collect();
        let said = answer.as_ref().ok().and_then(|report| report.deckies.as_deref());
        for decky in said.unwrap_or_default() {
            let met = decky.conflict.and_then(v4);
            if met.is_some() && given.get(&decky.name) == Some(&met) {
                is_more |= met.is_some_and(|ip| node.met.insert(ip));
            }
        }
    }
    is_more
}

fn v4(ip: IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// One for each node, in the order of their names.
pub(super) fn outcomes(mut answers: Answers) -> Outcomes {
    answers.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let results = answers.into_iter().map(|(host, answer)| Outcome::deployed(&host, answer));
    Outcomes { results: results.collect() }
}
