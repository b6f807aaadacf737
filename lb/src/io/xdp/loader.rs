//! Loading the object: maps and programs, new or taken over, all pinned.

use std::{fs, io, os::unix::fs::DirBuilderExt, panic::resume_unwind, path::Path, thread};

use aya::{
    Ebpf, EbpfLoader,
    maps::MapInfo,
    programs::{Program, ProgramError},
};
use lb_common::{
    flow::{FLOWS_PER_BUCKET4, FLOWS_PER_BUCKET6},
    maps::{self, MapSpec},
    programs,
};
use nix::{
    mount::{MsFlags, mount},
    sys::{
        resource::{RLIM_INFINITY, Resource, setrlimit},
        statfs::{BPF_FS_MAGIC, statfs},
    },
};
use tracing::{info, warn};

use super::{Pins, XdpError, timers::jiffies_per_second};
use crate::{io::file, mirror::room::Room};

/// The object, built by `cargo xtask build`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lb.o"));

/// Choices at load time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Capacities other than [`lb_common::maps`]'s; powers of two for the flow tables.
    pub max_entries: Vec<(MapSpec, u32)>,
    /// What is enough of maps that are pinned already; the capacity above where nothing is said.
    pub least: Vec<(MapSpec, u32)>,
    /// Load the programs for kernels without BPF timers, also where there are some.
    pub plain: bool,
}

impl Options {
    /// Maps that have `room`, and that for so many `flows` of each family.
    #[must_use]
    pub fn with_room(room: &Room, flows: u32) -> Self {
        Self {
            max_entries: entries(room, flows),
            ..Self::default()
        }
    }

    /// The same, and pinned maps are enough that have room for what is `needed`.
    #[must_use]
    pub fn or_pinned(self, needed: &Room) -> Self {
        Self {
            least: entries(needed, 0),
            ..self
        }
    }

    fn max_entries(&self, spec: &MapSpec) -> u32 {
        chosen(&self.max_entries, spec).unwrap_or(spec.max_entries)
    }

    fn least_entries(&self, spec: &MapSpec) -> u32 {
        chosen(&self.least, spec).unwrap_or_else(|| self.max_entries(spec))
    }

    /// What the map pinned below `pins` has, or is to have.
    fn actual_entries(&self, pins: &Pins, spec: &MapSpec) -> u32 {
        let pinned = MapInfo::from_pin(pins.map(spec));
        pinned.map_or_else(|_| self.max_entries(spec), |info| info.max_entries())
    }
}

/// Capacities of the maps whose size is chosen.
fn entries(room: &Room, flows: u32) -> Vec<(MapSpec, u32)> {
    let services = room.services;
    vec![
        (maps::SERVICES, services),
        (maps::SERVICE_TABLE, room.slots()),
        (maps::FRONTS, services),
        (maps::CURSORS, services),
        (maps::SERVICE_TRAFFIC, services),
        (maps::RINGS, room.chunks),
        (maps::FLOWS4, flows / FLOWS_PER_BUCKET4),
        (maps::FLOWS6, flows / FLOWS_PER_BUCKET6),
        (maps::LOCAL_PORTS, room.local_ports),
    ]
}

fn chosen(entries: &[(MapSpec, u32)], spec: &MapSpec) -> Option<u32> {
    let chosen = entries.iter().find(|(map, _)| map.name == spec.name);
    chosen.map(|&(_, entries)| entries)
}

/// What the kernel can do for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// BPF timers: adverts are absorbed and leases kept in the kernel. Without them every advert goes to the
    /// daemon, which keeps its own timers.
    pub timers: bool,
}

/// The programs and maps, loaded and pinned. Dropping it changes nothing in the kernel.
#[derive(Debug)]
pub struct DataPlane {
    pub(super) object: Ebpf,
    pub(super) pins: Pins,
    pub(super) capabilities: Capabilities,
}

impl DataPlane {
    /// Loads the programs and pins them with their maps below `pins`.
    ///
    /// Maps pinned there before are taken over with everything in them, as long as their shapes are what they
    /// should be and they have the room asked for; else all maps start empty. Interfaces keep the programs they have until they are attached
    /// again.
    ///
    /// # Errors
    /// When there is no BPF file system, or the kernel refuses a map or a program.
    pub fn load(pins: &Pins, options: &Options) -> Result<(Self, Capabilities), XdpError> {
        prepare(pins)?;
        drop_other_shapes(pins, options)?;
        // Kernels before 5.11 charge maps to this limit; a failure shows when the maps are made.
        let _unprivileged = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
        let mut object = load_object(pins, options)?;
        let timers = !options.plain && has_timers(&mut object);
        let names = programs_of(timers);
        load_programs(&mut object, &names)?;
        for name in names {
            pin_program(&mut object, pins, name)?;
        }
        let capabilities = Capabilities { timers };
        let plane = Self {
            object,
            pins: pins.clone(),
            capabilities,
        };
        Ok((plane, capabilities))
    }

    /// The object's file, which [`Self::load`] loads.
    #[must_use]
    pub const fn file() -> &'static [u8] {
        OBJECT
    }

    /// Where everything is pinned.
    #[must_use]
    pub const fn pins(&self) -> &Pins {
        &self.pins
    }

    /// The loaded object, for test runs.
    #[must_use]
    pub const fn object(&self) -> &Ebpf {
        &self.object
    }

    /// The loaded object, for programs that benchmarks alone load.
    #[must_use]
    pub const fn object_mut(&mut self) -> &mut Ebpf {
        &mut self.object
    }

    /// Instructions the verifier went through for each loaded program, by name (Linux 5.16).
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn verified_instructions(&self) -> Result<Vec<(&'static str, u32)>, XdpError> {
        programs_of(self.capabilities.timers)
            .into_iter()
            .map(|name| {
                let program = self.object.program(name).ok_or(XdpError::NoProgram(name))?;
                let info = program.info().map_err(XdpError::program(name))?;
                Ok((name, info.verified_instruction_count().unwrap_or(0)))
            })
            .collect()
    }

    /// Name of the loaded program with this id, whoever loaded it.
    #[must_use]
    pub fn name_of(program: u32) -> Option<String> {
        let mut loaded = aya::programs::loaded_programs().filter_map(Result::ok);
        let found = loaded.find(|info| info.id() == program)?;
        Some(String::from_utf8_lossy(found.name()).into_owned())
    }

    /// Detaches every interface and removes programs, maps and the pin directory: the final stop.
    ///
    /// # Errors
    /// When a pin cannot be removed; one that is not there is no error.
    pub fn remove(pins: &Pins) -> Result<(), XdpError> {
        for directory in [pins.links(), pins.programs(), pins.directory().to_owned()] {
            remove_directory(&directory)?;
        }
        Ok(())
    }
}

/// Programs to load, with and without timers.
fn programs_of(timers: bool) -> Vec<&'static str> {
    if timers {
        vec![
            programs::XDP,
            programs::TC,
            programs::LOCAL,
            programs::TIMER,
            programs::BFD_TIMER,
            programs::CLOCK,
            programs::SWEEP,
        ]
    } else {
        vec![
            programs::XDP_PLAIN,
            programs::TC_PLAIN,
            programs::LOCAL,
            programs::CLOCK,
            programs::SWEEP,
        ]
    }
}

/// Mounts the BPF file system where it is missing and makes the pin directories.
fn prepare(pins: &Pins) -> Result<(), XdpError> {
    if pins.directory().starts_with(Pins::BPFFS) {
        mount_bpffs()?;
    }
    for directory in [pins.programs(), pins.links()] {
        make_directory(&directory).map_err(XdpError::pinned(&directory))?;
    }
    Ok(())
}

/// Mounts the BPF file system where it is missing.
///
/// # Errors
/// When the kernel does not let us.
pub fn mount_bpffs() -> Result<(), XdpError> {
    let mount_point = Path::new(Pins::BPFFS);
    if statfs(mount_point).is_ok_and(|fs| fs.filesystem_type() == BPF_FS_MAGIC) {
        return Ok(());
    }
    mount(
        Some("bpf"),
        mount_point,
        Some("bpf"),
        MsFlags::empty(),
        Some("mode=0700"),
    )
    .map_err(|source| XdpError::MountBpffs {
        path: mount_point.to_owned(),
        source,
    })?;
    info!("mounted the BPF file system on {}", mount_point.display());
    Ok(())
}

/// Makes a directory, and those above it, for root alone.
///
/// # Errors
/// When it cannot be made.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)
}

/// Unpins all maps when one of them is not what this version would make: they refer to each other.
fn drop_other_shapes(pins: &Pins, options: &Options) -> Result<(), XdpError> {
    // The programs alone know it, and they are new: only flows of full NAT would notice, of which there were none.
    let ports = pins.map(&maps::LOCAL_PORTS);
    let pinned = MapInfo::from_pin(&ports).map_or(0, |info| info.max_entries());
    if pinned < options.least_entries(&maps::LOCAL_PORTS) {
        remove_file(&ports)?;
    }
    let other = maps::ALL.iter().find(|spec| {
        let path = pins.map(spec);
        path.exists()
            && !MapInfo::from_pin(&path).is_ok_and(|info| {
                info.key_size() == spec.key_size
                    && info.value_size() == spec.value_size
                    && info.max_entries() >= options.least_entries(spec)
            })
    });
    let Some(other) = other else {
        return Ok(());
    };
    warn!(
        "map {} below {} has another shape or too little room; all maps start empty",
        other.name,
        pins.directory().display()
    );
    for spec in maps::ALL {
        remove_file(&pins.map(spec))?;
    }
    Ok(())
}

fn load_object(pins: &Pins, options: &Options) -> Result<Ebpf, XdpError> {
    let ticks = jiffies_per_second()?;
    let hashed = [maps::FLOWS4, maps::FLOWS6, maps::LOCAL_PORTS];
    let masks = hashed.map(|spec| options.actual_entries(pins, &spec) - 1);
    let mut loader = EbpfLoader::new();
    loader
        .override_global(programs::GLOBAL_JIFFIES_PER_SECOND, &ticks, true)
        .override_global(programs::GLOBAL_FLOWS4_MASK, &masks[0], true)
        .override_global(programs::GLOBAL_FLOWS6_MASK, &masks[1], true)
        .override_global(programs::GLOBAL_LOCAL_PORTS_MASK, &masks[2], true);
    for spec in maps::ALL {
        loader
            .map_max_entries(spec.name, options.actual_entries(pins, spec))
            .map_pin_path(spec.name, pins.map(spec));
    }
    loader.load(OBJECT).map_err(|error| Box::new(error).into())
}

/// Whether the kernel takes programs with a timer: they need Linux 5.15 and the JIT compiler.
fn has_timers(object: &mut Ebpf) -> bool {
    // The smallest tells at once what the others are not tried for.
    let loaded = load_programs(object, &[programs::TIMER])
        .and_then(|()| load_programs(object, &programs_of(true)));
    if let Err(error) = &loaded {
        warn!(
            "no BPF timers ({error}): every advert wakes the daemon, and a stalled daemon keeps its addresses"
        );
    }
    loaded.is_ok()
}

/// Loads those of the programs that are not loaded yet, side by side: the verifier takes most of a second for the largest.
fn load_programs(object: &mut Ebpf, names: &[&'static str]) -> Result<(), XdpError> {
    if let Some(absent) = names.iter().find(|name| object.program(name).is_none()) {
        return Err(XdpError::NoProgram(absent));
    }
    thread::scope(|scope| {
        let wanted = object.programs_mut().filter_map(|(known, program)| {
            let name = names.iter().copied().find(|name| *name == known)?;
            Some((name, program))
        });
        let loading: Vec<_> = wanted
            .map(|(name, program)| scope.spawn(move || load_program(name, program)))
            .collect();
        let mut loaded = Ok(());
        for thread in loading {
            let one = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            loaded = loaded.and(one);
        }
        loaded
    })
}

fn load_program(name: &'static str, program: &mut Program) -> Result<(), XdpError> {
    let loaded = match program {
        Program::Xdp(program) => program.load(),
        Program::SchedClassifier(program) => program.load(),
        _ => return Err(XdpError::NoProgram(name)),
    };
    match loaded {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(()),
        Err(source) => Err(XdpError::program(name)(source)),
    }
}

/// Pins the program, in place of the one pinned before by a single rename.
fn pin_program(object: &mut Ebpf, pins: &Pins, name: &'static str) -> Result<(), XdpError> {
    let path = pins.program(name);
    let new = pins.program(&format!("{name}-new"));
    remove_file(&new)?;
    let program = object.program_mut(name).ok_or(XdpError::NoProgram(name))?;
    program.pin(&new).map_err(|source| XdpError::Pin {
        path: new.clone(),
        source,
    })?;
    fs::rename(&new, &path).map_err(XdpError::pinned(&path))
}

/// Removes `path`; that it is not there is as well.
pub(super) fn remove_file(path: &Path) -> Result<(), XdpError> {
    file::remove(path).map_err(XdpError::pinned(path))
}

/// Removes the pins in `directory`, and it unless directories are left in it (other namespaces').
fn remove_directory(directory: &Path) -> Result<(), XdpError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(XdpError::pinned(directory))?,
    };
    for entry in entries {
        let path = entry.map_err(XdpError::pinned(directory))?.path();
        if !path.is_dir() {
            remove_file(&path)?;
        }
    }
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
            Err(XdpError::pinned(directory)(error))
        }
        _ => Ok(()),
    }
}
