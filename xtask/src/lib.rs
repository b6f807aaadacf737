//! What `cargo xtask` and the tests share.

pub mod bench;
pub mod build;
pub mod fuzz;
pub mod guest;
pub mod lab;
pub mod packages;
pub mod step;
pub mod test;
pub mod tidy;
pub mod toolchain;
pub mod workspace;
