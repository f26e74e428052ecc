//! How each server refuses a request that is none.

use super::answer::{Answer, Framing};
use super::flavor::Flavor;
use super::head::{Fault, Head};
use super::page::Signature;
use crate::logic::services::template;

/// The answer to a request that is wrong in this way.
pub(super) fn answer(who: Signature<'_>, fault: Fault, head: &Head<'_>) -> Answer {
    let (status, detail) = match who.flavor {
        Flavor::Apache => return apache(who, fault, head),
        Flavor::Iis => http_sys(fault),
        Flavor::Nginx => nginx(fault),
        Flavor::Lighttpd | Flavor::Plain => (small(fault), ""),
    };
    Answer::error(who, status, detail)
}

fn apache(who: Signature<'_>, fault: Fault, head: &Head<'_>) -> Answer {
    const BAD: &str = "Your browser sent a request that this server could not understand.<br />\n";
    const LONG: &str =
        "The requested URL's length exceeds the capacity\nlimit for this server.<br />\n";
    const ENTITY: &str = "The requested resource does not allow request data with GET requests, or the amount of data provided in\nthe request exceeds the capacity limit.\n";
    let detail = match fault {
        Fault::TargetLong => return Answer::error(who, 414, LONG),
        Fault::Entity => return Answer::error(who, 413, ENTITY),
        Fault::Expect => {
            let said = String::from_utf8_lossy(head.field("expect").unwrap_or_default());
            let detail = format!(
                "The expectation given in the Expect request-header\nfield could not be met by this server.\nThe client sent<pre>\n    Expect: {}\n</pre>\n</p><p>Only the 100-continue expectation is supported.",
                template::escaped(&said)
            );
            let mut answer = Answer::error(who, 417, &detail);
            answer.abrupt = true;
            return answer;
        }
        Fault::FieldLong => {
            format!("{BAD}Size of a request header field exceeds server limit.")
        }
        Fault::Fields => {
            format!("{BAD}The number of request header fields exceeds this server's limit.")
        }
        _ => BAD.to_owned(),
    };
    let mut answer = Answer::error(who, 400, &detail);
    if fault == Fault::Chunk {
        answer.framing = Framing::Nothing;
    }
    answer
}

fn nginx(fault: Fault) -> (u16, &'static str) {
    match fault {
        Fault::Entity => (413, ""),
        Fault::FieldLong | Fault::Fields => (400, "Request Header Or Cookie Too Large"),
        Fault::TargetLong => (414, ""),
        Fault::TransferEncoding => (501, ""),
        Fault::Version => (505, ""),
        _ => (400, ""),
    }
}

fn http_sys(fault: Fault) -> (u16, &'static str) {
    match fault {
        Fault::Entity => (413, ""),
        Fault::Field | Fault::Fields => {
            (400, "Invalid Header|HTTP Error 400. The request has an invalid header name.")
        }
        Fault::FieldLong => {
            (400, "Request Too Long|HTTP Error 400. The size of the request headers is too long.")
        }
        Fault::Host => (400, "Invalid Hostname|HTTP Error 400. The request hostname is invalid."),
        Fault::LengthMissing => {
            (411, "HTTP Error 411. The request must be chunked or have a content length.")
        }
        Fault::Method => (400, "Invalid Verb|HTTP Error 400. The request verb is invalid."),
        Fault::Target => (400, "Invalid URL|HTTP Error 400. The request URL is invalid."),
        Fault::TargetLong => (414, "HTTP Error 414. The request URL is too long."),
        Fault::TransferEncoding => {
            (501, "HTTP Error 501. The request transfer-encoding is not implemented.")
        }
        Fault::Version => (505, "HTTP Error 505. The HTTP version is not supported."),
        _ => (400, "HTTP Error 400. The request is badly formed."),
    }
}

fn small(fault: Fault) -> u16 {
    match fault {
        Fault::Entity => 413,
        Fault::Expect => 417,
        Fault::LengthMissing => 411,
        Fault::TargetLong => 414,
        Fault::TransferEncoding => 501,
        Fault::Version => 505,
        _ => 400,
    }
}
