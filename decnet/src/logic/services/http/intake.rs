//! Looks at the body of a request as it passes: logins and files.

use super::creds::{self, Login};
use super::head::Head;
use super::multipart::{File, Multipart};
use crate::logic::event::{Data, Kind, MAX_RAW, Outcome, text, text_within};
use crate::logic::services::capture::Capture;
use crate::logic::services::{Piece, Reply, Report};

/// Most bytes of a form that are kept to be read.
const MAX_FORM: usize = 64 * 1024;

/// A body as it passes.
#[derive(Debug)]
pub(super) struct Intake {
    content: Content,
    /// How many bytes passed.
    pub(super) bytes: u64,
}

#[derive(Debug)]
enum Content {
    Form(Vec<u8>),
    Json(Vec<u8>),
    Other,
    Parts(Box<Multipart>),
    Put(File),
}

impl Intake {
    /// For the body that `head` announces. What is captured of it has numbers from `number` on.
    pub(super) fn of(head: &Head<'_>, number: u32) -> Self {
        let kind = head.field("content-type").unwrap_or_default();
        let holds =
            |word: &[u8]| kind.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        let content = if head.method() == b"PUT" {
            Content::Put(File { name: text(head.target()), content: Capture::new(number) })
        } else if let Some(parts) = Multipart::of(kind, number) {
            Content::Parts(Box::new(parts))
        } else if holds(b"json") {
            Content::Json(Vec::new())
        } else if kind.is_empty() || holds(b"x-www-form-urlencoded") {
            Content::Form(Vec::new())
        } else {
            Content::Other
        };
        Self { content, bytes: 0 }
    }

    /// Bytes that are held of it.
    pub(super) fn held(&self) -> usize {
        match &self.content {
            Content::Form(kept) | Content::Json(kept) => kept.capacity(),
            Content::Other => 0,
            Content::Parts(parts) => parts.held(),
            Content::Put(_) => MAX_RAW,
        }
    }

    /// Whether it is looked for logins and files.
    pub(super) fn is_read(&self) -> bool {
        !matches!(self.content, Content::Other)
    }

    /// Looks at what has come.
    pub(super) fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        match &mut self.content {
            Content::Form(kept) | Content::Json(kept) => {
                let room = MAX_FORM.saturating_sub(kept.len());
                kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            Content::Other => {}
            Content::Parts(parts) => parts.push(bytes, pieces),
            Content::Put(file) => file.content.update(bytes, pieces),
        }
    }

    /// Reports what was found.
    pub(super) fn finish(self, target: &str, reply: &mut Reply) {
        match self.content {
            Content::Form(form) => attempt(creds::in_form(&form), "form", target, reply),
            Content::Json(document) => attempt(creds::in_json(&document), "json", target, reply),
            Content::Other => {}
            Content::Parts(mut parts) => {
                parts.finish(&mut reply.pieces);
                let mut login = Login::default();
                for (name, value) in &parts.fields {
                    login.heed(name, value);
                }
                attempt(login.found(), "multipart", target, reply);
                for file in parts.files {
                    upload(file, target, reply);
                }
            }
            Content::Put(file) if file.content.is_empty() => {}
            Content::Put(file) => upload(file, target, reply),
        }
    }
}

/// Reports the logins that a head carries.
pub(super) fn in_head(head: &Head<'_>, target: &str, reply: &mut Reply) {
    if let Some(field) = head.field("authorization") {
        attempt(creds::in_authorization(field), "basic", target, reply);
    }
    let query = super::message::query_part(head.target());
    if !query.is_empty() {
        attempt(creds::in_form(query), "query", target, reply);
    }
}

fn attempt(login: Option<Login>, via: &'static str, target: &str, reply: &mut Reply) {
    let Some(login) = login else { return };
    let mut report = Report::login(
        login.user.unwrap_or_default(),
        login.password.unwrap_or_default(),
        Outcome::Failure,
    );
    report.data = Data::new().with("via", via).with("target", target.to_owned());
    reply.report(report);
}

fn upload(file: File, target: &str, reply: &mut Reply) {
    let name = text_within(file.name.as_bytes(), 1024);
    let bytes = file.content.len();
    let data =
        Data::new().with("name", name).with("target", target.to_owned()).with("bytes", bytes);
    reply.report(file.content.finish(Report::new(Kind::FileUpload).data(data)));
}
