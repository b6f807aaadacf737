//! The mirror: from the desired services to the exact contents of the BPF maps, and the difference to what is there.
#![deny(clippy::disallowed_methods)]
