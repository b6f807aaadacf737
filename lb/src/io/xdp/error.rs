//! What can go wrong with the data plane.

use std::{io, path::PathBuf};

use aya::{
    EbpfError,
    maps::MapError,
    pin::PinError,
    programs::{ProgramError, links::LinkError},
    sys::SyscallError,
};
use nix::libc::{EBUSY, EEXIST};

/// A failed operation on the data plane.
#[derive(Debug, thiserror::Error)]
pub enum XdpError {
    /// The BPF file system could not be mounted.
    #[error("cannot mount the BPF file system on {path}: {source}", path = path.display())]
    MountBpffs {
        /// The mount point.
        path: PathBuf,
        /// Why.
        source: nix::Error,
    },
    /// A file or directory below the pin directory.
    #[error("{path}: {source}", path = path.display())]
    Pinned {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The object could not be loaded.
    #[error("cannot load the BPF object: {0}")]
    Load(#[from] Box<EbpfError>),
    /// A program is missing from the object.
    #[error("the BPF object has no program {0}")]
    NoProgram(&'static str),
    /// The kernel refused a program.
    #[error("program {program}: {source}")]
    Program {
        /// The program.
        program: &'static str,
        /// Why.
        source: ProgramError,
    },
    /// The interface could not be attached to.
    #[error("cannot attach {program} to {interface}: {source}")]
    Attach {
        /// The program.
        program: &'static str,
        /// The interface.
        interface: String,
        /// Why.
        source: ProgramError,
    },
    /// A link could not be opened or handed over.
    #[error("link {path}: {source}", path = path.display())]
    Link {
        /// The pin.
        path: PathBuf,
        /// Why.
        source: LinkError,
    },
    /// Something could not be pinned.
    #[error("cannot pin {path}: {source}", path = path.display())]
    Pin {
        /// The pin.
        path: PathBuf,
        /// Why.
        source: PinError,
    },
    /// A map could not be opened, read or written.
    #[error("map {map}: {source}")]
    Map {
        /// The map's name.
        map: &'static str,
        /// Why.
        source: MapError,
    },
    /// A flow table could not be mapped into memory.
    #[error("map {map}: mmap: {source}")]
    Mmap {
        /// The map's name.
        map: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A timer could not be started or cancelled.
    #[error("timer of {what}: {source}")]
    Timer {
        /// The virtual router or BFD session.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The tick length of the kernel is not known.
    #[error("cannot read the length of a kernel tick: {0}")]
    Tick(nix::Error),
}

impl XdpError {
    /// True when another XDP program is attached there already.
    #[must_use]
    pub fn is_occupied(&self) -> bool {
        let Self::Attach { source, .. } = self else {
            return false;
        };
        matches!(error_number(source), Some(EBUSY | EEXIST))
    }

    pub(super) fn pinned(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Pinned { path, source }
    }

    pub(super) fn program(program: &'static str) -> impl FnOnce(ProgramError) -> Self {
        move |source| Self::Program { program, source }
    }

    pub(super) fn attach(
        program: &'static str,
        interface: &str,
    ) -> impl FnOnce(ProgramError) -> Self {
        let interface = interface.to_owned();
        move |source| Self::Attach {
            program,
            interface,
            source,
        }
    }

    pub(super) fn map(map: &lb_common::maps::MapSpec) -> impl FnOnce(MapError) -> Self {
        let map = map.name;
        move |source| Self::Map { map, source }
    }
}

/// The `errno` at the bottom of an error.
pub(super) fn error_number(error: &ProgramError) -> Option<i32> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(call) = error.downcast_ref::<SyscallError>() {
            return call.io_error.raw_os_error();
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.raw_os_error();
        }
        source = error.source();
    }
    None
}
