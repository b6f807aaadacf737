//! What `cargo xtask` and the tests share.
