//! The description of the API in OpenAPI 3.1, made of the routes themselves.

use std::borrow::Cow;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Map, Value, json};

use super::endpoint::{Access, Endpoint};
use super::problem::ProblemBody;
use crate::logic::event::{Kind, MAX_RAW, SCHEMA};

/// The description of `endpoints`.
///
/// **Source**: OpenAPI Specification 3.1.0.
pub(super) fn describe(endpoints: &[Endpoint]) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for endpoint in endpoints {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        let method = endpoint.method.as_str().to_ascii_lowercase();
        path[method] = operation(endpoint, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "decnet",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a deception fleet saw. Log in at /api/v1/auth/login, then send \
                            the token along as a bearer.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let content = |schema: Value| json!({ endpoint.media_type: { "schema": schema } });
    let answer = endpoint.answer.map(|make| make(schemas).to_value());
    let has_body = answer.is_some() || endpoint.media_type != "application/json";
    let mut responses = Map::new();
    let mut good = json!({ "description": endpoint.summary });
    if has_body {
        good["content"] = content(answer.unwrap_or_else(|| json!({ "type": "string" })));
    }
    responses.insert(endpoint.status.as_str().to_owned(), good);
    let problem = schemas.subschema_for::<ProblemBody>().to_value();
    for (status, description) in problems(endpoint) {
        let content = json!({ "application/json": { "schema": problem } });
        responses.insert(status.into(), json!({ "description": description, "content": content }));
    }
    let mut operation = json!({
        "summary": endpoint.summary,
        "operationId": operation_id(endpoint),
        "tags": [endpoint.path.split('/').nth(3).unwrap_or_default()],
        "parameters": parameters(endpoint),
        "responses": responses,
        "security": [],
    });
    if endpoint.access != Access::Anybody {
        operation["security"] = json!([{ "bearer": [] }]);
    }
    if let Some(make) = endpoint.body {
        let content = json!({ "application/json": { "schema": make(schemas) } });
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

/// The statuses that tell of a problem, by what the endpoint does.
fn problems(endpoint: &Endpoint) -> Vec<(&'static str, &'static str)> {
    let mut problems = Vec::new();
    let named = endpoint.path.contains('{');
    let login = endpoint.path.ends_with("/login") || endpoint.path.ends_with("/change-password");
    if endpoint.access != Access::Anybody || login {
        problems.push(("401", "Not logged in, or a wrong password"));
    }
    if !matches!(endpoint.access, Access::Anybody | Access::Newcomer) {
        problems.push(("403", "Not allowed, or the first password is still in force"));
    }
    if named {
        problems.push(("404", "There is no such thing"));
    }
    if endpoint.access == Access::Admin && endpoint.method != axum::http::Method::GET {
        problems.push(("409", "It does not go with what is there"));
    }
    if endpoint.query.is_some() || endpoint.body.is_some() || named {
        problems.push(("422", "A value that cannot be"));
    }
    if login || endpoint.media_type == "text/event-stream" {
        problems.push(("429", "Too many"));
    }
    problems.push(("503", "Too much to do, or it takes too long"));
    problems
}

fn operation_id(endpoint: &Endpoint) -> String {
    let path = endpoint.path.trim_start_matches("/api/v1/");
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let words: String = path.chars().filter(|c| !"{}".contains(*c)).map(plain).collect();
    format!("{}_{words}", endpoint.method.as_str().to_ascii_lowercase())
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let parts = endpoint.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        )
    });
    let mut parameters: Vec<Value> = parts.collect();
    let Some(make) = endpoint.query else { return parameters };
    // A generator of its own: the query's type is not a schema of the API, its parts are.
    let mut schemas = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let query = make(&mut schemas).to_value();
    for (name, schema) in query["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        parameters.push(json!({
            "name": name,
            "in": "query",
            "description": description,
            "schema": schema,
        }));
    }
    parameters
}

/// How an event is written; its parts are said in the guide to events.
pub(super) struct EventSchema;

impl JsonSchema for EventSchema {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json!({ "type": "string" });
        let port = json!({ "type": "integer", "minimum": 0, "maximum": 65_535 });
        let object = |properties: Value| json!({ "type": "object", "properties": properties });
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        json_schema!({
            "type": "object",
            "description": "Something that happened. Absent parts are left out.",
            "required": ["schema", "id", "ts", "node", "boot_id", "seq", "event"],
            "properties": {
                "schema": { "const": SCHEMA },
                "id": { "type": "string", "format": "uuid" },
                "ts": { "type": "string", "format": "date-time" },
                "node": text,
                "boot_id": { "type": "string", "format": "uuid" },
                "seq": { "type": "integer", "minimum": 1 },
                "decky": object(json!({
                    "name": text, "ip": text, "ip6": text, "mac": text, "hostname": text,
                    "persona": text,
                })),
                "src": object(json!({
                    "ip": text, "port": port, "mac": text, "tcp": text,
                    "vlan": { "type": "integer" },
                })),
                "dst": object(json!({ "ip": text, "port": port })),
                "transport": { "enum": ["tcp", "udp", "icmp", "icmp6", "arp", "nd"] },
                "service": text,
                "session": { "type": "string", "pattern": "^[0-9a-f]{16}$" },
                "event": { "enum": kinds },
                "outcome": { "enum": ["failure", "limited", "success"] },
                "creds": object(json!({ "user": text, "password": text, "key": text })),
                "data": { "type": "object" },
                "raw": object(json!({
                    "sha256": text,
                    "len": { "type": "integer" },
                    "b64": {
                        "type": "string", "contentEncoding": "base64",
                        "description": format!("the first {MAX_RAW} bytes"),
                    },
                })),
            },
        })
    }
}
