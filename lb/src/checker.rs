//! Health checks: who is probed when, and what the answers mean.
#![deny(clippy::disallowed_methods)]
