//! The pages a server shows when it does not serve, in that server's words.

use super::flavor::Flavor;
use crate::logic::services::template::{escaped, page};

/// What a page of an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem<'a> {
    /// Status.
    pub(super) status: u16,
    /// What is special about it, in the words of the server.
    pub(super) detail: &'a str,
}

/// Who shows the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature<'a> {
    /// What it writes as.
    pub(super) flavor: Flavor,
    /// Its `Server` header.
    pub(super) server: &'a str,
    /// The host it was asked for.
    pub(super) host: &'a str,
    /// The port it was asked on.
    pub(super) port: &'a str,
}

/// Padding that nginx adds for browsers that hide short pages.
pub(super) const PADDING: &str =
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";

/// What a status is called in the status line.
pub(super) fn reason(flavor: Flavor, status: u16) -> &'static str {
    match (status, flavor) {
        (200, _) => "OK",
        (206, _) => "Partial Content",
        (301, _) => "Moved Permanently",
        (302, Flavor::Nginx) => "Moved Temporarily",
        (302, _) => "Found",
        (304, _) => "Not Modified",
        (401, _) => "Unauthorized",
        (403, _) => "Forbidden",
        (404, _) => "Not Found",
        (405, Flavor::Nginx) => "Not Allowed",
        (405, _) => "Method Not Allowed",
        (411, _) => "Length Required",
        (412, _) => "Precondition Failed",
        (413, _) => "Request Entity Too Large",
        (414, Flavor::Nginx) => "Request-URI Too Large",
        (414, Flavor::Apache) => "Request-URI Too Long",
        (414, _) => "URI Too Long",
        (431, _) => "Request Header Fields Too Large",
        (416, Flavor::Lighttpd) => "Range Not Satisfiable",
        (416, _) => "Requested Range Not Satisfiable",
        (417, _) => "Expectation Failed",
        (501, _) => "Not Implemented",
        (505, _) => "HTTP Version Not Supported",
        _ => "Bad Request",
    }
}

/// The page of an error, and its content type.
pub(super) fn error(who: Signature<'_>, problem: Problem<'_>) -> (Vec<u8>, &'static str) {
    match who.flavor {
        Flavor::Apache => (apache(who, problem), "text/html; charset=iso-8859-1"),
        Flavor::Iis if problem.detail.contains("HTTP Error") => {
            (http_sys(problem), "text/html; charset=us-ascii")
        }
        Flavor::Iis => (iis(problem), "text/html"),
        Flavor::Nginx => (nginx(who, problem), "text/html"),
        Flavor::Lighttpd | Flavor::Plain => (lighttpd(who.flavor, problem), "text/html"),
    }
}

fn nginx(who: Signature<'_>, problem: Problem<'_>) -> Vec<u8> {
    let status = problem.status;
    let name = if status == 401 { "Authorization Required" } else { reason(who.flavor, status) };
    let title = if problem.detail.is_empty() { name } else { problem.detail };
    let [open, said, close] = match problem.detail {
        "" => ["", "", ""],
        detail => ["<center>", detail, "</center>\r\n"],
    };
    let number = status.to_string();
    [
        "<html>\r\n<head><title>",
        &number,
        " ",
        title,
        "</title></head>\r\n<body>\r\n<center><h1>",
        &number,
        " ",
        name,
        "</h1></center>\r\n",
        open,
        said,
        close,
        "<hr><center>",
        who.server,
        "</center>\r\n</body>\r\n</html>\r\n",
    ]
    .concat()
    .into_bytes()
}

fn apache(who: Signature<'_>, problem: Problem<'_>) -> Vec<u8> {
    let name = reason(who.flavor, problem.status);
    let number = problem.status.to_string();
    [
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html><head>\n<title>",
        &number,
        " ",
        name,
        "</title>\n</head><body>\n<h1>",
        name,
        "</h1>\n<p>",
        problem.detail,
        "</p>\n<hr>\n<address>",
        who.server,
        " Server at ",
        &escaped(who.host),
        " Port ",
        who.port,
        "</address>\n</body></html>\n",
    ]
    .concat()
    .into_bytes()
}

/// The pages of IIS itself, which say more than `http.sys`.
fn iis(problem: Problem<'_>) -> Vec<u8> {
    const VERB: &str = "The page you are looking for cannot be displayed because an invalid method (HTTP verb) was used to attempt access.";
    const DENIED: &str = "You do not have permission to view this directory or page using the credentials that you supplied.";
    const MISSING: &str = "The resource you are looking for might have been removed, had its name changed, or is temporarily unavailable.";
    let (title, detail) = match problem.status {
        401 => ("401 - Unauthorized: Access is denied due to invalid credentials.", DENIED),
        403 => ("403 - Forbidden: Access is denied.", DENIED),
        405 => ("405 - HTTP verb used to access this page is not allowed.", VERB),
        412 => (
            "412 - Precondition set by the client failed when evaluated on the Web server.",
            "The request was not completed due to preconditions that are set in the request header. Preconditions prevent the requested method from being applied to a resource other than the one intended. An example of a precondition is testing for expired content in the page cache of the client.",
        ),
        413 => (
            "413 - Request entity is too large.",
            "The page was not displayed because the request entity is too large.",
        ),
        416 => (
            "416 - Requested range not satisfiable.",
            "The page you are looking for cannot be displayed because the requested range is not satisfiable.",
        ),
        501 => (
            "501 - Header values specify a method that is not implemented.",
            "The page you are looking for cannot be displayed because a header value in the request does not match certain configuration settings on the Web server. For example, a request header might specify a POST to a static file that cannot be posted to, or specify a Transfer-Encoding value that cannot make use of compression.",
        ),
        _ => ("404 - File or directory not found.", MISSING),
    };
    page(include_str!("pages/iis-error.html"), &|name| match name {
        "title" => Some(title),
        "detail" => Some(detail),
        _ => None,
    })
}

/// The pages of `http.sys`, which refuses before IIS hears of it.
fn http_sys(problem: Problem<'_>) -> Vec<u8> {
    let (heading, detail) = problem.detail.split_once('|').unwrap_or(("", problem.detail));
    let (title, heading) = match problem.status {
        400 if heading.is_empty() => ("Bad Request", "Bad Request".to_owned()),
        400 => ("Bad Request", format!("Bad Request - {heading}")),
        411 => ("Length Required", "Length Required".to_owned()),
        414 => ("Request URI Too Long", "Request URI Too Long".to_owned()),
        501 => ("Not Implemented", "Not Implemented".to_owned()),
        505 => ("HTTP Version Not Supported", "Version Not Supported".to_owned()),
        _ => ("Service Unavailable", "Service Unavailable".to_owned()),
    };
    [
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n<HTML><HEAD><TITLE>",
        title,
        "</TITLE>\r\n<META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; charset=us-ascii\"></HEAD>\r\n<BODY><h2>",
        &heading,
        "</h2>\r\n<hr><p>",
        detail,
        "</p>\r\n</BODY></HTML>\r\n",
    ]
    .concat()
    .into_bytes()
}

fn lighttpd(flavor: Flavor, problem: Problem<'_>) -> Vec<u8> {
    let title = format!("{} {}", problem.status, reason(flavor, problem.status));
    let title = title.as_str();
    let template = match flavor {
        Flavor::Lighttpd => LIGHTTPD,
        _ => "<html><head><title>@title@</title></head><body><h1>@title@</h1></body></html>\r\n",
    };
    page(template, &|name| (name == "title").then_some(title))
}

const LIGHTTPD: &str = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>
<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"
         \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">
<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">
 <head>
  <title>@title@</title>
 </head>
 <body>
  <h1>@title@</h1>
 </body>
</html>
";
