//! Programs that the configuration names.

use serde::{Deserialize, Serialize};

use super::global::Owner;

/// A program with its arguments, and whose it runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program's path, then its arguments; never empty.
    pub words: Vec<String>,
    /// User and group; `script_user` by default.
    pub owner: Option<Owner>,
}
