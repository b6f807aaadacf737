//! What the status block says, from `lb status --json` and the trickle's figures.

use std::path::Path;

use serde_json::Value;

use super::{
    screen::Line,
    trickle::{Count, SERVICES},
};
use crate::lab::{Director, Lab};

/// Whether some director is MASTER of every instance.
pub(super) fn has_master(lab: &Lab) -> bool {
    [1, 2].into_iter().any(|number| {
        let Ok(status) = lab.director(number).status() else {
            return false;
        };
        let instances = list(&status, "instances");
        !instances.is_empty()
            && instances
                .iter()
                .all(|instance| text(instance, "state") == "MASTER")
    })
}

/// The block: directors, servers, services.
pub(super) fn lines(lab: &Lab, counts: &[Count; 4]) -> Vec<Line> {
    let directors = [1, 2].map(|number| director(lab.director(number)));
    let servers = lab.servers().iter().map(|server| Line {
        about: format!("server {}", server.name()),
        state: if server.is_running() {
            "running".to_owned()
        } else {
            "stopped, back within 15 s".to_owned()
        },
        figures: match server.pid() {
            Some(pid) if server.is_running() => format!("pid {pid}"),
            _ => String::new(),
        },
    });
    let services = SERVICES.iter().zip(counts).map(|(service, count)| Line {
        about: format!("{} {}", service.0, service.1),
        state: health(count),
        figures: figures(count),
    });
    directors
        .into_iter()
        .chain(servers)
        .chain(services)
        .collect()
}

/// Which commands to try.
pub(super) fn commands(lab: &Lab, lb: &Path) -> Vec<String> {
    let (first, second) = (
        lab.director(1).namespace().name(),
        lab.director(2).namespace().name(),
    );
    let lb = lb.display();
    let pid = lab
        .director(1)
        .pid()
        .map_or_else(String::new, |pid| pid.to_string());
    let server = lab
        .server(1)
        .pid()
        .map_or_else(String::new, |pid| pid.to_string());
    let mut lines = vec![
        String::new(),
        "Both directors run examples/quickstart.conf; the second's priority is 100 instead of 150."
            .to_owned(),
        "Try in another terminal, as root (what is killed comes back after 15 s):".to_owned(),
    ];
    lines.extend(
        [
            ("end the master", format!("kill {pid}")),
            (
                "kill all its processes",
                format!("kill -9 $(ip netns pids {first})"),
            ),
            ("stop a server", format!("kill {server}")),
            (
                "ask a director",
                format!("{lb} -s {first} status; {lb} -s {second} status"),
            ),
            (
                "look at the maps",
                format!("bpftool map dump pinned /sys/fs/bpf/lb/{first}/services"),
            ),
            (
                "be the client",
                format!(
                    "ip netns exec {} curl http://192.0.2.100/",
                    lab.client().name()
                ),
            ),
            (
                "watch the segment",
                format!(
                    "ip netns exec {} tcpdump -ni lan vrrp or arp",
                    lab.switch().name()
                ),
            ),
        ]
        .map(|(purpose, command)| format!("  {purpose:<24}{command}")),
    );
    lines.extend([
        "Ctrl-C ends the lab and removes it.".to_owned(),
        String::new(),
    ]);
    lines
}

/// The figures of the whole run.
pub(super) fn summary(counts: &[Count; 4]) -> Vec<String> {
    SERVICES
        .iter()
        .zip(counts)
        .map(|((address, kind), count)| {
            let error = count.last_error.as_ref();
            let last = error.map_or_else(String::new, |error| format!(", last: {error}"));
            format!("{address} {kind}: {}{last}", figures(count))
        })
        .collect()
}

fn director(director: &Director) -> Line {
    let about = format!("director {}", director.node());
    if !director.is_running() {
        return Line {
            about,
            state: "no daemon, back within 15 s".to_owned(),
            figures: String::new(),
        };
    }
    let pid = director
        .pid()
        .map_or_else(String::new, |pid| format!("pid {pid}"));
    let Ok(status) = director.status() else {
        return Line {
            about,
            state: "does not answer".to_owned(),
            figures: pid,
        };
    };
    let instances: Vec<_> = list(&status, "instances")
        .iter()
        .map(|instance| format!("{} {}", text(instance, "name"), text(instance, "state")))
        .collect();
    let mut down: Vec<_> = list(&status, "services")
        .iter()
        .flat_map(|service| list(service, "real_servers"))
        .filter(|server| server["up"] == Value::Bool(false))
        .map(|server| text(server, "real_server").to_owned())
        .collect();
    down.sort();
    down.dedup();
    let mut state = instances.join(", ");
    if !down.is_empty() {
        state = format!("{state}; down: {}", down.join(" "));
    }
    Line {
        about,
        state,
        figures: pid,
    }
}

fn health(count: &Count) -> String {
    match &count.trouble {
        Some(error) => format!("fails: {error}"),
        None if count.served.is_empty() => "no answer yet".to_owned(),
        None => "answers".to_owned(),
    }
}

fn figures(count: &Count) -> String {
    let all: usize = count.served.values().sum();
    let servers: Vec<_> = count
        .served
        .iter()
        .map(|(server, served)| format!("{server} {served}"))
        .collect();
    format!(
        "{all} answers ({}), {} failed, longest gap {} ms",
        servers.join(", "),
        count.failed,
        count.longest_gap.as_millis()
    )
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
