//! Holds an answer against the OpenAPI description.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use crate::role::api::openapi::describe;
use crate::role::api::v1::endpoints;

/// Fails unless `answer` is what the route of `path` says it answers with `status`.
pub(super) fn check(method: &Method, path: &str, status: StatusCode, answer: &Value) {
    let api = describe(&endpoints());
    let path = path.split('?').next().unwrap();
    let paths = api["paths"].as_object().unwrap();
    let Some((route, operations)) = paths.iter().find(|(route, _)| is_of(route, path)) else {
        return;
    };
    let method = method.as_str().to_lowercase();
    let Some(operation) = operations.get(&method) else { return };
    let response = &operation["responses"][status.as_str()];
    assert!(response.is_object(), "{method} {route} does not tell of {status}: {answer}");
    match &response["content"]["application/json"]["schema"] {
        Value::Null => assert!(answer.is_null(), "{method} {route} {status}: {answer}"),
        schema => {
            if let Err(error) = fits(&api, schema, answer, "answer") {
                panic!("{method} {route} {status}: {error}\nschema {schema}\nanswer {answer}");
            }
        }
    }
}

fn is_of(route: &str, path: &str) -> bool {
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    let same = |(route, path): (&&str, &&str)| route == path || route.starts_with('{');
    route.len() == path.len() && route.iter().zip(&path).all(same)
}

fn fits(api: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(target) = schema["$ref"].as_str() {
        return fits(api, api.pointer(target.trim_start_matches('#')).unwrap(), value, at);
    }
    for (name, all) in [("allOf", true), ("anyOf", false), ("oneOf", false)] {
        let Some(list) = schema[name].as_array() else { continue };
        let results: Vec<_> = list.iter().map(|part| fits(api, part, value, at)).collect();
        let good = results.iter().filter(|result| result.is_ok()).count();
        if good == 0 || (all && good < list.len()) {
            return Err(format!("{at}: {name}: {results:?}"));
        }
    }
    if schema["const"] != Value::Null && schema["const"] != *value {
        return Err(format!("{at}: {value} is not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|list| !list.contains(value)) {
        return Err(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_a(kind, value)) {
        return Err(format!("{at}: {value} is no {kinds:?}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(api, &schema["items"], item, &format!("{at}[{index}]"))?;
    }
    let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
    let Some(object) = value.as_object() else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        object.get(name).ok_or_else(|| format!("{at}: `{name}` is missing"))?;
    }
    for (name, value) in object {
        let schema = properties.get(name).ok_or_else(|| format!("{at}: `{name}` is not told"))?;
        fits(api, schema, value, &format!("{at}.{name}"))?;
    }
    Ok(())
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        _ => false,
    }
}

#[test]
fn the_check_itself_notices() {
    let api = serde_json::json!({ "defs": { "name": { "type": "string" } } });
    let schema = serde_json::json!({
        "type": "object", "required": ["a"],
        "properties": {
            "a": { "$ref": "#/defs/name" },
            "b": { "type": ["integer", "null"] },
            "c": { "type": "array", "items": { "enum": ["x"] } },
        },
    });
    let fits = |value| fits(&api, &schema, &value, "value");
    assert_eq!(fits(serde_json::json!({ "a": "x", "b": null, "c": ["x"] })), Ok(()));
    let wrong = [
        serde_json::json!({}),
        serde_json::json!({ "a": 1 }),
        serde_json::json!({ "a": "x", "b": "y" }),
        serde_json::json!({ "a": "x", "c": ["x", "y"] }),
        serde_json::json!({ "a": "x", "d": 1 }),
        serde_json::json!([]),
    ];
    for value in wrong {
        assert!(fits(value.clone()).is_err(), "{value}");
    }
}
