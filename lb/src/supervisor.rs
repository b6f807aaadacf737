//! The parent: children, control socket, signals.
