//! `base64`, and what else turns bytes into text and back.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Command;
use crate::logic::shell::run::{Call, Done};

/// Takes what encoders leave off at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "base64" => base64,
        "openssl" => openssl,
        _ => return None,
    })
}

fn base64(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("decode", 'd'), ("wrap", 'w'), ("ignore-garbage", 'i')];
    let options = call.options("dDiw:", &long)?;
    let paths = options.operands.get(..1).unwrap_or_default();
    let (read, status) = call.read_each(paths)?;
    let content: Vec<u8> = read.into_iter().flat_map(|(_, content)| content).collect();
    if status != 0 {
        return Ok(status);
    }
    if options.has('d') || options.has('D') {
        return Ok(decode(call, &content));
    }
    let width = options.value('w').and_then(|text| text.parse().ok()).unwrap_or(76_usize);
    let text = LENIENT.encode(&content);
    if width == 0 {
        call.out(text);
        return Ok(0);
    }
    let lines: Vec<u8> =
        text.as_bytes().chunks(width).flat_map(|line| [line, b"\n"].concat()).collect();
    call.write(&lines);
    Ok(0)
}

fn decode(call: &mut Call<'_, '_, '_>, content: &[u8]) -> u8 {
    let plain: Vec<u8> =
        content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    match LENIENT.decode(&plain) {
        Ok(bytes) => {
            call.write(&bytes);
            0
        }
        Err(_) => {
            // What is good is decoded, as coreutils does.
            let alphabet = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
            let good = plain.iter().take_while(alphabet).count() / 4 * 4;
            let bytes = LENIENT.decode(plain.get(..good).unwrap_or_default());
            call.write(&bytes.unwrap_or_default());
            call.fail("invalid input")
        }
    }
}

/// `openssl`: its version, and base64, which loaders fall back to.
fn openssl(call: &mut Call<'_, '_, '_>) -> Done {
    match call.arg(0) {
        Some("version") => {
            call.say("OpenSSL 3.0.16 11 Feb 2025 (Library: OpenSSL 3.0.16 11 Feb 2025)")
        }
        Some("base64" | "enc") => {
            let decoding = call.args.iter().any(|arg| arg == "-d");
            let content = call.input()?;
            if decoding {
                return Ok(decode(call, &content));
            }
            let text = LENIENT.encode(&content);
            call.say(text);
        }
        Some("rand") => {
            let mut bytes = [0; 16];
            (call.world.context.random)(&mut bytes);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            call.say(hex);
        }
        _ => {}
    }
    Ok(0)
}
