//! nft(8), which speaks to the kernel's packet filter.

use std::{
    io::{self, Write as _},
    process::{Command, Stdio},
};

/// Where systems keep it.
const PATHS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Has it carry out commands, all or none.
///
/// # Errors
/// Its own words, or why it does not run.
pub fn run(commands: &str) -> io::Result<()> {
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .env_clear()
        .env("PATH", PATHS)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("nft: {error}")))?;
    if let Some(mut stdin) = nft.stdin.take() {
        // One that does not read to the end says why.
        stdin.write_all(commands.as_bytes()).ok();
    }
    let output = nft.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let first = words.lines().next().unwrap_or("nft: no reason given");
    Err(io::Error::other(first.to_owned()))
}
