//! What operators see: the log, and the status.

pub mod answer;
pub mod keepalive;
pub mod log;
pub mod logging;
pub mod pace;
pub mod status;
