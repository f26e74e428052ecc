//! `md5sum` and its relatives.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::Command;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "cksum" | "sum" => cksum,
        "md5" | "md5sum" => |call| digests(call, &digest::<Md5>),
        "sha1" | "sha1sum" => |call| digests(call, &digest::<Sha1>),
        "sha256" | "sha256sum" => |call| digests(call, &digest::<Sha256>),
        "sha512" | "sha512sum" => |call| digests(call, &digest::<Sha512>),
        _ => return None,
    })
}

fn digest<D: Digest>(bytes: &[u8]) -> String {
    D::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digests(call: &mut Call<'_, '_, '_>, digest: &dyn Fn(&[u8]) -> String) -> Done {
    let options = call.options("bctqw", &[("check", 'c')])?;
    let (read, status) = call.read_each(&options.operands)?;
    // FreeBSD's names lack the `sum`, and its output is turned round.
    let bsd = !call.name.ends_with("sum");
    for (path, content) in read {
        call.world.spend_bytes(content.len());
        let hex = digest(&content);
        let line = match (bsd, path.as_str()) {
            (true, "-") => hex,
            (true, path) => format!("{} ({path}) = {hex}", call.name.to_uppercase()),
            (false, path) => format!("{hex}  {path}"),
        };
        call.say(line);
    }
    Ok(status)
}

/// The CRC of POSIX `cksum`: polynomial 0x04c11db7, the length appended.
fn cksum(call: &mut Call<'_, '_, '_>) -> Done {
    let paths = std::mem::take(&mut call.args);
    let (read, status) = call.read_each(&paths)?;
    for (path, content) in read {
        call.world.spend_bytes(content.len().saturating_mul(8));
        let mut length = content.len();
        let tail = std::iter::from_fn(move || {
            let byte = length.to_le_bytes()[0];
            let more = length > 0;
            length >>= 8;
            more.then_some(byte)
        });
        let crc = content.iter().copied().chain(tail).fold(0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 }
            })
        });
        let name = if path == "-" { String::new() } else { format!(" {path}") };
        call.say(format!("{} {}{name}", !crc, content.len()));
    }
    Ok(status)
}
