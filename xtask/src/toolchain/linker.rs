//! bpf-linker: found, or built against the LLVM that rustc carries.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::Rustc;
use crate::{step, workspace};

/// The release that is built when none is found.
const VERSION: &str = "0.13.0";

/// Major versions of LLVM that release can be built for.
const LLVM: [u32; 3] = [21, 22, 23];

const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// The smallest crate that becomes bitcode without `core`.
const PROBE: &str = r#"#![feature(no_core, lang_items)]
#![allow(internal_features)]
#![no_core]
#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}
#[unsafe(no_mangle)]
pub extern "C" fn probe() {}
"#;

/// Returns the folder of a bpf-linker that reads this rustc's bitcode.
pub(super) fn prepare(rustc: &Rustc) -> Result<PathBuf> {
    let folder = workspace::prepared();
    let built = folder.join("bin/bpf-linker");
    let stamp = folder.join("bpf-linker.stamp");
    let wanted = format!("{VERSION} {} {}\n", rustc.commit, rustc.sysroot.display());
    if built.is_file() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(folder.join("bin"));
    }
    if let Some(found) = workspace::which("bpf-linker")
        && reads_our_bitcode(&found)?
    {
        return Ok(found
            .parent()
            .context("bpf-linker is in no folder")?
            .to_owned());
    }
    build(rustc, &folder)?;
    if !reads_our_bitcode(&built)? {
        bail!(
            "the bpf-linker we built cannot link what rustc {} writes",
            rustc.release
        );
    }
    fs::write(stamp, wanted)?;
    Ok(folder.join("bin"))
}

/// Tells whether `linker` links bitcode of the compiler in use: one for an older LLVM does not.
fn reads_our_bitcode(linker: &Path) -> Result<bool> {
    let folder = workspace::prepared().join("probe");
    fs::create_dir_all(&folder)?;
    let (source, bitcode) = (folder.join("probe.rs"), folder.join("probe.bc"));
    fs::write(&source, PROBE)?;
    let compiled = Rustc::command()
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "--edition",
            "2024",
            "--target",
            "bpfel-unknown-none",
            "--crate-type",
            "lib",
        ])
        .args(["--emit", "llvm-bc", "-o"])
        .args([&bitcode, &source])
        .current_dir(workspace::root())
        .stderr(Stdio::null())
        .status()?;
    let linked = Command::new(linker)
        .args(["--target=bpf", "--export", "probe", "-o"])
        .args([&folder.join("probe.o"), &bitcode])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    Ok(compiled.success() && linked.is_ok_and(|status| status.success()))
}

fn build(rustc: &Rustc, folder: &Path) -> Result<()> {
    if !LLVM.contains(&rustc.llvm) {
        bail!(
            "bpf-linker {VERSION} cannot be built for rustc {}'s LLVM {}; put a bpf-linker that \
             can on PATH",
            rustc.release,
            rustc.llvm
        );
    }
    let llvm = folder.join("llvm");
    link_llvm(rustc, &llvm)?;
    let target = folder.join("build");
    let mut command = workspace::cargo();
    command
        .args([
            "install",
            "bpf-linker",
            "--version",
            VERSION,
            "--locked",
            "--force",
        ])
        .args([
            "--no-default-features",
            "--features",
            &format!("llvm-{}", rustc.llvm),
        ])
        .arg("--root")
        .arg(folder)
        .arg("--target-dir")
        .arg(&target)
        .env("LLVM_PREFIX", &llvm)
        .env(
            "RUSTFLAGS",
            format!("-C link-arg=-Wl,-rpath,{}/lib", rustc.sysroot.display()),
        );
    let title = format!(
        "bpf-linker {VERSION}: building against LLVM {} of rustc {} (once, about a minute)",
        rustc.llvm, rustc.release
    );
    step::run("bpf-linker", &title, &mut command, BUILD_LIMIT)
        .context("bpf-linker cannot be had; put one on PATH or mend what its build lacks")?;
    fs::remove_dir_all(target)?;
    Ok(())
}

/// Lays out `llvm` as an LLVM installation whose shared library is the compiler's own.
fn link_llvm(rustc: &Rustc, llvm: &Path) -> Result<()> {
    let lib = rustc.sysroot.join("lib");
    let library = fs::read_dir(&lib)
        .with_context(|| format!("cannot read {}", lib.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libLLVM") && name.contains(".so")
        })
        .with_context(|| {
            format!(
                "{} has no libLLVM to link bpf-linker with; use rustup's Rust",
                lib.display()
            )
        })?;
    let _ = fs::remove_dir_all(llvm);
    fs::create_dir_all(llvm.join("lib"))?;
    for name in [
        "libLLVM.so".to_owned(),
        format!("libLLVM-{}.so", rustc.llvm),
    ] {
        symlink(&library, llvm.join("lib").join(name))?;
    }
    Ok(())
}
