//! `/credentials`: which logins were tried.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::edge::store::{Credential, CredentialOrder};
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::extract::{Asked, cursor, limit};
use crate::role::api::problem::Answer;

/// Most logins of a page.
const MOST: u32 = 500;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/api/v1/credentials", "Lists the logins that were tried", list)
            .query::<Query>()
            .answer::<Credentials>(),
    ]
}

/// What to list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Greatest first: when last tried (the default), or how often.
    sort: Option<Sort>,
    /// Only those whose user or password has this text.
    search: Option<String>,
    /// Logins of a page: 1 to 500, else 50.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Last,
    Tries,
}

/// A page of logins.
#[derive(Serialize, JsonSchema)]
struct Credentials {
    credentials: Vec<Credential>,
    /// Where the next page begins; null on the last.
    next: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<Query>,
) -> Answer<Json<Credentials>> {
    let (before, limit) = (cursor(query.cursor.as_deref())?, limit(query.limit, MOST)?);
    let order = match query.sort {
        Some(Sort::Tries) => CredentialOrder::Tries,
        Some(Sort::Last) | None => CredentialOrder::Last,
    };
    let page = app
        .database
        .ask(move |store| store.credentials(order, query.search.as_deref(), before, limit));
    let page = page.await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Credentials { credentials: page.rows, next }))
}
