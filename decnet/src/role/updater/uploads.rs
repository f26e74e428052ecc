//! `/uploads/{sha256}`: what is sent in pieces, so that a broken transfer goes on.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;

use super::answer::Answer;
use super::app::App;
use super::form::{Writer, open, unwritten};
use super::parts::{STALL, slow};
use crate::logic::release::Digest;

/// How much of it there is.
const OFFSET: &str = "upload-offset";

fn named(text: &str) -> Result<Digest, Answer> {
    let bad = |error| Answer::problem(StatusCode::BAD_REQUEST, format!("sha256: {error}"));
    text.parse().map_err(bad)
}

fn at(status: StatusCode, offset: u64) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert(OFFSET, HeaderValue::from(offset));
    response
}

/// How much is there.
pub(super) async fn offset(
    State(app): State<Arc<App>>,
    Path(sha256): Path<String>,
) -> Result<Response, Answer> {
    Ok(at(StatusCode::OK, app.spool.offset(named(&sha256)?)))
}

/// Adds to what is there.
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Answer> {
    let sha256 = named(&sha256)?;
    let offset = headers.get(OFFSET).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let missing =
        || Answer::problem(StatusCode::BAD_REQUEST, format!("{OFFSET}: it takes a number"));
    let offset = offset.ok_or_else(missing)?;
    let room = app.has_space(&headers)?;
    let transfer = open(&app.spool, sha256)?;
    let there = transfer.len().map_err(|error| unwritten(&error))?;
    if there != offset {
        return Ok(at(StatusCode::CONFLICT, there));
    }
    let added = receive(&mut body, Writer::new(&transfer, room)?).await;
    if let Err(Answer { status, .. }) = &added
        && matches!(*status, StatusCode::INSUFFICIENT_STORAGE | StatusCode::PAYLOAD_TOO_LARGE)
    {
        // There is no going on from here, and the space is somebody else's.
        transfer.forget();
        return added.map(IntoResponse::into_response);
    }
    added?;
    let there = transfer.len().map_err(|error| unwritten(&error))?;
    Ok(at(StatusCode::NO_CONTENT, there))
}

/// Adds what comes.
async fn receive(body: &mut Body, mut writer: Writer) -> Result<(), Answer> {
    let late = |_elapsed| slow("and it is not whole");
    while let Some(frame) = tokio::time::timeout(STALL, body.frame()).await.map_err(late)? {
        // What has come stays: the sender goes on from there.
        let Ok(frame) = frame else { break };
        if let Ok(bytes) = frame.into_data() {
            writer.put(&bytes).await?;
        }
    }
    writer.end().await
}
