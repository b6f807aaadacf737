//! `cargo xtask`: builds, tests, benchmarks and demonstrates lb.
fn main() {}
