//! Listening to channels. Nobody else ever says anything there.

use super::call::Call;
use super::client::MAX_CHANNELS;
use super::error::{Done, SYNTAX};
use super::glob::matches;

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "psubscribe" | "ssubscribe" | "subscribe" => subscribe(call),
        "publish" | "spublish" => publish(call),
        "pubsub" => pubsub(call),
        "punsubscribe" | "sunsubscribe" | "unsubscribe" => unsubscribe(call),
        _ => return None,
    })
}

fn subscribe(call: &mut Call<'_>) -> Done {
    for name in call.from(1) {
        let client = &mut *call.client;
        let list = match call.command.name {
            "psubscribe" => &mut client.patterns,
            "ssubscribe" => &mut client.shards,
            _ => &mut client.channels,
        };
        if list.len() < MAX_CHANNELS {
            list.insert(name.get(..1024).unwrap_or(name).to_vec());
        }
        tell(call, Some(name));
    }
    Ok(())
}

fn unsubscribe(call: &mut Call<'_>) -> Done {
    let client = &mut *call.client;
    let list = match call.command.name {
        "punsubscribe" => &mut client.patterns,
        "sunsubscribe" => &mut client.shards,
        _ => &mut client.channels,
    };
    let given = call.words.get(1..).unwrap_or_default();
    let names: Vec<Vec<u8>> = match given {
        [] => list.iter().cloned().collect(),
        given => given.iter().map(|name| name.to_vec()).collect(),
    };
    if names.is_empty() {
        tell(call, None);
    }
    for name in names {
        let client = &mut *call.client;
        match call.command.name {
            "punsubscribe" => client.patterns.remove(&name),
            "sunsubscribe" => client.shards.remove(&name),
            _ => client.channels.remove(&name),
        };
        tell(call, Some(&name));
    }
    Ok(())
}

fn tell(call: &mut Call<'_>, name: Option<&[u8]>) {
    let shard = call.command.name.starts_with('s') && call.command.name != "subscribe";
    let count = if shard { call.client.shards.len() } else { call.client.listening() };
    call.out.push(3);
    call.out.bulk(call.command.name);
    call.out.maybe(name);
    call.out.len(count);
}

fn publish(call: &mut Call<'_>) -> Done {
    let (channel, message) = (call.word(1), call.word(2));
    let shard = call.command.name == "spublish";
    let listens = if shard { &call.client.shards } else { &call.client.channels };
    let mut heard = 0;
    if listens.contains(channel) {
        heard += 1;
        call.out.push(3);
        call.out.bulk(if shard { "smessage" } else { "message" });
        call.out.bulk(channel);
        call.out.bulk(message);
    }
    let patterns: Vec<_> =
        call.client.patterns.iter().filter(|pattern| matches(pattern, channel)).cloned().collect();
    for pattern in patterns.iter().filter(|_| !shard) {
        heard += 1;
        call.out.push(4);
        call.out.bulk("pmessage");
        call.out.bulk(pattern);
        call.out.bulk(channel);
        call.out.bulk(message);
    }
    call.out.len(heard);
    Ok(())
}

fn pubsub(call: &mut Call<'_>) -> Done {
    let word = call.lower(1);
    let pattern = call.words.get(2).copied();
    match word.as_str() {
        "channels" | "shardchannels" => {
            let shard = word.starts_with("shard");
            let list = if shard { &call.client.shards } else { &call.client.channels };
            let fits = |name: &&Vec<u8>| pattern.is_none_or(|pattern| matches(pattern, name));
            let names: Vec<_> = list.iter().filter(fits).cloned().collect();
            call.list(&names);
        }
        "numpat" => call.out.len(call.client.patterns.len()),
        "numsub" | "shardnumsub" => {
            call.out.array(call.from(2).len() * 2);
            for name in call.from(2) {
                let shard = word.starts_with("shard");
                let list = if shard { &call.client.shards } else { &call.client.channels };
                let count = usize::from(list.contains(*name));
                call.out.bulk(name);
                call.out.len(count);
            }
        }
        _ => return Err(SYNTAX),
    }
    Ok(())
}
