//! The control socket: operators' commands, one connection each.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::engine::{Engine, refuse};
use crate::edge::{denied, files};
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

impl Asked {
    /// Puts a request to the loop and waits for its answer; `None` when the agent is stopping, or
    /// the answer is no line.
    pub(super) async fn put(agent: &mpsc::Sender<Self>, request: Request) -> Option<Answer> {
        let (asked, answer) = Self::new(request);
        agent.send(asked).await.ok()?;
        match answer.await.ok()? {
            Reply::Answer(answer) => Some(answer),
            Reply::Capture(_) => None,
        }
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
        .map_err(|error| denied::explain(path, error))
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
            Request::Report => {
                let report = Box::new(self.report());
                drop(reply.send(Reply::Answer(Answer::Report(report))));
            }
            Request::Deploy { config, keep } => self.deploy(&config, keep, reply),
            Request::Order(order) => self.order(order, reply),
            Request::Mutate { decky, services } => self.mutate(&decky, &services, reply),
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
}
