//! The control socket: operators' commands, one connection each.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::engine::{Done, Engine, refuse};
use super::placing;
use crate::edge::files;
use crate::logic::config;
use crate::logic::control::{Answer, MAX_LINE, Request};

/// Requests that may wait for the loop.
const QUEUE: usize = 16;
/// Operators at a time.
const OPERATORS: usize = 32;
/// How long an operator may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request and where its answer goes.
pub(super) struct Asked {
    request: Request,
    reply: oneshot::Sender<Reply>,
}

impl Asked {
    /// A request, and where its answer will be.
    pub(super) fn new(request: Request) -> (Self, oneshot::Receiver<Reply>) {
        let (reply, answer) = oneshot::channel();
        (Self { request, reply }, answer)
    }
}

/// Where requests are put, and where the loop takes them.
pub(super) fn queue() -> (mpsc::Sender<Asked>, mpsc::Receiver<Asked>) {
    mpsc::channel(QUEUE)
}

/// What the loop answers.
pub(super) enum Reply {
    /// A line.
    Answer(Answer),
    /// A file, piece by piece.
    Capture(mpsc::Receiver<Vec<u8>>),
}

/// Listens on `path`, which must be in a directory of our own, and puts what is asked to the loop.
pub(super) fn listen(path: &Path, agent: mpsc::Sender<Asked>) -> Result<()> {
    files::remove(path)?;
    let listener = UnixListener::bind(path)
        .with_context(|| format!("cannot listen on `{}`", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot protect `{}`", path.display()))?;
    tokio::spawn(async move {
        static PLACES: Semaphore = Semaphore::const_new(OPERATORS);
        loop {
            let Ok(place) = PLACES.acquire().await else { return };
            let Ok((stream, _)) = listener.accept().await else { continue };
            let agent = agent.clone();
            tokio::spawn(async move {
                if let Err(error) = serve(stream, &agent).await {
                    tracing::debug!(error = format!("{error:#}"), "an operator's connection fails");
                }
                drop(place);
            });
        }
    });
    Ok(())
}

async fn serve(stream: UnixStream, engine: &mpsc::Sender<Asked>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    let mut read = BufReader::new(read.take(most));
    tokio::time::timeout(PATIENCE, read.read_line(&mut line))
        .await
        .context("nothing was asked")??;
    let request = serde_json::from_str(&line).context("not a request")?;
    let (asked, answer) = Asked::new(request);
    engine.send(asked).await.context("the agent is stopping")?;
    match answer.await.context("the agent is stopping")? {
        Reply::Answer(answer) => say(&mut write, &answer).await,
        Reply::Capture(mut pieces) => {
            say(&mut write, &Answer::Capturing).await?;
            let mut gone = [0; 1];
            loop {
                tokio::select! {
                    piece = pieces.recv() => match piece {
                        Some(piece) => write.write_all(&piece).await?,
                        None => return Ok(()),
                    },
                    // The operator says nothing more; this is the end of the connection.
                    _ = read.read(&mut gone) => return Ok(()),
                }
            }
        }
    }
}

async fn say(write: &mut (impl tokio::io::AsyncWrite + Unpin), answer: &Answer) -> Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await.context("the operator is gone")
}

impl Engine {
    /// Does what an operator asks.
    pub(super) fn answer(&mut self, asked: Asked) {
        let Asked { request, reply } = asked;
        match request {
            Request::Status => {
                // Whoever asked may have gone.
                drop(reply.send(Reply::Answer(Answer::Done(self.status()))));
            }
            Request::Deploy { config } => self.deploy(&config, reply),
            Request::Teardown { decky } => self.teardown(decky, reply),
            Request::Capture { decky } => {
                let begun = self
                    .fleet
                    .up(&decky)
                    .with_context(|| format!("there is no decky `{decky}` that answers"))
                    .and_then(|id| self.begin_capture(id));
                match begun {
                    Ok(pieces) => drop(reply.send(Reply::Capture(pieces))),
                    Err(error) => refuse(reply, &error),
                }
            }
        }
    }

    fn deploy(&self, text: &str, reply: oneshot::Sender<Reply>) {
        let fleet = match config::parse(text) {
            Ok(config) => config.fleet,
            Err(error) => return refuse(reply, &error.into()),
        };
        if let Some(other) = &fleet.network.interface
            && *other != self.node.network.interface
        {
            let ours = &self.node.network.interface;
            let message =
                format!("the agent serves `{ours}`: it cannot change to `{other}` while it runs");
            return refuse(reply, &anyhow::anyhow!(message));
        }
        let standing = self.fleet.standing();
        let (node, link, results) = (self.node.clone(), self.parent, self.results.clone());
        tokio::spawn(async move {
            let placed = placing::place(node, link, fleet, standing).await;
            // The loop may have ended.
            drop(results.send(Done::Placed(placed, reply)).await);
        });
    }

    fn teardown(
        &mut self,
        decky: Option<crate::logic::name::DeckyName>,
        reply: oneshot::Sender<Reply>,
    ) {
        match decky {
            None => self.fleet.want(Vec::new()),
            Some(name) if self.fleet.unwant(&name) => {}
            Some(name) => return refuse(reply, &anyhow::anyhow!("there is no decky `{name}`")),
        }
        self.save();
        self.waiting.push(reply);
        if let Err(error) = self.reconcile() {
            tracing::error!(error = format!("{error:#}"), "cannot take deckies away");
        }
    }
}
