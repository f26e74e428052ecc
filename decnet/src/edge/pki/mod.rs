//! Certificates: the authority that makes them, the identities that hold them, and TLS between
//! those.
//!
//! One authority signs everything. A certificate says in a URI among its names what its holder may
//! be (`decnet:role:agent`), and every server asks besides whether it knows this very certificate.

mod authority;
mod identity;
mod known;
mod pinned;
mod renewal;
mod request;
mod signature;
mod succession;
mod tls;

use std::path::PathBuf;

pub use authority::{Authority, Certified, Issued, Wish};
pub use identity::{Identity, Places, next_key, write};
pub use renewal::{Renewal, Unasked};
pub use request::{KeyRequest, requested_key};
pub use signature::is_signed;
pub use succession::{Authorities, authority_of};
pub use tls::{
    Authorize, Time, client_config, client_config_for, is_of_time, joining_config,
    open_server_config, renewing_config, same_or_good_config, server_config,
};

use crate::edge::files::FileError;
use crate::logic::trust::{Caller, CertRole, Fingerprint};

/// What can go wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file that must be there is not.
    #[error("there is no `{path}`: {remedy}")]
    Missing {
        /// Which.
        path: PathBuf,
        /// Which command makes it.
        remedy: &'static str,
    },
    /// A file is not what it should be.
    #[error("`{path}` {why}")]
    Unfit {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate for `{name}`")]
    Make {
        /// For whom.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// A signing request is none.
    #[error("this is no signing request: {0}")]
    Request(String),
    /// A certificate is not what was asked for.
    #[error("this certificate is not what was asked for: {0}")]
    Unasked(Unasked),
    /// TLS takes no such certificate or key.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

impl PkiError {
    /// Whether something is not there, rather than wrong.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// The result of working with certificates.
pub type Result<T> = std::result::Result<T, PkiError>;

/// Who a certificate says that its holder is; `None` when it is none of ours.
pub fn caller(der: &[u8]) -> Option<Caller> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let names = certificate.subject_alternative_name().ok()??;
    let mut roles = names.value.general_names.iter().filter_map(|name| match name {
        x509_parser::extensions::GeneralName::URI(uri) => {
            CertRole::ALL.into_iter().find(|role| role.uri() == *uri)
        }
        _ => None,
    });
    let (role, None) = (roles.next()?, roles.next()) else { return None };
    let mut common_names = certificate.subject().iter_common_name();
    let (name, None) = (common_names.next()?.as_str().ok()?, common_names.next()) else {
        return None;
    };
    let validity = identity::validity_of(&certificate);
    Some(Caller { role, name: name.to_owned(), fingerprint: Fingerprint::of(der), validity })
}

#[cfg(test)]
mod tests;
