//! `lb spawndaemon`: what it asks of keepalive, and how it shows the table.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::complain;
use crate::{
    cli::keepalive::{Code, Listed, Reader, Spawndaemon},
    io::{
        control::ask,
        keepalive::{Places, now, table},
    },
    keepalive::{
        record::{Record, SlotNumber},
        registration::{Registration, read},
        request::{Answer, Request, Selector},
    },
    observe::{keepalive as say, keepalive::list},
    supervisor::RunDir,
};

/// Done, or running.
const DONE: u8 = 0;
/// Refused, or not running.
const REFUSED: u8 = 1;

/// Does what the command line says; returns the exit code.
///
/// # Errors
/// When there is no daemon, or a file cannot be read.
pub async fn run(arguments: &Spawndaemon, run_dir: &RunDir) -> anyhow::Result<u8> {
    let places = arguments.places.places(run_dir);
    if arguments.list {
        let reader = arguments.reader.unwrap_or_default();
        return match arguments.listed.unwrap_or_default() {
            Listed::Processes => show_processes(&places, reader),
            Listed::Keepalive => show_daemon(&places, reader).await,
        };
    }
    let request = request(arguments)?;
    let answer = match ask(&places.control_socket(), "keepalive", &request).await {
        Ok(answer) => answer,
        Err(_) if arguments.query => {
            complain(say::NOT_RUNNING);
            return Ok(REFUSED);
        }
        Err(error) => return Err(error),
    };
    let (code, line) = match answer {
        Answer::Refused(why) => {
            complain(&format!("spawndaemon: {why}"));
            return Ok(REFUSED);
        }
        Answer::Done(slots) => (DONE, say::done(&slots)),
        Answer::Here {
            pid,
            node,
            used,
            slots,
        } => (DONE, say::here(pid, &node, used, slots)),
    };
    if !line.is_empty() {
        writeln!(std::io::stdout(), "{line}").context("stdout")?;
    }
    Ok(code)
}

fn request(arguments: &Spawndaemon) -> anyhow::Result<Request> {
    let kill = arguments.kill;
    if arguments.unknown_o || arguments.unknown_x {
        bail!(say::UNKNOWN_OPTION);
    }
    if let Some(file) = &arguments.register {
        let mut registrations = registrations(file)?;
        for registration in &mut registrations {
            refine(registration, arguments);
        }
        return Ok(Request::Register(registrations));
    }
    if let Some([file, pid]) = arguments.adopt.as_deref() {
        let mut registrations = registrations(Path::new(file))?;
        let (Some(mut registration), true) = (registrations.pop(), registrations.is_empty()) else {
            bail!("{file}: a group cannot be one running process");
        };
        refine(&mut registration, arguments);
        return Ok(Request::Adopt {
            registration: Box::new(registration),
            pid: pid.parse().with_context(|| format!("`{pid}` is no pid"))?,
            arguments: arguments.arguments,
        });
    }
    if let Some(which) = unregistered(arguments) {
        return Ok(Request::Unregister { which, kill });
    }
    if arguments.clear {
        let which = match (&arguments.of_path, arguments.of_pid, arguments.of_slot) {
            (Some(path), ..) => Selector::Path {
                path: path.clone(),
                args: None,
            },
            (_, Some(pid), _) => Selector::Pid(pid),
            (_, _, Some(slot)) => Selector::Slot(SlotNumber(slot)),
            (None, None, None) => bail!("-x needs one of -D PATH, -P PID, -S SLOT"),
        };
        return Ok(Request::Clear { which, kill });
    }
    if arguments.quit {
        return Ok(Request::Quit { kill });
    }
    Ok(arguments.size.map_or(Request::Query, Request::Resize))
}

fn unregistered(arguments: &Spawndaemon) -> Option<Selector> {
    if let Some((path, args)) = arguments.path.as_deref().and_then(<[_]>::split_first) {
        return Some(Selector::Path {
            path: path.clone(),
            args: arguments.arguments.then(|| args.to_vec()),
        });
    }
    let pid = arguments.pid.map(Selector::Pid);
    let group = arguments.group.clone().map(Selector::Group);
    let slot = arguments.slot.map(|slot| Selector::Slot(SlotNumber(slot)));
    pid.or(group).or(slot)
}

fn registrations(file: &Path) -> anyhow::Result<Vec<Registration>> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| name.clone())?;
    Ok(read(&name, &text)?)
}

/// What the command line says beside the file.
fn refine(registration: &mut Registration, arguments: &Spawndaemon) {
    if let Some(instances) = arguments.instances {
        registration.instances = instances;
    }
    if arguments.unpinned || arguments.nodes.is_some() {
        registration.favored_node = None;
        registration.backup_nodes.clear();
        let nodes = arguments.nodes.as_deref().unwrap_or("cluster_wide");
        registration.nodes = match nodes {
            "cluster_wide" => Vec::new(),
            nodes => nodes.split(',').map(str::to_owned).collect(),
        };
    }
    if let Some(node) = &arguments.favored {
        registration.favored_node = Some(node.clone());
    }
    if !arguments.backups.is_empty() {
        registration.backup_nodes.clone_from(&arguments.backups);
    }
    if let Some(policy) = arguments.policy {
        registration.move_policy = policy;
    }
    for code in &arguments.codes {
        match code {
            Code::Down(code) => registration.down_codes.push(*code),
            Code::Reject(code) => registration.reject_codes.push(*code),
        }
    }
}

/// What is in the table of a daemon, dead or alive; `None` when there is no table.
///
/// # Errors
/// When it cannot be read, or is not trusted.
fn processes(places: &Places) -> anyhow::Result<Option<Vec<(SlotNumber, Record)>>> {
    match table::read(&places.table()) {
        Ok(entries) => {
            let used = entries.into_iter();
            Ok(Some(
                used.filter_map(|entry| Some((entry.slot, entry.record?)))
                    .collect(),
            ))
        }
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What `lb status` shows of processes, and as JSON; `None` when there is no table.
///
/// # Errors
/// When it cannot be read, or is not trusted.
pub fn status(places: &Places) -> anyhow::Result<Option<(String, Vec<Value>)>> {
    let Some(records) = processes(places)? else {
        return Ok(None);
    };
    Ok(Some((
        list::table(&records, now()?),
        list::objects(&records)?,
    )))
}

fn show_processes(places: &Places, reader: Reader) -> anyhow::Result<u8> {
    let Some(records) = processes(places)? else {
        complain(say::NO_TABLE);
        return Ok(REFUSED);
    };
    let text = match reader {
        Reader::Human => list::table(&records, now()?),
        Reader::Machine => {
            let objects = list::objects(&records)?;
            objects.iter().map(|object| format!("{object}\n")).collect()
        }
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("stdout")?;
    Ok(DONE)
}

async fn show_daemon(places: &Places, reader: Reader) -> anyhow::Result<u8> {
    let answer: Answer = match ask(&places.control_socket(), "keepalive", &Request::Query).await {
        Ok(answer) => answer,
        Err(_) => {
            complain(say::NOT_RUNNING);
            return Ok(REFUSED);
        }
    };
    let line = match (reader, &answer) {
        (Reader::Machine, _) => serde_json::to_string(&answer)?,
        (
            Reader::Human,
            Answer::Here {
                pid,
                node,
                used,
                slots,
            },
        ) => say::here(*pid, node, *used, *slots),
        (Reader::Human, Answer::Done(_) | Answer::Refused(_)) => String::new(),
    };
    writeln!(std::io::stdout(), "{line}").context("stdout")?;
    Ok(DONE)
}
