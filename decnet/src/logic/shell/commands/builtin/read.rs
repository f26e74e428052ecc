//! `read`.

use crate::logic::shell::run::{Call, Done, Want};

pub(super) fn read(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("rsp:t:n:N:d:a:u:ei:", &[])?;
    if let Some(prompt) = options.value('p').filter(|_| call.reads_terminal()) {
        let prompt = prompt.to_owned();
        call.err(prompt);
    }
    let want = if options.has('s') { Want::Secret(String::new()) } else { Want::Line };
    let Some(line) = call.line(want)? else { return Ok(1) };
    let names =
        if options.operands.is_empty() { vec!["REPLY".to_owned()] } else { options.operands };
    let separators = call.shell.value("IFS").unwrap_or(" \t\n").to_owned();
    let mut rest = line.trim_matches(|c| separators.contains(c));
    for (index, name) in names.iter().enumerate() {
        let last = index + 1 == names.len();
        let value = match rest.split_once(|c| separators.contains(c)).filter(|_| !last) {
            Some((value, behind)) => {
                rest = behind.trim_start_matches(|c| separators.contains(c));
                value
            }
            None => std::mem::take(&mut rest),
        };
        let value = value.to_owned();
        call.shell.set(name, &value);
    }
    Ok(0)
}
