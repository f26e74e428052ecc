//! Sending files: the bytes of one as a body, and a form with one in it (RFC 7578).

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use axum::http::{Request, header, request};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::edge::random;

/// Bytes of a file that are held at a time.
const PIECE: usize = 128 * 1024;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The request cannot be made.
    #[error("cannot make the request")]
    Request(#[from] axum::http::Error),
}

/// A request whose body is what a file has from some byte on.
///
/// # Errors
///
/// [`FormError`].
pub async fn file_request(
    request: request::Builder,
    path: &Path,
    from: u64,
) -> Result<Request<Body>, FormError> {
    let (bytes, pieces) = pieces(path, from).await?;
    Ok(request.header(header::CONTENT_LENGTH, bytes).body(Body::from_stream(pieces))?)
}

/// A request whose body is a form: its fields, then a file if there is one. What the fields hold
/// must have no line that begins with `--`.
///
/// # Errors
///
/// [`FormError`].
pub async fn form_request(
    request: request::Builder,
    fields: &[(&str, &str)],
    file: Option<(&str, &Path)>,
) -> Result<Request<Body>, FormError> {
    let mut secret = [0; 16];
    random::fill(&mut secret);
    let boundary: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut head = String::new();
    for (name, value) in fields {
        head.push_str(&format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    let end = format!("--{boundary}--\r\n");
    let kind = format!("multipart/form-data; boundary={boundary}");
    let request = request.header(header::CONTENT_TYPE, kind);
    let Some((name, path)) = file else {
        return Ok(request.body(Body::from(head + &end))?);
    };
    head.push_str(&format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    ));
    let end = format!("\r\n{end}");
    let (bytes, pieces) = pieces(path, 0).await?;
    let length = bytes + (head.len() + end.len()) as u64;
    let once = |text: String| stream::iter([Ok::<_, std::io::Error>(Bytes::from(text))]);
    let body = Body::from_stream(once(head).chain(pieces).chain(once(end)));
    Ok(request.header(header::CONTENT_LENGTH, length).body(body)?)
}

/// What a file has from some byte on, and how many bytes that are.
async fn pieces(
    path: &Path,
    from: u64,
) -> Result<(u64, impl Stream<Item = std::io::Result<Bytes>> + use<>), FormError> {
    let failed = |source| FormError::Read { path: path.into(), source };
    let mut file = File::open(path).await.map_err(failed)?;
    let size = file.metadata().await.map_err(failed)?.len();
    file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
    let bytes = size.saturating_sub(from);
    let pieces = stream::unfold((file, bytes), |(mut file, left)| async move {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        if most == 0 {
            return None;
        }
        let mut piece = vec![0; most];
        let read = file.read(&mut piece).await.and_then(|count| {
            // It has become shorter since.
            if count == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) }
        });
        Some(match read {
            Ok(count) => {
                piece.truncate(count);
                (Ok(Bytes::from(piece)), (file, left.saturating_sub(count as u64)))
            }
            Err(error) => (Err(error), (file, 0)),
        })
    });
    Ok((bytes, pieces))
}
