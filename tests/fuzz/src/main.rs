//! Runs the target that `DECNET_FUZZ_TARGET` names, with libFuzzer's own arguments.
#![no_main]

use std::sync::LazyLock;

use decnet_fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("DECNET_FUZZ_TARGET").unwrap_or_default();
    decnet_fuzz::target(&name).unwrap_or_else(|| panic!("DECNET_FUZZ_TARGET: no target `{name}`"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
