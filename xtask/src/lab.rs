//! The quick-start lab.

use std::path::Path;

/// Runs the lab with the `lb` binary at `lb` until it is interrupted.
///
/// # Errors
/// Says what the lab lacks.
pub fn run(lb: &Path) -> anyhow::Result<()> {
    anyhow::bail!("this tree has no lab to run {} in", lb.display())
}
