//! What lets keepalived's checkers run on a kernel without IPVS: a library that answers in its place.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use anyhow::{Context as _, ensure};

use crate::workspace;

const SOURCE: &str = include_str!("no_ipvs.c");

/// The library to preload, made by the C compiler when it is not there; `None` where the kernel has IPVS.
pub(super) fn library() -> anyhow::Result<Option<PathBuf>> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock();
    let loaded = Command::new("modprobe").args(["-q", "ip_vs"]).status();
    if loaded.is_ok_and(|status| status.success()) || Path::new("/proc/net/ip_vs").exists() {
        return Ok(None);
    }
    let directory = workspace::target().join("lab");
    fs::create_dir_all(&directory)?;
    let (source, library) = (directory.join("no_ipvs.c"), directory.join("no_ipvs.so"));
    if fs::read_to_string(&source).is_ok_and(|text| text == SOURCE) && library.is_file() {
        return Ok(Some(library));
    }
    let unfinished = directory.join(format!("no_ipvs.{}", std::process::id()));
    fs::write(&source, SOURCE)?;
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([&unfinished, &source])
        .arg("-ldl")
        .status()
        .context("start the C compiler")?;
    ensure!(
        made.success(),
        "the C compiler does not make {}",
        source.display()
    );
    fs::rename(unfinished, &library)?;
    Ok(Some(library))
}
