//! What stands on the server, and what each server makes of a request for it.

use std::cell::OnceCell;

use super::answer::Answer;
use super::flavor::Flavor;
use super::head::{Fault, Head};
use super::look::{Look, Notice};
use super::page::Signature;
use super::range;
use super::settings::{Settings, Site as Front};
use super::{apache, nginx, plain, refusal};
use crate::logic::decky::Identity;
use crate::logic::persona::Family;
use crate::logic::services::template;
use crate::logic::time::Timestamp;

/// What Apache lets do with a file, in the orders that it may hash them into.
const APACHE_ALLOW: [&str; 4] = [
    "POST,OPTIONS,HEAD,GET",
    "GET,POST,OPTIONS,HEAD",
    "HEAD,GET,POST,OPTIONS",
    "OPTIONS,HEAD,GET,POST",
];

/// A folder that asks for a password, so that whoever tries one is recorded.
const GUARDED: &[u8] = b"/admin";

/// The site of a decky.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) settings: &'a Settings,
    pub(super) decky: &'a Identity,
    pub(super) look: &'a OnceCell<Look>,
    pub(super) who: Signature<'a>,
    pub(super) now: Timestamp,
}

/// What is to be done about a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// This is the answer, whatever the body is.
    Answer(Answer),
    /// The body is a login: read it first.
    Login,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// What nobody may see.
    Denied,
    /// The first page.
    Front,
    /// What asks for a password.
    Guarded,
    /// The login form.
    Login,
    /// Nothing.
    Missing,
    /// What search engines are told.
    Robots,
}

impl Site<'_> {
    /// The answer to a request that is well-formed.
    pub(super) fn answer(&self, head: &Head<'_>) -> Verdict {
        let method = head.method();
        let special = match self.who.flavor {
            Flavor::Apache => self.apache(head),
            Flavor::Iis => self.iis(method),
            Flavor::Nginx => self.nginx(method),
            Flavor::Lighttpd | Flavor::Plain => self.small(method),
        };
        if let Some(answer) = special {
            return Verdict::Answer(answer);
        }
        let path = match self.who.flavor {
            Flavor::Apache => apache::path(head.target()),
            Flavor::Nginx => nginx::path(head.target()).map(Some),
            _ => plain::path(head.target()).map(Some),
        };
        let place = match path {
            Ok(Some(path)) => self.place(&path),
            Ok(None) => Place::Missing,
            Err(fault) => return Verdict::Answer(self.refusal(fault, head)),
        };
        self.at(place, head)
    }

    /// The page that says that nobody is let in.
    pub(super) fn refused_login(&self) -> Answer {
        self.form(Notice::Refused)
    }

    /// The answer to a request that is not well-formed.
    pub(super) fn refusal(&self, fault: Fault, head: &Head<'_>) -> Answer {
        refusal::answer(self.who, fault, head)
    }

    fn place(&self, path: &[u8]) -> Place {
        let welcome = self.settings.site == Front::Welcome;
        let apache = self.who.flavor == Flavor::Apache;
        let debian = self.decky.persona.family == Family::Linux && welcome;
        match path {
            b"/" => Place::Front,
            path if path == self.settings.login.as_str().as_bytes() => Place::Login,
            b"/index.nginx-debian.html" if self.who.flavor == Flavor::Nginx && debian => {
                Place::Front
            }
            b"/iisstart.htm" if self.who.flavor == Flavor::Iis && welcome => Place::Front,
            b"/index.html"
                if apache
                    || self.who.flavor == Flavor::Lighttpd
                    || (self.who.flavor == Flavor::Nginx && !debian) =>
            {
                Place::Front
            }
            b"/robots.txt" if !welcome => Place::Robots,
            path if !welcome && within(path, GUARDED) => Place::Guarded,
            path if apache && denied(path) => Place::Denied,
            _ => Place::Missing,
        }
    }

    fn at(&self, place: Place, head: &Head<'_>) -> Verdict {
        let method = head.method();
        if place == Place::Login && method == b"POST" {
            return Verdict::Login;
        }
        Verdict::Answer(match place {
            Place::Guarded => self.unauthorized(),
            Place::Denied => self.forbidden(),
            Place::Missing => self.missing(),
            Place::Front | Place::Login | Place::Robots if !self.serves(method) => {
                self.not_allowed()
            }
            Place::Login => self.form(Notice::Nothing),
            Place::Front => {
                range::serve(self.who, head, self.now, self.front(), self.look().written)
            }
            Place::Robots => {
                let text = b"User-agent: *\nDisallow: /admin/\n".as_slice();
                let file = Answer::of(200, "text/plain", text);
                range::serve(self.who, head, self.now, file, self.look().written)
            }
        })
    }

    /// Whether a file is there for this method.
    fn serves(&self, method: &[u8]) -> bool {
        let post = matches!(self.who.flavor, Flavor::Apache | Flavor::Plain | Flavor::Lighttpd);
        matches!(method, b"GET" | b"HEAD") || method == b"POST" && post
    }

    fn front(&self) -> Answer {
        if self.settings.site == Front::Login {
            return Answer::of(200, "text/html", self.page(Notice::Nothing));
        }
        match self.who.flavor {
            Flavor::Apache => {
                Answer::of(200, "text/html", include_bytes!("pages/apache.html").as_slice())
            }
            Flavor::Iis => {
                let server = self.decky.persona.family == Family::WindowsServer;
                let product = if server { "IIS Windows Server" } else { "IIS Windows" };
                let page = template::page(include_str!("pages/iis.html"), &|name| {
                    (name == "product").then_some(product)
                });
                Answer::of(200, "text/html", page)
            }
            Flavor::Nginx => {
                Answer::of(200, "text/html", include_bytes!("pages/nginx.html").as_slice())
            }
            Flavor::Lighttpd | Flavor::Plain => {
                Answer::of(200, "text/html", self.page(Notice::Nothing))
            }
        }
    }

    /// The login page as a program makes it, not as a file.
    fn form(&self, notice: Notice) -> Answer {
        let answer = Answer::of(200, "text/html; charset=utf-8", self.page(notice));
        match self.who.flavor {
            Flavor::Iis => answer
                .with("Cache-Control", "private")
                .with("X-AspNet-Version", "4.0.30319")
                .with("X-Powered-By", "ASP.NET"),
            Flavor::Apache => {
                answer.with("Cache-Control", "no-store").with("Vary", "Accept-Encoding")
            }
            Flavor::Plain => answer,
            _ => answer.with("Cache-Control", "no-store"),
        }
    }

    fn page(&self, notice: Notice) -> Vec<u8> {
        self.look().login(self.who.flavor, self.settings, self.decky, notice)
    }

    fn look(&self) -> &Look {
        self.look.get_or_init(|| Look::of(self.decky))
    }

    fn missing(&self) -> Answer {
        let detail = match self.who.flavor {
            Flavor::Apache => "The requested URL was not found on this server.",
            _ => "",
        };
        Answer::error(self.who, 404, detail)
    }

    fn forbidden(&self) -> Answer {
        Answer::error(self.who, 403, "You don't have permission to access this resource.")
    }

    fn unauthorized(&self) -> Answer {
        let detail = match self.who.flavor {
            Flavor::Apache => {
                "This server could not verify that you\nare authorized to access the document\nrequested.  Either you supplied the wrong\ncredentials (e.g., bad password), or your\nbrowser doesn't understand how to supply\nthe credentials required."
            }
            _ => "",
        };
        let realm = match self.who.flavor {
            Flavor::Iis => format!("Basic realm=\"{}\"", self.decky.hostname),
            _ => "Basic realm=\"Restricted\"".to_owned(),
        };
        Answer::error(self.who, 401, detail).with("WWW-Authenticate", realm)
    }

    fn not_allowed(&self) -> Answer {
        let answer = Answer::error(self.who, 405, "");
        match self.who.flavor {
            Flavor::Iis => answer.with("Allow", "GET, HEAD, OPTIONS, TRACE"),
            _ => answer,
        }
    }

    fn nginx(&self, method: &[u8]) -> Option<Answer> {
        matches!(method, b"TRACE" | b"CONNECT").then(|| Answer::error(self.who, 405, ""))
    }

    fn iis(&self, method: &[u8]) -> Option<Answer> {
        match method {
            b"GET" | b"HEAD" | b"POST" => None,
            b"OPTIONS" => {
                let verbs = "OPTIONS, TRACE, GET, HEAD, POST";
                let empty = Answer::of(200, "", b"".as_slice());
                Some(empty.with("Allow", verbs).with("Public", verbs))
            }
            b"TRACE" | b"CONNECT" => Some(Answer::error(self.who, 501, "")),
            _ => Some(self.not_allowed()),
        }
    }

    fn small(&self, method: &[u8]) -> Option<Answer> {
        match method {
            b"GET" | b"HEAD" | b"POST" => None,
            b"OPTIONS" => {
                let empty = Answer::of(200, "", b"".as_slice());
                Some(empty.with("Allow", "OPTIONS, GET, HEAD, POST"))
            }
            _ if self.who.flavor == Flavor::Plain && apache::knows(method) => {
                Some(Answer::error(self.who, 405, ""))
            }
            _ => Some(Answer::error(self.who, 501, "")),
        }
    }

    fn apache(&self, head: &Head<'_>) -> Option<Answer> {
        let method = head.method();
        match method {
            b"GET" | b"HEAD" | b"POST" => None,
            b"OPTIONS" if head.target() == b"*" => Some(Answer::of(200, "", b"".as_slice())),
            b"OPTIONS" => {
                let place =
                    apache::path(head.target()).ok().flatten().map(|path| self.place(&path));
                let kind = if place == Some(Place::Front) { "text/html" } else { "" };
                Some(
                    Answer::of(200, kind, b"".as_slice())
                        .with("Allow", self.look().pick(6, APACHE_ALLOW)),
                )
            }
            _ if apache::knows(method) => {
                let name = String::from_utf8_lossy(method);
                let detail = format!("The requested method {name} is not allowed for this URL.");
                let allow = if method == b"TRACE" { "" } else { self.look().pick(6, APACHE_ALLOW) };
                Some(Answer::error(self.who, 405, &detail).with("Allow", allow))
            }
            _ => {
                let name = String::from_utf8_lossy(method);
                let name = template::escaped(&name);
                let detail = format!("{name} not supported for current URL.<br />\n");
                Some(
                    Answer::error(self.who, 501, &detail)
                        .with("Allow", self.look().pick(6, APACHE_ALLOW)),
                )
            }
        }
    }
}

/// Whether `path` is `folder` or something in it.
fn within(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

/// What Apache's own configuration keeps from visitors, and names no file system takes.
fn denied(path: &[u8]) -> bool {
    let parts = || path.split(|byte| *byte == b'/');
    path == b"/server-status"
        || path == b"/icons/"
        || parts().any(|part| part.starts_with(b".ht") || part.len() > apache::MAX_NAME)
}
