//! Rules about what the configuration names on this machine: users, programs, names of iproute2, files of keys.
//!
//! A file may be checked on one machine and used on another, so what is missing is no worse than keepalived makes it: what
//! it leaves out with a message is a warning, what it leaves out in silence a note. What others than root may change is
//! always a warning, and a key that cannot be used or kept is an error.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::help_with_name;
use crate::config::{
    LoadError, System,
    diagnostic::{Finding, Kind, Report, Severity, quote},
    lower::{KEY, Lowered},
    model::{InterfaceName, global::Owner},
    need::{Need, Program, Runner, SecretKind},
    path::{Found, find, resolve, weakness},
    source::Span,
    system::{EntryKind, Local},
};

/// The user of scripts where there is one of this name and no other is written.
const DEFAULT_USER: &str = "keepalived_script";
const ROOT: u32 = 0;
/// Permission for the group and others to read or write.
const OTHERS: u32 = 0o066;
/// Bytes of a password in a file.
const PASSWORD: RangeInclusive<usize> = 1..=255;

/// keepalived leaves the line out.
pub(super) fn names_of_iproute_are_known(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    let Some(local) = system.local() else { return };
    let mut lists = BTreeMap::new();
    for need in &lowered.needs {
        let Need::Name(list, name) = &need.value else {
            continue;
        };
        let known: &Vec<String> = lists.entry(*list).or_insert_with(|| local.names(*list));
        if known.contains(name) {
            continue;
        }
        let message = format!(
            "there is no {list} {} on this machine: what stands here is left out, as in keepalived",
            quote(name)
        );
        let known = known.iter().map(String::as_str);
        let file = quote(&format!("/etc/iproute2/{}", list.file()));
        let help = format!("add it to {file}, or write its number");
        let finding = report.warning(Kind::System, need.span, message);
        help_with_name(finding, name, known, &help);
    }
}

/// keepalived leaves the route out.
pub(super) fn vrfs_are_vrfs(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    let mut check = |name: &InterfaceName, at: Span| {
        let is_vrf = system.interface(name).and_then(|known| known.is_vrf);
        if is_vrf == Some(false) {
            let message = format!("the interface {} is not a VRF", quote(name.as_str()));
            report
                .warning(Kind::System, at, message)
                .help("`ip link show type vrf` shows what there is");
        }
    };
    for need in &lowered.needs {
        if let Need::Vrf(name) = &need.value {
            check(name, need.span);
        }
    }
    for placed in &lowered.instances {
        if let (Some(vrf), Some(at)) = (&placed.value.link.vrf, placed.at.vrf) {
            check(vrf, at);
        }
    }
}

/// Without its user nothing runs. keepalived says so of `script_user`, scripts that are tracked and checks.
pub(super) fn users_exist(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    let Some(local) = system.local() else { return };
    for need in &lowered.needs {
        let (owner, at, severity, consequence) = match &need.value {
            Need::ScriptUser(owner) => {
                let all = "scripts without a `user` are not run";
                (owner, need.span, Severity::Warning, all)
            }
            Need::PipeOwner(owner) => (owner, need.span, Severity::Note, "the pipe is not theirs"),
            Need::Program(program) => {
                let Some(owner) = &program.owner else {
                    continue;
                };
                let severity = match program.runner {
                    Runner::Notify => Severity::Note,
                    Runner::TrackScript | Runner::Check => Severity::Warning,
                };
                (&owner.value, owner.span, severity, "the program is not run")
            }
            Need::Name(..)
            | Need::Vrf(_)
            | Need::SyncDaemon
            | Need::IpvsNamespace
            | Need::KeepaliveTime
            | Need::SecretFile { .. } => continue,
        };
        let Some(missing) = missing(owner, local) else {
            continue;
        };
        let message =
            format!("there is no {missing} on this machine: {consequence}, as in keepalived");
        report
            .finding(severity, Kind::System, at, message)
            .help("write a name that `getent passwd` or `getent group` shows; keepalived takes no numbers");
    }
}

/// `user X` or `group X`, whichever is not there.
fn missing(owner: &Owner, local: &dyn Local) -> Option<String> {
    if local.user(&owner.user).is_none() {
        return Some(format!("user {}", quote(&owner.user)));
    }
    let group = owner.group.as_ref()?;
    let is_missing = local.group(group).is_none();
    is_missing.then(|| format!("group {}", quote(group)))
}

/// With `enable_script_security` keepalived does not fall back to root.
pub(super) fn scripts_have_a_user(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    let Some(local) = system.local() else { return };
    let scripts = &lowered.global.scripts;
    if !scripts.security || scripts.user.is_some() || local.user(DEFAULT_USER).is_some() {
        return;
    }
    let mut homeless = programs(lowered).filter(|(program, _)| program.owner.is_none());
    if let Some((program, at)) = homeless.next() {
        let message = format!(
            "there is no user {} on this machine: {} is not run, as in keepalived",
            quote(DEFAULT_USER),
            quote(&program.keyword)
        );
        report.warning(Kind::System, at, message).help(
            "write `script_user USER` in global_defs, also for all other scripts without a user",
        );
    }
}

/// keepalived runs nothing that is not there, and says so of scripts that are tracked.
pub(super) fn programs_are_there(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    let Some(local) = system.local() else { return };
    for (program, at) in programs(lowered) {
        let path = quote(&program.path);
        let (message, help) = match find(&program.path, local) {
            Err(LoadError::NotFound) => (
                format!("there is no program {path} on this machine"),
                "install it, or correct the path".to_owned(),
            ),
            Err(error) => (
                format!("the program {path} cannot be found: {error}"),
                "correct the path".to_owned(),
            ),
            Ok(Found { entry, .. }) if entry.kind != EntryKind::File => (
                format!("{path} is no program: not a regular file"),
                "write the path of a program".to_owned(),
            ),
            Ok(Found { entry, real, .. }) if !entry.is_executable() => {
                let message = format!("the program {path} is not executable");
                let help = quote(&format!("chmod +x {}", real.display()));
                report.note(Kind::System, at, message).help(help);
                continue;
            }
            Ok(_) => continue,
        };
        let severity = match program.runner {
            Runner::TrackScript => Severity::Warning,
            Runner::Notify | Runner::Check => Severity::Note,
        };
        let keyword = quote(&program.keyword);
        let message = format!("{message}: {keyword} is not run, as in keepalived");
        report
            .finding(severity, Kind::System, at, message)
            .help(help);
    }
}

/// keepalived runs it, and ends a configuration test with a code of its own.
pub(super) fn root_runs_nothing_unchecked(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    let Some(local) = system.local() else { return };
    let scripts = &lowered.global.scripts;
    if scripts.security {
        return;
    }
    // Of the others the next rule tells.
    let is_only_unchecked = |program: &Program| {
        let found = find(&program.path, local);
        found.is_ok_and(|found| weakness(&found, scripts.keep_symlinks, local).is_none())
    };
    let mut found = root_programs(lowered, local);
    if let Some((program, at)) = found.find(|(program, _)| is_only_unchecked(program)) {
        let message = format!(
            "{} is run as root, and nothing makes sure that only root may change it",
            quote(&program.path)
        );
        report.warning(Kind::ScriptSecurity, at, message).help(
            "write `script_user USER` in global_defs; or `enable_script_security` and `script_user root`, and nothing \
             runs that others may change",
        );
    }
}

/// Whoever may change what root runs is root. keepalived does not run it with `enable_script_security`.
pub(super) fn others_cannot_change_what_root_runs(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    let Some(local) = system.local() else { return };
    let scripts = &lowered.global.scripts;
    for (program, at) in root_programs(lowered, local) {
        let Ok(found) = find(&program.path, local) else {
            continue;
        };
        let Some(weak) = weakness(&found, scripts.keep_symlinks, local) else {
            continue;
        };
        let keyword = quote(&program.keyword);
        let runs = if scripts.security {
            format!("{keyword} is not run, as in keepalived: it would run as root")
        } else {
            format!("{keyword} is run as root")
        };
        let message = format!(
            "{runs}, and {} may change {}",
            weak.who,
            quote(&weak.path.to_string_lossy())
        );
        let help = format!("{}, or run it as another user", quote(&weak.cure()));
        report.warning(Kind::ScriptSecurity, at, message).help(help);
    }
}

/// The programs that run as root.
fn root_programs<'l>(
    lowered: &'l Lowered,
    local: &'l dyn Local,
) -> impl Iterator<Item = (&'l Program, Span)> {
    let scripts = &lowered.global.scripts;
    let uid = |owner: &Owner| match missing(owner, local) {
        None => local.user(&owner.user),
        Some(_) => None,
    };
    let default = match &scripts.user {
        Some(owner) => uid(owner),
        None => local
            .user(DEFAULT_USER)
            .or((!scripts.security).then_some(ROOT)),
    };
    programs(lowered).filter(move |(program, _)| {
        let own = program.owner.as_ref();
        own.map_or(default, |own| uid(&own.value)) == Some(ROOT)
    })
}

fn programs(lowered: &Lowered) -> impl Iterator<Item = (&Program, Span)> {
    lowered.needs.iter().filter_map(|need| match &need.value {
        Need::Program(program) => Some((&**program, need.span)),
        _ => None,
    })
}

/// A secret that cannot be read, or that others read, proves nothing.
pub(super) fn secret_files_are_private(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    let Some(local) = system.local() else { return };
    for need in &lowered.needs {
        if let Need::SecretFile { secret, path } = &need.value {
            check_secret_file(*secret, path, need.span, local, report);
        }
    }
}

fn check_secret_file<'r>(
    secret: SecretKind,
    path: &str,
    at: Span,
    local: &dyn Local,
    report: &'r mut Report,
) -> Option<&'r mut Finding> {
    let (what, legal, of) = match secret {
        SecretKind::Key(id) => ("key", KEY, format!("key {id}")),
        SecretKind::SessionKey(kind) => ("key", 1..=kind.longest_key(), quote("authentication")),
        SecretKind::MailPassword => ("password", PASSWORD, quote("smtp_auth")),
    };
    let file = format!("the file {} of {of}", quote(path));
    let found = resolve(&local.working_directory().join(path), local);
    let found = found.and_then(|found| match found.entry.kind {
        EntryKind::File => Ok(found),
        _ => Err(LoadError::NotAFile),
    });
    let entry = match found {
        Err(error) => {
            let message = format!("{file} cannot be read: {error}");
            let finding = report.error(Kind::System, at, message);
            return Some(finding.help(format!("write the {what} into it, and `chmod 600` it")));
        }
        Ok(found) => found.entry,
    };
    if entry.mode & OTHERS != 0 {
        let message = format!("{file} may be read or written by others than its owner");
        let finding = report.error(Kind::ScriptSecurity, at, message);
        return Some(finding.help(quote(&format!("chmod 600 {path}"))));
    }
    // A line end after the secret does not count.
    let most = *legal.end() as u64 + 1;
    if (*legal.start() as u64..=most).contains(&entry.size) {
        return None;
    }
    let message = format!("{file} holds {} bytes", entry.size);
    let finding = report.error(Kind::Value, at, message);
    Some(finding.expected(format_args!("{} to {} bytes", legal.start(), legal.end())))
}
