//! What swarmctl answers when it does not do as asked: a status and a sentence.

use std::fmt;
use std::io::ErrorKind;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::edge::bundles::BundlesError;
use crate::edge::hosts::HostsError;
use crate::edge::pki::PkiError;
use crate::logic::config::ConfigError;
use crate::logic::swarm::BadField;
use crate::logic::swarm::spread::SpreadError;

/// A status and a sentence.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// What was asked for cannot be.
    pub(super) fn unfit(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "detail": self.detail }))).into_response()
    }
}

impl From<HostsError> for Problem {
    fn from(error: HostsError) -> Self {
        if let HostsError::Duplicate(_) | HostsError::TokenUsed = error {
            return Self::new(StatusCode::CONFLICT, error.to_string());
        }
        let error = format!("{:#}", anyhow::Error::from(error));
        tracing::error!(error, "the record of nodes fails");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the record of nodes fails, see the log")
    }
}

impl From<BundlesError> for Problem {
    fn from(error: BundlesError) -> Self {
        let status = match &error {
            BundlesError::File(file) => match file.source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    StatusCode::INSUFFICIENT_STORAGE
                }
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            BundlesError::Large => StatusCode::PAYLOAD_TOO_LARGE,
            BundlesError::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, format!("bundle: {:#}", anyhow::Error::from(error)))
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<BadField> for Problem {
    fn from(error: BadField) -> Self {
        Self::unfit(error.to_string())
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::unfit(error.to_string())
    }
}

impl From<PkiError> for Problem {
    fn from(error: PkiError) -> Self {
        Self::unfit(error.to_string())
    }
}

impl From<SpreadError> for Problem {
    fn from(error: SpreadError) -> Self {
        Self::unfit(error.to_string())
    }
}
