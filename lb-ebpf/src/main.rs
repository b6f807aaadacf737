//! The programs of the data plane.
fn main() {}
