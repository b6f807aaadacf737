//! What `cargo xtask` and the tests share.

pub mod lab;
