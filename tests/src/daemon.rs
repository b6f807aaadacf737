//! The daemon under test.

use std::path::PathBuf;

use xtask::lab::Daemon;

/// The `lb` that `LB_BINARY` names; without it, the one of the same build as this test.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn lb() -> Daemon {
    let binary = std::env::var_os("LB_BINARY").map_or_else(beside_this_test, PathBuf::from);
    assert!(
        binary.is_file(),
        "{} is missing: build it with `cargo build --package lb`, or name it in LB_BINARY",
        binary.display()
    );
    Daemon::Lb { binary }
}

/// `target/<profile>/lb` from `target/<profile>/deps/netns-<hash>`.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let profile = test.ancestors().nth(2).unwrap_or(&test);
    profile.join("lb")
}
