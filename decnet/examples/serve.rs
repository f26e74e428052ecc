//! One service on loopback, to try it by hand: `cargo run --example serve -- ssh 2222 debian-12`.
//!
//! No namespaces, no capture, no limits: a blocking loop around [`decnet::logic::services`] that
//! prints each report. The real runner is `decnet::role::host`.
#![allow(clippy::print_stdout, reason = "this is a command-line tool")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use decnet::logic::decky::{Identity, Secret};
use decnet::logic::persona;
use decnet::logic::services::{self, Context, Listen, Reply, ServiceKind, ServiceSpec, State};
use decnet::logic::time::Timestamp;
use nix::sys::socket::{setsockopt, sockopt};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let kind: ServiceKind = args.next().context("usage: serve SERVICE PORT [PERSONA]")?.parse()?;
    let port: u16 = args.next().context("which port?")?.parse()?;
    let persona = args.next().unwrap_or_else(|| "debian-12".to_owned());
    let persona = persona::find(&persona).context("no such persona")?;
    let mac = persona.mac([0, 1, 2, 3]);
    let name = "files-01".parse()?;
    let hostname = persona::hostname(persona, &name, mac);
    let identity = Arc::new(Identity {
        name,
        hostname,
        persona,
        mac,
        ip: [127, 0, 0, 1].into(),
        ip6: None,
        secret: Secret([7; 32]),
        booted: Timestamp(now().0 - 86_400_000_000_000),
    });
    let state = Arc::new(Mutex::new(State::default()));
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("{kind} of {} on 127.0.0.1:{port}", persona.id);
    for stream in listener.incoming() {
        let (stream, identity, state) = (stream?, identity.clone(), state.clone());
        std::thread::spawn(move || {
            let ended = serve(stream, kind, &identity, &state);
            println!("closed: {ended:?}");
        });
    }
    Ok(())
}

fn serve(
    mut stream: TcpStream,
    kind: ServiceKind,
    decky: &Identity,
    state: &Mutex<State>,
) -> Result<()> {
    // Some services send several small pieces in a row.
    stream.set_nodelay(true)?;
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    let mut service = services::begin(&ServiceSpec::plain(kind).settings);
    let mut call =
        |act: &mut dyn FnMut(&mut dyn services::Service, &mut Context<'_>, &mut Reply)| {
            let mut reply = Reply::default();
            let mut state = state.lock().expect("no service panics");
            let random = &mut |buffer: &mut [u8]| random(buffer);
            let mut context = Context { now: now(), decky, state: &mut state, random, local, peer };
            act(service.as_mut(), &mut context, &mut reply);
            for report in &reply.reports {
                println!("{}", serde_json::to_string(report).expect("a report is JSON"));
            }
            reply
        };
    let mut reply = call(&mut |service, context, reply| service.open(context, reply));
    let mut buffer = vec![0; 16 * 1024];
    loop {
        stream.write_all(&reply.bytes)?;
        if reply.data.listen == Listen::Start {
            // Data connections are the real runner's.
            reply = call(&mut |service, context, reply| service.data_port(None, context, reply));
            continue;
        }
        if reply.close {
            if reply.reset {
                // A linger of no time turns the close into a reset.
                let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                setsockopt(&stream, sockopt::Linger, &linger)?;
            }
            break;
        }
        if let Some(wait) = reply.wait {
            // A blocking tool may sleep: it has nothing else to do.
            #[allow(clippy::disallowed_methods, reason = "as above")]
            std::thread::sleep(wait.min(Duration::from_secs(10)));
            reply = call(&mut |service, context, reply| service.wake(context, reply));
            continue;
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        reply = call(&mut |service, context, reply| {
            service.receive(&buffer[..count], context, reply);
        });
    }
    let last = call(&mut |service, context, reply| service.end(context, reply));
    stream.write_all(&last.bytes)?;
    Ok(())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX))
}

fn random(buffer: &mut [u8]) {
    let mut source = std::fs::File::open("/dev/urandom").expect("every Linux has it");
    source.read_exact(buffer).expect("it never ends");
}
