//! What operators see: the log, and the status.

pub mod answer;
pub mod dump;
pub mod keepalive;
pub mod level;
pub mod log;
pub mod logging;
pub mod pace;
pub mod status;
