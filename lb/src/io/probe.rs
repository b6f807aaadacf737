//! Probes: checks carried over real sockets.
