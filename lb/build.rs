//! Lays the eBPF objects where `include_bytes!(concat!(env!("OUT_DIR"), "/lb.o"))` finds them.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Names the object of the data plane by hand, for builds outside the workspace; the other one is beside it.
const VARIABLE: &str = "LB_EBPF_OBJECT";

/// The object of the programs for sockets.
const SOCKETS: &str = "lb-tcp-keepalive.o";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let object = env::var_os(VARIABLE).map_or_else(|| built(&out), PathBuf::from);
    for object in [&object, &object.with_file_name(SOCKETS)] {
        println!("cargo::rerun-if-changed={}", object.display());
        let name = object.file_name().expect("an object is a file");
        if let Err(error) = fs::copy(object, out.join(name)) {
            println!(
                "cargo::error=the eBPF object {} is missing ({error}): run `cargo xtask build`, or set \
                 {VARIABLE}",
                object.display()
            );
        }
    }
}

/// Returns where `cargo xtask build` puts the object: `ebpf/lb.o` in the target directory.
///
/// `OUT_DIR` is `<target>[/<triple>]/<profile>/build/<package>/out`, so the target directory is one
/// of two of its parents.
fn built(out: &Path) -> PathBuf {
    let candidates: Vec<PathBuf> = out
        .ancestors()
        .skip(4)
        .take(2)
        .map(|dir| dir.join("ebpf/lb.o"))
        .collect();
    candidates
        .iter()
        .find(|path| path.is_file())
        .unwrap_or(&candidates[0])
        .clone()
}
