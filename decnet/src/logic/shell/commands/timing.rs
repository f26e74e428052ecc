//! Commands that take time.

use std::time::Duration;

use super::Command;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "sleep" | "usleep" => sleep,
        "timeout" => timeout,
        "watch" => watch,
        _ => return None,
    })
}

/// A time such as `1.5` or `2m`.
fn span(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit = match text.get(digits.len()..)? {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(digits.parse::<f64>().ok()? * unit).ok()
}

fn sleep(call: &mut Call<'_, '_, '_>) -> Done {
    if call.args.is_empty() {
        call.fail("missing operand");
        call.complain("Try 'sleep --help' for more information.");
        return Ok(1);
    }
    let micro = call.name == "usleep";
    for text in std::mem::take(&mut call.args) {
        let Some(span) = span(&text) else {
            call.fail(format!("invalid time interval ‘{text}’"));
            call.complain("Try 'sleep --help' for more information.");
            return Ok(1);
        };
        call.world.wait(if micro { span / 1_000_000 } else { span });
    }
    Ok(0)
}

fn timeout(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args);
    while let Some(first) = args.first() {
        if first.starts_with('-') {
            let takes = matches!(first.as_str(), "-s" | "-k" | "-t");
            args.drain(..=usize::from(takes && args.len() > 1));
        } else {
            break;
        }
    }
    if args.len() < 2 {
        return Ok(call.fail("missing operand").max(125));
    }
    args.remove(0);
    call.world.named(call.shell, args, call.streams)
}

fn watch(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args);
    if args.first().is_some_and(|arg| arg == "-n") {
        args.drain(..2.min(args.len()));
    }
    let text = args.join(" ");
    call.world.run_text(call.shell, &text, call.streams)
}
