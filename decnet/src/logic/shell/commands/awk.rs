//! `awk`, as far as one-liners go: patterns, `print` and `printf` of fields and sums of them.

use regex_lite::Regex;

use super::Command;
use super::grep::{Case, Dialect, pattern};
use crate::logic::shell::run::{Call, Done};
use crate::logic::shell::text::{ansi_c, encode};

/// Most rules of a program, and most parts of one `print`.
const MAX_PARTS: usize = 64;

pub(super) fn find(name: &str) -> Option<Command> {
    matches!(name, "awk" | "gawk" | "mawk" | "nawk").then_some(awk)
}

/// What is done with which lines.
struct Rule {
    when: When,
    /// Each `print`: its parts, which `,` divides. None at all prints the line.
    prints: Vec<Vec<Vec<Value>>>,
}

enum When {
    Always,
    Begin,
    Compare(Value, String, Value),
    End,
    Match(Value, Regex, bool),
}

/// A part of what is printed.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Field(usize),
    FieldCount,
    LastField,
    LineNumber,
    Text(String),
    Variable(String),
}

/// What a line is made of.
struct Line<'a> {
    text: &'a str,
    fields: Vec<&'a str>,
    number: usize,
}

fn awk(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("F:v:f:W:", &[])?;
    let Some((program, paths)) = options.operands.split_first() else {
        call.complain("Usage: mawk [Options] [Program] [file ...]");
        return Ok(2);
    };
    let variables: Vec<(&str, &str)> =
        options.values('v').filter_map(|text| text.split_once('=')).collect();
    let Some(rules) = parse(program) else {
        let near = program.chars().take(20).collect::<String>();
        call.complain(format!("{}: line 1: syntax error at or near {near}", call.name));
        return Ok(2);
    };
    let separator = options.value('F').map(|text| encode(&ansi_c(text)));
    let only_begin = rules.iter().all(|rule| matches!(rule.when, When::Begin));
    let (read, status) = if only_begin { (Vec::new(), 0) } else { call.read_each(paths)? };
    let mut done = String::new();
    let empty = Line { text: "", fields: Vec::new(), number: 0 };
    for rule in rules.iter().filter(|rule| matches!(rule.when, When::Begin)) {
        rule.print(&empty, &variables, &mut done);
    }
    let texts: Vec<String> = read.iter().map(|(_, content)| encode(content)).collect();
    let mut number = 0;
    for text in texts.iter().flat_map(|text| text.lines()) {
        number += 1;
        call.world.spend(usize::from(number % 8 == 0));
        let fields = match separator.as_deref() {
            None | Some(" ") => text.split_whitespace().collect(),
            Some(separator) => text.split(separator).collect(),
        };
        let line = Line { text, fields, number };
        for rule in rules.iter().filter(|rule| rule.covers(&line, &variables)) {
            rule.print(&line, &variables, &mut done);
        }
    }
    let end = Line { text: "", fields: Vec::new(), number };
    for rule in rules.iter().filter(|rule| matches!(rule.when, When::End)) {
        rule.print(&end, &variables, &mut done);
    }
    call.out(done);
    Ok(status)
}

impl Rule {
    fn covers(&self, line: &Line<'_>, variables: &[(&str, &str)]) -> bool {
        match &self.when {
            When::Always => true,
            When::Begin | When::End => false,
            When::Match(value, pattern, wanted) => {
                pattern.is_match(&value.of(line, variables)) == *wanted
            }
            When::Compare(left, operator, right) => {
                let (left, right) = (left.of(line, variables), right.of(line, variables));
                let order = match (left.parse::<f64>(), right.parse::<f64>()) {
                    (Ok(left), Ok(right)) => left.total_cmp(&right),
                    _ => left.cmp(&right),
                };
                match operator.as_str() {
                    "==" => order.is_eq(),
                    "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
        }
    }

    fn print(&self, line: &Line<'_>, variables: &[(&str, &str)], done: &mut String) {
        for parts in &self.prints {
            let text = |values: &Vec<Value>| -> String {
                values.iter().map(|value| value.of(line, variables)).collect()
            };
            let texts: Vec<String> = parts.iter().map(text).collect();
            *done += if texts.is_empty() { line.text.to_owned() } else { texts.join(" ") }.as_str();
            done.push('\n');
        }
    }
}

impl Value {
    fn of(&self, line: &Line<'_>, variables: &[(&str, &str)]) -> String {
        match self {
            Self::Field(0) => line.text.to_owned(),
            Self::Field(index) => (*line.fields.get(index - 1).unwrap_or(&"")).to_owned(),
            Self::FieldCount => line.fields.len().to_string(),
            Self::LastField => (*line.fields.last().unwrap_or(&"")).to_owned(),
            Self::LineNumber => line.number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Variable(name) => {
                let found = variables.iter().find(|(known, _)| known == name);
                found.map_or_else(String::new, |(_, value)| (*value).to_owned())
            }
        }
    }
}

fn parse(program: &str) -> Option<Vec<Rule>> {
    let mut rules = Vec::new();
    let mut rest = program.trim();
    while !rest.is_empty() {
        if rules.len() >= MAX_PARTS {
            return None;
        }
        let (head, after) = match find_brace(rest) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let when = when(head.trim())?;
        let prints = match after.strip_prefix('{') {
            Some(body) => {
                let end = closing(body)?;
                rest = body.get(end + 1..)?.trim_start_matches([' ', ';', '\n']);
                statements(body.get(..end)?)?
            }
            None => {
                rest = "";
                vec![Vec::new()]
            }
        };
        rules.push(Rule { when, prints });
    }
    (!rules.is_empty()).then_some(rules)
}

/// Where the action begins: the first `{` outside of texts and patterns.
fn find_brace(text: &str) -> Option<usize> {
    scan(text, '{')
}

fn closing(text: &str) -> Option<usize> {
    scan(text, '}')
}

fn scan(text: &str, wanted: char) -> Option<usize> {
    let (mut inside, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (c, inside) {
            _ if escaped => escaped = false,
            ('\\', _) => escaped = true,
            (_, Some(mark)) if c == mark => inside = None,
            (_, Some(_)) => {}
            _ if c == wanted => return Some(at),
            ('"' | '/', None) => inside = Some(c),
            _ => {}
        }
    }
    None
}

fn when(text: &str) -> Option<When> {
    match text {
        "" => return Some(When::Always),
        "BEGIN" => return Some(When::Begin),
        "END" => return Some(When::End),
        _ => {}
    }
    let regex = |text: &str| {
        let body = text.trim().strip_prefix('/')?.strip_suffix('/')?;
        pattern(body, Dialect::Extended, Case::Kept)
    };
    if let Some(pattern) = regex(text) {
        return Some(When::Match(Value::Field(0), pattern, true));
    }
    if let Some(pattern) = text.strip_prefix('!').and_then(regex) {
        return Some(When::Match(Value::Field(0), pattern, false));
    }
    if let Some((left, right)) = text.split_once('~') {
        let wanted = !left.ends_with('!');
        let value = value(left.trim_end_matches('!').trim())?;
        return Some(When::Match(value, regex(right)?, wanted));
    }
    let operators = ["==", "!=", "<=", ">=", "<", ">"];
    let operator = operators.into_iter().find(|operator| text.contains(operator))?;
    let (left, right) = text.split_once(operator)?;
    Some(When::Compare(value(left.trim())?, operator.to_owned(), value(right.trim())?))
}

fn statements(body: &str) -> Option<Vec<Vec<Vec<Value>>>> {
    let mut prints = Vec::new();
    for statement in cut(body, &[';', '\n']) {
        let statement = statement.trim();
        let Some(rest) = statement.strip_prefix("print") else {
            // What only counts or exits shows nothing.
            let harmless = statement.is_empty() || statement.starts_with("exit");
            if harmless { continue } else { return None }
        };
        let rest = rest.strip_prefix('f').unwrap_or(rest).trim();
        let rest = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
        let parts: Option<Vec<_>> = cut(rest, &[',']).into_iter().map(values).collect();
        prints.push(parts?.into_iter().filter(|values| !values.is_empty()).collect());
    }
    Some(prints)
}

/// Pieces between these marks outside of texts.
fn cut<'a>(text: &'a str, marks: &[char]) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while pieces.len() < MAX_PARTS {
        let places = marks.iter().filter_map(|mark| scan(rest, *mark));
        let Some(at) = places.min() else { break };
        let (piece, behind) = rest.split_at(at);
        pieces.push(piece);
        rest = behind.get(1..).unwrap_or_default();
    }
    pieces.push(rest);
    pieces
}

/// Values that stand side by side.
fn values(text: &str) -> Option<Vec<Value>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && found.len() < MAX_PARTS {
        let end = match rest.strip_prefix('"') {
            Some(body) => scan(body, '"')? + 2,
            None => rest.find([' ', '"', '\t']).unwrap_or(rest.len()),
        };
        let (word, behind) = rest.split_at_checked(end)?;
        found.push(value(word)?);
        rest = behind.trim_start();
    }
    Some(found)
}

fn value(word: &str) -> Option<Value> {
    if let Some(text) = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        return Some(Value::Text(encode(&ansi_c(text))));
    }
    Some(match word {
        "NF" => Value::FieldCount,
        "NR" => Value::LineNumber,
        "$NF" | "$(NF)" => Value::LastField,
        _ => match word.strip_prefix('$') {
            Some(number) => Value::Field(number.parse().ok()?),
            None if word.parse::<f64>().is_ok() => Value::Text(word.to_owned()),
            None if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                Value::Variable(word.to_owned())
            }
            None => return None,
        },
    })
}
