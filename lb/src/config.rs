//! The configuration language: text in, typed model and diagnostics out.
#![deny(clippy::disallowed_methods)]

pub mod model;
