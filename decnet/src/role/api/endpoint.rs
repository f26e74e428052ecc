//! One row for each route: where it is, who may ask, what it takes and what it answers.
//!
//! The router and the OpenAPI description are both made of these rows, so a route cannot be in one
//! of them only, and none can forget to ask who is there.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{self, MethodRouter};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::app::App;
use super::extract::Caller;
use super::problem::{Answer, Problem};
use crate::edge::clock;
use crate::edge::store::{Role, TokenUser};

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// Time for a request, with everything it needs, to be answered.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Admins.
    Admin,
    /// Anybody.
    Anybody,
    /// Whoever is logged in, though they must change the password first.
    Newcomer,
    /// Whoever is logged in.
    Viewer,
}

/// A route.
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) access: Access,
    pub(super) query: Option<MakeSchema>,
    pub(super) body: Option<MakeSchema>,
    pub(super) status: StatusCode,
    pub(super) answer: Option<MakeSchema>,
    pub(super) media_type: &'static str,
    route: MethodRouter<Arc<App>>,
}

/// Makes the schema of a type.
pub(super) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

impl Endpoint {
    pub(super) fn new<H, T>(
        method: Method,
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let filter = method.clone().try_into().expect("a method that routes know");
        Self {
            method,
            path,
            summary,
            access: Access::Viewer,
            query: None,
            body: None,
            status: StatusCode::OK,
            answer: None,
            media_type: "application/json",
            route: routing::on(filter, handler),
        }
    }

    pub(super) fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    pub(super) fn query<T: JsonSchema>(self) -> Self {
        Self { query: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    pub(super) fn body<T: JsonSchema>(self) -> Self {
        Self { body: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    pub(super) fn answer<T: JsonSchema>(self) -> Self {
        Self { answer: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn media_type(self, media_type: &'static str) -> Self {
        Self { media_type, ..self }
    }
}

/// The router of all endpoints, with what holds for each of them.
pub(super) fn router(endpoints: Vec<Endpoint>, app: Arc<App>) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints {
        let Endpoint { path, access, route, .. } = endpoint;
        let guarded = move |State(app): State<Arc<App>>, request: Request, next: Next| async move {
            match guard(&app, access, request).await {
                Ok(request) => next.run(request).await,
                Err(problem) => problem.into_response(),
            }
        };
        let guard = middleware::from_fn_with_state(app.clone(), guarded);
        router = router.route(path, route.layer(guard));
    }
    router
        .fallback(async || Problem::missing("route"))
        .method_not_allowed_fallback(async || {
            let detail = "the route takes another method";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(within_time))
        .layer(middleware::map_response(secure))
        .with_state(app)
}

/// Finds out who asks, and whether they may.
async fn guard(app: &App, access: Access, mut request: Request) -> Answer<Request> {
    if access == Access::Anybody {
        return Ok(request);
    }
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let (user, token_id) = whose(app, token).await?;
    if user.must_change && access != Access::Newcomer {
        return Err(Problem::must_change());
    }
    if access == Access::Admin && user.role != Role::Admin {
        return Err(Problem::forbidden());
    }
    request.extensions_mut().insert(Caller { name: user.name, token_id });
    Ok(request)
}

async fn whose(app: &App, token: &str) -> Answer<(TokenUser, String)> {
    let now = clock::now();
    let claims = app.key.check(token, now).or(Err(Problem::unauthorized()))?;
    let id = claims.jti.clone();
    let user = app.database.ask(move |store| store.token_user(&claims.jti, now)).await?;
    let user = user.filter(|user| user.name == claims.sub).ok_or_else(Problem::unauthorized)?;
    Ok((user, id))
}

async fn within_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(MAX_TIME, next.run(request)).await;
    answer.unwrap_or_else(|_| Problem::slow().into_response())
}

/// The headers that keep a browser from doing anything with an answer but read it.
async fn secure(mut response: Response) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
