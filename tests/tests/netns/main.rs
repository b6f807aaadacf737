//! Real daemons, real kernel, real traffic: the lab of `cargo xtask run` driven by tests. Needs root.
//!
//! The tests run one after another, because they measure time. A missing tool or right is a failure, never a skip.
//! `LB_BIN` names the binary under test; without it, it is looked for beside the test's own.

mod arena;
mod lab;
