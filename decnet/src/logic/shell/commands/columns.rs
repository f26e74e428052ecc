//! Lines and columns: `sort`, `uniq`, `cut`, `tr`, `wc`, `paste`, `seq`.

use super::Command;
use crate::logic::shell::run::{Call, Done, Options, Stop, Way};
use crate::logic::shell::text::{ansi_c, encode};

/// Longest field list of `cut`, and most lines of `seq`.
const MAX_NUMBER: usize = 100_000;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "basename" => |call| name_of(call, crate::logic::files::file_name),
        "cut" => cut,
        "dirname" => |call| {
            name_of(
                call,
                |path| if path.contains('/') { crate::logic::files::parent(path) } else { "." },
            )
        },
        "expr" => expr,
        "paste" => paste,
        "seq" => seq,
        "shuf" | "sort" => sort,
        "tr" => tr,
        "uniq" => uniq,
        "wc" => wc,
        _ => return None,
    })
}

/// The lines of all files named, or of the input.
fn lines(call: &mut Call<'_, '_, '_>, paths: &[String]) -> Result<(Vec<String>, u8), Stop> {
    let (read, status) = call.read_each(paths)?;
    let texts = read.iter().map(|(_, content)| encode(content));
    Ok((
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect(),
        status,
    ))
}

fn put(call: &mut Call<'_, '_, '_>, lines: &[String]) {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    call.out(text);
}

fn sort(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("reverse", 'r'), ("unique", 'u'), ("numeric-sort", 'n'), ("key", 'k')];
    let options = call.options("bdfghinrRsuVzk:t:o:S:T:", &long)?;
    let (mut lines, status) = lines(call, &options.operands)?;
    let key = sort_key(&options);
    if options.has('n')
        || options.has('h')
        || options.has('g')
        || options.values('k').any(|key| key.contains('n'))
    {
        lines.sort_by(|a, b| number(&key(a)).total_cmp(&number(&key(b))).then_with(|| a.cmp(b)));
    } else if options.has('f') {
        lines.sort_by_cached_key(|line| key(line).to_lowercase());
    } else {
        lines.sort_by_cached_key(|line| (key(line), line.clone()));
    }
    if options.has('r') || options.values('k').any(|key| key.contains('r')) {
        lines.reverse();
    }
    if options.has('u') {
        lines.dedup();
    }
    match options.value('o') {
        Some(path) => {
            let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
            let path = path.to_owned();
            if let Err(fault) = call.store(&path, text.as_bytes(), Way::Whole) {
                return Ok(call.fail(format!("open failed: {path}: {fault}")));
            }
        }
        None => put(call, &lines),
    }
    Ok(status)
}

/// What of a line `-k` sorts by.
fn sort_key(options: &Options) -> impl Fn(&str) -> String {
    let first = options.value('k').map(|key| {
        let digits: String = key.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().unwrap_or(1).max(1)
    });
    let separator = options.value('t').and_then(|text| text.chars().next());
    move |line| match (first, separator) {
        (None, _) => line.to_owned(),
        (Some(first), Some(c)) => line.split(c).skip(first - 1).collect::<Vec<_>>().join(" "),
        (Some(first), None) => {
            line.split_whitespace().skip(first - 1).collect::<Vec<_>>().join(" ")
        }
    }
}

fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let end =
        text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-')).unwrap_or(text.len());
    let value: f64 = text.get(..end).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    match text.get(end..).and_then(|rest| rest.chars().next()) {
        Some('K' | 'k') => value * 1e3,
        Some('M') => value * 1e6,
        Some('G') => value * 1e9,
        _ => value,
    }
}

fn uniq(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("cdiuf:s:w:", &[("count", 'c')])?;
    let (lines, status) = lines(call, options.operands.get(..1).unwrap_or_default())?;
    let mut runs: Vec<(usize, String)> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some((count, last)) if *last == line => *count += 1,
            _ => runs.push((1, line)),
        }
    }
    runs.retain(|(count, _)| match (options.has('d'), options.has('u')) {
        (true, _) => *count > 1,
        (false, true) => *count == 1,
        (false, false) => true,
    });
    let shown: Vec<String> = runs
        .into_iter()
        .map(|(count, line)| if options.has('c') { format!("{count:>7} {line}") } else { line })
        .collect();
    put(call, &shown);
    Ok(status)
}

/// The ranges of `1,3-5,7-`, from 1 on.
fn ranges(text: &str) -> Option<Vec<(usize, usize)>> {
    let range = |part: &str| {
        let number =
            |text: &str, none: usize| if text.is_empty() { Some(none) } else { text.parse().ok() };
        match part.split_once('-') {
            Some((low, high)) => Some((number(low, 1)?, number(high, usize::MAX)?)),
            None => part.parse().ok().map(|number| (number, number)),
        }
    };
    text.split(',').map(range).collect()
}

fn cut(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("delimiter", 'd'), ("fields", 'f'), ("characters", 'c')];
    let options = call.options("b:c:d:f:sn", &long)?;
    let fields = options.value('f');
    let list = fields.or(options.value('c')).or(options.value('b'));
    let Some(list) = list else {
        return Ok(call.fail("you must specify a list of bytes, characters, or fields"));
    };
    let Some(ranges) = ranges(list) else {
        return Ok(call.fail(format!("invalid field value ‘{list}’")));
    };
    let wanted =
        |index: usize| ranges.iter().any(|(low, high)| (*low..=*high).contains(&(index + 1)));
    let delimiter = options.value('d').and_then(|text| text.chars().next()).unwrap_or('\t');
    let by_field = fields.is_some();
    let (lines, status) = lines(call, &options.operands)?;
    let shown: Vec<String> = lines
        .iter()
        .filter(|line| !options.has('s') || line.contains(delimiter))
        .map(|line| {
            if !by_field {
                let kept = line.chars().enumerate().filter(|(index, _)| wanted(*index));
                return kept.map(|(_, c)| c).collect();
            }
            if !line.contains(delimiter) {
                return line.clone();
            }
            let kept = line.split(delimiter).enumerate().filter(|(index, _)| wanted(*index));
            kept.map(|(_, field)| field).collect::<Vec<_>>().join(&delimiter.to_string())
        })
        .collect();
    call.world.spend(shown.len() / 16);
    put(call, &shown);
    Ok(status)
}

/// The characters of a set such as `a-z`, `[:upper:]` or `\n`.
fn set(text: &str) -> Vec<char> {
    let text = encode(&ansi_c(text));
    let mut chars = Vec::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        if let Some((class, behind)) =
            rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]"))
        {
            chars.extend((0_u8..=127).map(char::from).filter(|c| match class {
                "alpha" => c.is_ascii_alphabetic(),
                "alnum" => c.is_ascii_alphanumeric(),
                "digit" => c.is_ascii_digit(),
                "lower" => c.is_ascii_lowercase(),
                "upper" => c.is_ascii_uppercase(),
                "space" => c.is_ascii_whitespace(),
                "punct" => c.is_ascii_punctuation(),
                "cntrl" => c.is_ascii_control(),
                _ => false,
            }));
            rest = behind;
            continue;
        }
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        match after.strip_prefix('-').and_then(|rest| Some((rest.chars().next()?, rest))) {
            Some((last, behind)) if last >= first && u32::from(last) - u32::from(first) < 256 => {
                chars.extend(first..=last);
                rest = behind.get(last.len_utf8()..).unwrap_or_default();
            }
            _ => {
                chars.push(first);
                rest = after;
            }
        }
    }
    chars
}

fn tr(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("cCdst", &[("delete", 'd'), ("squeeze-repeats", 's')])?;
    let Some(from) = options.operands.first() else { return Ok(call.fail("missing operand")) };
    let complement = options.has('c') || options.has('C');
    let from = set(from);
    let to = options.operands.get(1).map(|text| set(text)).unwrap_or_default();
    let text = encode(&call.input()?);
    let place = |c: char| {
        let at = from.iter().position(|known| *known == c);
        if complement { at.is_none().then_some(usize::MAX) } else { at }
    };
    let mut shown = String::with_capacity(text.len());
    let mut last = None;
    call.world.spend_bytes(text.len().saturating_mul(from.len() / 16 + 1));
    for c in text.chars() {
        let at = place(c);
        if at.is_some() && options.has('d') {
            continue;
        }
        let turned = at.and_then(|at| to.get(at).or(to.last())).copied().unwrap_or(c);
        if options.has('s') && at.is_some() && last == Some(turned) {
            continue;
        }
        last = Some(turned);
        shown.push(turned);
    }
    call.out(shown);
    Ok(0)
}

fn wc(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("lines", 'l'), ("words", 'w'), ("bytes", 'c'), ("chars", 'm')];
    let options = call.options("clmwL", &long)?;
    let all = !['c', 'l', 'm', 'w'].into_iter().any(|flag| options.has(flag));
    let named = !options.operands.is_empty();
    let (read, status) = call.read_each(&options.operands)?;
    let mut total = [0; 3];
    let mut rows = Vec::new();
    for (path, content) in &read {
        let words = content.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
        let lines = content.iter().filter(|byte| **byte == b'\n').count();
        let counts = [lines, words, content.len()];
        total.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        rows.push((counts, path.as_str()));
    }
    if rows.len() > 1 {
        rows.push((total, "total"));
    }
    let wanted = [
        all || options.has('l'),
        all || options.has('w'),
        all || options.has('c') || options.has('m'),
    ];
    let single = wanted.iter().filter(|wanted| **wanted).count() == 1;
    let width = match (named, single && rows.len() == 1) {
        (_, true) => 1,
        (true, _) => total.iter().max().map_or(1, |most| most.to_string().len()),
        (false, _) => 7,
    };
    for (counts, path) in rows {
        let cells = counts.iter().zip(wanted).filter(|(_, wanted)| *wanted);
        let cells: Vec<String> = cells.map(|(count, _)| format!("{count:>width$}")).collect();
        let path = if named { format!(" {path}") } else { String::new() };
        call.say(format!("{}{path}", cells.join(" ")));
    }
    Ok(status)
}

fn paste(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("sd:", &[])?;
    let (lines, status) = lines(call, &options.operands)?;
    let with = options.value('d').unwrap_or("\t");
    let shown = if options.has('s') { vec![lines.join(with)] } else { lines };
    put(call, &shown);
    Ok(status)
}

fn seq(call: &mut Call<'_, '_, '_>) -> Done {
    // A number below zero is no option.
    if call.args.iter().any(|arg| arg.parse::<i64>().is_ok_and(|number| number < 0)) {
        call.args.insert(0, "--".to_owned());
    }
    let options = call.options("s:wf:", &[])?;
    let numbers: Option<Vec<i64>> = options.operands.iter().map(|text| text.parse().ok()).collect();
    let Some(numbers) = numbers else { return Ok(call.fail("invalid floating point argument")) };
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] => (*first, *step, *last),
        _ => return Ok(call.fail("missing operand")),
    };
    if step == 0 {
        return Ok(call.fail("invalid Zero increment value: '0'"));
    }
    let mut shown = Vec::new();
    let mut next = Some(first);
    while let Some(number) =
        next.filter(|number| if step > 0 { *number <= last } else { *number >= last })
    {
        shown.push(number.to_string());
        if shown.len() >= MAX_NUMBER {
            break;
        }
        next = number.checked_add(step);
    }
    call.world.spend(shown.len() / 64);
    if !shown.is_empty() {
        call.say(shown.join(options.value('s').unwrap_or("\n")));
    }
    Ok(0)
}

fn name_of(call: &mut Call<'_, '_, '_>, part: fn(&str) -> &str) -> Done {
    let Some(path) = call.arg(0).map(str::to_owned) else {
        return Ok(call.fail("missing operand"));
    };
    let name = part(&path);
    let suffix = call.arg(1).unwrap_or_default();
    let name = name.strip_suffix(suffix).filter(|name| !name.is_empty()).unwrap_or(name).to_owned();
    call.say(name);
    Ok(0)
}

fn expr(call: &mut Call<'_, '_, '_>) -> Done {
    let value = match call.args.as_slice() {
        [a, operator, b] if matches!(operator.as_str(), "+" | "-" | "*" | "/" | "%") => {
            let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) else {
                return Ok(call.fail("non-integer argument").max(2));
            };
            let value = match operator.as_str() {
                "+" => a.checked_add(b),
                "-" => a.checked_sub(b),
                "*" => a.checked_mul(b),
                "/" => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            let Some(value) = value else { return Ok(call.fail("division by zero").max(2)) };
            value.to_string()
        }
        [a, operator, b] if matches!(operator.as_str(), "=" | "!=") => {
            u8::from((a == b) == (operator == "=")).to_string()
        }
        [length, text] if length == "length" => text.chars().count().to_string(),
        [text] => text.clone(),
        _ => return Ok(call.fail("syntax error").max(2)),
    };
    let status = u8::from(value.is_empty() || value == "0");
    call.say(value);
    Ok(status)
}
