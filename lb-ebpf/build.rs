//! Tells bpf-linker what the processors we run on can do.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "bpf") {
        // Headers lie at any address. Without this a 4-byte field is loaded byte by byte and put together, which
        // doubles the time of a packet. x86-64 and arm64 load it in one instruction; where a processor cannot,
        // the kernel's verifier refuses the program.
        println!("cargo::rustc-link-arg-bins=--cpu-features=+allows-misaligned-mem-access");
    }
}
