//! Programs of control groups, with a pinned set of maps and links for each group.

use std::{
    fs, io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, PerCpuArray},
    programs::{
        CgroupAttachMode, CgroupSockopt, Program, ProgramError, ProgramInfo, SockOps,
        links::{FdLink, LinkError},
    },
    util::KernelVersion,
};
use lb_common::{
    maps::{self, MapSpec},
    programs::{SET_SOCK_OPT, SOCK_OPS},
    tcp_keepalive::{RULE_LEAVES, RULE_RESPECTS, RULE_USED, RuleCounters, RuleValue},
};

use super::{Group, KeepaliveError, link::attach_and_pin as attach_and_pin_policy};
use crate::{
    io::xdp::{make_directory, mount_bpffs},
    tcp_keepalive::rule::Rule,
};

/// The object, built by `cargo xtask build`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lb-tcp-keepalive.o"));

/// Where everything is pinned, in a directory for each control group, named by its number.
const PINS: &str = "/sys/fs/bpf/lb-tcp-keepalive";

/// The pinned programs of control groups.
#[derive(Clone, Debug)]
pub struct Programs {
    pins: PathBuf,
}

/// What an attachment lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Why programs can still switch keepalive off, where they should not.
    pub not_kept: Option<String>,
}

/// What is attached to a control group.
#[derive(Debug)]
pub struct Attachment {
    /// Its number.
    pub id: u64,
    /// The group; none when it is gone.
    pub group: Option<Group>,
    /// The rules as the program reads them, and what each came to.
    pub rules: Vec<(RuleValue, RuleCounters)>,
}

impl Default for Programs {
    fn default() -> Self {
        Self { pins: PINS.into() }
    }
}

impl Programs {
    /// Attaches programs with these rules to a group, in place of those that are there. They outlive this process.
    ///
    /// # Errors
    /// When the kernel cannot do it; then what was there goes on.
    pub fn attach(&self, group: &Group, rules: &[Rule]) -> Result<Outcome, KeepaliveError> {
        let kernel: Vec<RuleValue> = rules.iter().map(Rule::kernel).collect();
        let respects = kernel.iter().any(|rule| rule.flags & RULE_RESPECTS != 0);
        let version = KernelVersion::current();
        if respects && version.is_ok_and(|version| version < KernelVersion::new(6, 1, 0)) {
            return Err(KeepaliveError::CannotRespect);
        }
        mount_bpffs()?;
        let directory = self.directory(group.id());
        let new = self.pins.join(format!("{}-new", group.id()));
        remove_pins(&new)?;
        make_directory(&new).map_err(KeepaliveError::file(&new))?;
        let attached = attach_and_pin(group, &kernel, &new);
        if attached.is_err() {
            remove_pins(&new)?;
        }
        let outcome = attached?;
        // From here on both are there, and the new one has the last word.
        remove_pins(&directory)?;
        fs::rename(&new, &directory).map_err(KeepaliveError::file(&directory))?;
        Ok(outcome)
    }

    /// Takes the programs off a group. Connections keep what they were given.
    ///
    /// # Errors
    /// When there are none, or their pins cannot be removed.
    pub fn detach(&self, group: &Group) -> Result<(), KeepaliveError> {
        if !self.directory(group.id()).exists() {
            return Err(KeepaliveError::NotAttached(group.path().to_owned()));
        }
        self.forget(group.id())
    }

    /// The same for a group that may be gone.
    ///
    /// # Errors
    /// When the pins cannot be removed.
    pub fn forget(&self, id: u64) -> Result<(), KeepaliveError> {
        remove_pins(&self.directory(id))?;
        // The last one takes the directory of all with it.
        fs::remove_dir(&self.pins).ok();
        Ok(())
    }

    /// What is attached to a group.
    ///
    /// # Errors
    /// When nothing is, or it cannot be read.
    pub fn of(&self, group: &Group) -> Result<Attachment, KeepaliveError> {
        if !self.directory(group.id()).exists() {
            return Err(KeepaliveError::NotAttached(group.path().to_owned()));
        }
        self.read(group.id(), Some(group.clone()))
    }

    /// Everything that is attached.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn all(&self) -> Result<Vec<Attachment>, KeepaliveError> {
        let entries = match fs::read_dir(&self.pins) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(KeepaliveError::file(&self.pins))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut ids: Vec<u64> = names.filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        ids.into_iter()
            .map(|id| self.read(id, Group::find(id)?))
            .collect()
    }

    fn read(&self, id: u64, group: Option<Group>) -> Result<Attachment, KeepaliveError> {
        let directory = self.directory(id);
        let open = |spec: &MapSpec| {
            let data = MapData::from_pin(directory.join(spec.name));
            data.map_err(failed(spec))
        };
        let rules = Map::Array(open(&maps::KEEPALIVE_RULES)?);
        let rules: Array<_, RuleValue> =
            rules.try_into().map_err(failed(&maps::KEEPALIVE_RULES))?;
        let counters = Map::PerCpuArray(open(&maps::KEEPALIVE_COUNTERS)?);
        let counters: PerCpuArray<_, RuleCounters> = counters
            .try_into()
            .map_err(failed(&maps::KEEPALIVE_COUNTERS))?;
        let mut used = Vec::new();
        for place in 0..maps::KEEPALIVE_RULES.max_entries {
            let rule = rules.get(&place, 0);
            let rule = rule.map_err(failed(&maps::KEEPALIVE_RULES))?;
            if rule.flags & RULE_USED == 0 {
                break;
            }
            let each = counters.get(&place, 0);
            let each = each.map_err(failed(&maps::KEEPALIVE_COUNTERS))?;
            let mut sum = RuleCounters::default();
            each.iter().for_each(|more| sum += *more);
            used.push((rule, sum));
        }
        Ok(Attachment {
            id,
            group,
            rules: used,
        })
    }

    fn directory(&self, id: u64) -> PathBuf {
        self.pins.join(id.to_string())
    }

    /// The file of the object that has both programs.
    #[must_use]
    pub const fn file() -> &'static [u8] {
        OBJECT
    }

    /// Loads both, and tells how many instructions the verifier went through for each, by name (Linux 5.16).
    ///
    /// # Errors
    /// When the kernel takes one not, or does not tell.
    pub fn verified_instructions() -> Result<[(&'static str, u32); 2], KeepaliveError> {
        let failed = |name| move |why| KeepaliveError::Program { name, why };
        let told = |info: ProgramInfo| info.verified_instruction_count().unwrap_or(0);
        let mut object = EbpfLoader::new().load(OBJECT).map_err(Box::new)?;
        let ops: &mut SockOps = program(&mut object, SOCK_OPS)?;
        let ops = ops.load().and_then(|()| ops.info());
        let ops = ops.map(told).map_err(failed(SOCK_OPS))?;
        let keep: &mut CgroupSockopt = program(&mut object, SET_SOCK_OPT)?;
        let keep = keep.load().and_then(|()| keep.info());
        let keep = keep.map(told).map_err(failed(SET_SOCK_OPT))?;
        Ok([(SOCK_OPS, ops), (SET_SOCK_OPT, keep)])
    }
}

fn attach_and_pin(
    group: &Group,
    rules: &[RuleValue],
    pins: &Path,
) -> Result<Outcome, KeepaliveError> {
    let mut object = EbpfLoader::new().load(OBJECT).map_err(Box::new)?;
    write_rules(&mut object, rules)?;
    let directory = group.directory()?;
    let ops: &mut SockOps = program(&mut object, SOCK_OPS)?;
    let unsupported = |error: ProgramError| KeepaliveError::Unsupported(last_word(&error));
    ops.load().map_err(unsupported)?;
    let link = ops
        .attach(directory.as_fd(), CgroupAttachMode::Single)
        .and_then(|id| ops.take_link(id))
        .map_err(unsupported)?;
    pin_link(FdLink::try_from(link), &pins.join(SOCK_OPS))?;
    let forces = |rule: &RuleValue| rule.flags & (RULE_RESPECTS | RULE_LEAVES) == 0;
    let mut outcome = Outcome::default();
    // Each setsockopt(2) of the group pays for it.
    if rules.iter().any(forces) {
        let keep: &mut CgroupSockopt = program(&mut object, SET_SOCK_OPT)?;
        let kept = keep.load().and_then(|()| {
            let program = keep.fd()?.as_fd();
            attach_and_pin_policy(program, directory.as_fd(), &pins.join(SET_SOCK_OPT))
                .map_err(ProgramError::IOError)
        });
        outcome.not_kept = kept.err().map(|error| last_word(&error));
    }
    for spec in maps::TCP_KEEPALIVE {
        let path = pins.join(spec.name);
        let map = object.map_mut(spec.name).ok_or_else(|| missing(spec))?;
        map.pin(&path)
            .map_err(|why| KeepaliveError::Pin { path, why })?;
    }
    Ok(outcome)
}

fn write_rules(object: &mut Ebpf, rules: &[RuleValue]) -> Result<(), KeepaliveError> {
    let spec = &maps::KEEPALIVE_RULES;
    let map = object.map_mut(spec.name).ok_or_else(|| missing(spec))?;
    let mut map: Array<_, RuleValue> = map.try_into().map_err(failed(spec))?;
    for (place, rule) in (0..).zip(rules) {
        map.set(place, rule, 0).map_err(failed(spec))?;
    }
    Ok(())
}

fn program<'o, P>(object: &'o mut Ebpf, name: &'static str) -> Result<&'o mut P, KeepaliveError>
where
    &'o mut P: TryFrom<&'o mut Program, Error = ProgramError>,
{
    let missing = || KeepaliveError::Unsupported(format!("the object has no program {name}"));
    let program = object.program_mut(name).ok_or_else(missing)?;
    program
        .try_into()
        .map_err(|why| KeepaliveError::Program { name, why })
}

fn pin_link(link: Result<FdLink, LinkError>, path: &Path) -> Result<(), KeepaliveError> {
    // Before Linux 5.7 there are no links, and nothing would outlive this process.
    let link = link.map_err(|error| KeepaliveError::Unsupported(error.to_string()))?;
    link.pin(path).map(drop).map_err(|why| KeepaliveError::Pin {
        path: path.to_owned(),
        why,
    })
}

fn failed(spec: &MapSpec) -> impl FnOnce(aya::maps::MapError) -> KeepaliveError + use<> {
    let name = spec.name;
    move |why| KeepaliveError::Map { name, why }
}

fn missing(spec: &MapSpec) -> KeepaliveError {
    KeepaliveError::Unsupported(format!("the object has no map {}", spec.name))
}

/// What the kernel said, at the bottom of an error.
fn last_word(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(why) = last.source() {
        last = why;
    }
    last.to_string()
}

/// Removes the pins in a directory, and it: what they held goes with them.
fn remove_pins(directory: &Path) -> Result<(), KeepaliveError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(KeepaliveError::file(directory))?,
    };
    for entry in entries {
        let path = entry.map_err(KeepaliveError::file(directory))?.path();
        fs::remove_file(&path).map_err(KeepaliveError::file(&path))?;
    }
    fs::remove_dir(directory).map_err(KeepaliveError::file(directory))
}
