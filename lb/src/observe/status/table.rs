//! The status as aligned text, made for a terminal at 3 am.

use std::{collections::BTreeMap, fmt::Write};

use super::Status;
use crate::{
    bfd::snapshot::SessionSnapshot,
    pool::snapshot::{RealServerSnapshot, ServiceSnapshot},
    vrrp::snapshot::InstanceSnapshot,
};

/// Renders the whole status.
pub(super) fn render(status: &Status) -> String {
    let mut text = String::new();
    head(&mut text, status);
    instances(&mut text, status);
    groups(&mut text, status);
    statics(&mut text, status);
    tracked(&mut text, status);
    sessions(&mut text, status);
    services(&mut text, status);
    counters(&mut text, status);
    text
}

/// Writing to a `String` cannot fail.
macro_rules! line {
    ($text:expr, $($format:tt)*) => {
        writeln!($text, $($format)*).ok()
    };
}

fn head(text: &mut String, status: &Status) {
    let plane = &status.data_plane;
    line!(
        text,
        "lb {} on {}, pid {}",
        status.version,
        status.router_id,
        status.pid
    );
    let interfaces: Vec<String> = plane
        .interfaces
        .iter()
        .map(|(name, mode)| format!("{name} ({mode})"))
        .collect();
    let interfaces = if interfaces.is_empty() {
        "no interface".to_owned()
    } else {
        interfaces.join(", ")
    };
    let state = match (plane.loaded, plane.kernel_heartbeat) {
        (false, _) => "none".to_owned(),
        (true, true) => format!("xdp on {interfaces}"),
        (true, false) => format!("xdp on {interfaces}, heartbeat in userspace"),
    };
    line!(text, "data plane: {state}");
    for lack in &plane.lacks {
        line!(text, "  ! {lack}");
    }
    if let Some(ipvs) = &status.ipvs {
        line!(text, "ipvs: {ipvs}");
    }
    for (name, it) in &status.loops {
        let delay = it.longest_delay * 1000.0;
        line!(
            text,
            "{name}: timers late by {delay:.1} ms at most since the configuration came"
        );
    }
}

fn instances(text: &mut String, status: &Status) {
    let Some(instances) = &status.instances else {
        line!(text, "\nvrrp child does not answer");
        return;
    };
    if instances.is_empty() {
        return;
    }
    let mut rows = vec![strings([
        "INSTANCE",
        "INTERFACE",
        "VRID",
        "V",
        "STATE",
        "PRIO",
        "MASTER",
        "SINCE",
        "GATE",
        "HEARTBEAT",
        "ADDRESSES",
    ])];
    rows.extend(instances.iter().map(instance));
    table(text, &rows);
    for instance in instances {
        line!(text, "  {}: {}", instance.name, instance.why);
        if instance.yielding {
            let rest = instance.yields_for.map(duration);
            let rest = rest.map_or(String::new(), |rest| format!("for {rest} more or "));
            let name = &instance.name;
            line!(
                text,
                "  {name}: yields by request, {rest}until `lb vrrp release {name}`"
            );
        }
    }
}

fn groups(text: &mut String, status: &Status) {
    if status.groups.is_empty() {
        return;
    }
    let mut rows = vec![strings(["GROUP", "STATE", "INSTANCES"])];
    rows.extend(status.groups.iter().map(|group| {
        vec![
            group.name.clone(),
            format!("{:?}", group.state).to_uppercase(),
            group.members.join(" "),
        ]
    }));
    table(text, &rows);
}

fn statics(text: &mut String, status: &Status) {
    if status.statics.is_empty() {
        return;
    }
    let mut rows = vec![strings(["STATIC", "STATE"])];
    rows.extend(status.statics.iter().map(|object| {
        let state = match (object.installed, &object.refused) {
            (_, Some(why)) => format!("REFUSED: {why}"),
            (true, None) => "there".to_owned(),
            (false, None) => "MISSING".to_owned(),
        };
        vec![object.line.clone(), state]
    }));
    table(text, &rows);
}

fn instance(instance: &InstanceSnapshot) -> Vec<String> {
    let master = instance.master.map_or("-".to_owned(), |master| {
        format!("{master} ({})", instance.master_priority)
    });
    vec![
        instance.name.clone(),
        instance.interface.clone(),
        instance.vrid.to_string(),
        format!("{}/ip{}", instance.version, instance.family),
        format!("{:?}", instance.state).to_uppercase(),
        instance.priority.to_string(),
        master,
        duration(instance.since),
        format!("{:?}", instance.gate).to_lowercase(),
        if instance.kernel_heartbeat {
            "kernel"
        } else {
            "daemon"
        }
        .to_owned(),
        instance
            .addresses
            .iter()
            .map(|a| {
                if instance.installed.contains(a) {
                    format!("+{a}")
                } else {
                    a.clone()
                }
            })
            .collect::<Vec<_>>()
            .join(" "),
    ]
}

fn tracked(text: &mut String, status: &Status) {
    if status.tracked.is_empty() {
        return;
    }
    let mut rows = vec![strings(["TRACKED", "NAME", "STATE", "LAST", "SINCE", "BY"])];
    rows.extend(status.tracked.iter().map(|tracked| {
        let state = match tracked.up {
            Some(true) => "up",
            Some(false) => "DOWN",
            None => "-",
        };
        vec![
            tracked.kind.clone(),
            tracked.name.clone(),
            state.to_owned(),
            tracked.last.clone(),
            duration(tracked.since),
            tracked.instances.join(" "),
        ]
    }));
    table(text, &rows);
}

fn sessions(text: &mut String, status: &Status) {
    let Some(bfd) = &status.sessions else {
        line!(text, "\nbfd child does not answer");
        return;
    };
    if bfd.sessions.is_empty() {
        return;
    }
    let mut rows = vec![strings([
        "BFD", "NEIGHBOR", "STATE", "REMOTE", "SINCE", "TX", "RX", "DETECT", "UPS", "SENT",
        "RECEIVED", "REFUSED", "LAST",
    ])];
    rows.extend(bfd.sessions.iter().map(session));
    table(text, &rows);
    if !bfd.refused.is_empty() {
        let reasons: Vec<String> = reasons(&bfd.refused);
        line!(text, "  of no session: {}", reasons.join(", "));
    }
}

fn session(session: &SessionSnapshot) -> Vec<String> {
    let hops = if session.multihop { " (multihop)" } else { "" };
    let millis = |millis: f64| format!("{millis}ms");
    let mut detection = session.detection_time_ms.map_or("-".to_owned(), millis);
    if session.watched {
        detection += " (kernel)";
    }
    let refused = match &*reasons(&session.refused) {
        [] => "-".to_owned(),
        reasons => reasons.join(", "),
    };
    vec![
        session.name.clone(),
        format!("{}{hops}", session.neighbor),
        session.state.to_string(),
        session.remote_state.to_string(),
        duration(session.since),
        millis(session.tx_interval_ms),
        millis(session.rx_interval_ms),
        detection,
        session.ups.to_string(),
        session.sent.to_string(),
        session.received.to_string(),
        refused,
        session.diagnostic.clone(),
    ]
}

fn reasons(refused: &BTreeMap<String, u64>) -> Vec<String> {
    let reasons = refused.iter();
    reasons
        .map(|(why, count)| format!("{why} {count}"))
        .collect()
}

fn services(text: &mut String, status: &Status) {
    let Some(services) = &status.services else {
        line!(text, "\nchecker child does not answer");
        return;
    };
    if services.is_empty() {
        return;
    }
    let mut rows = vec![strings([
        "SERVICE",
        "SCHED",
        "METHOD",
        "WEIGHT",
        "HEALTH",
        "ACTIVE",
        "INACTIVE",
        "CONNECTIONS",
        "PACKETS",
        "BYTES",
        "NEXT HOP",
    ])];
    for service in services {
        rows.push(vec![
            format!("{} {}", service.protocol, service.service),
            service.scheduler.clone(),
            planes(service),
            String::new(),
            service.instance.clone().unwrap_or_default(),
            sum(service, |server| server.active),
            sum(service, |server| server.inactive),
            service.connections.to_string(),
            service.packets.to_string(),
            service.bytes.to_string(),
            String::new(),
        ]);
        rows.extend(service.real_servers.iter().map(real_server));
    }
    table(text, &rows);
    let down = services
        .iter()
        .flat_map(|s| &s.real_servers)
        .filter(|r| !r.up);
    for server in down {
        line!(text, "  {}: {}", server.real_server, server.why);
    }
}

/// `XDP+IPVS`, and which of them is leaving.
fn planes(service: &ServiceSnapshot) -> String {
    let planes = service.planes.iter();
    let words = planes.map(|plane| match &service.leaving {
        Some(leaving) if leaving == plane => format!("{plane} (leaving)"),
        _ => plane.clone(),
    });
    words.collect::<Vec<_>>().join("+")
}

const fn health(server: &RealServerSnapshot) -> &'static str {
    match (server.up, server.draining, server.overloaded) {
        (false, _, _) => "DOWN",
        (true, true, _) => "draining",
        (true, false, true) => "full",
        (true, false, false) if server.grows_to.is_some() => "starting",
        (true, false, false) => "up",
    }
}

fn sum(service: &ServiceSnapshot, of: impl Fn(&RealServerSnapshot) -> u32) -> String {
    let each = service
        .real_servers
        .iter()
        .map(|server| u64::from(of(server)));
    each.sum::<u64>().to_string()
}

fn real_server(server: &RealServerSnapshot) -> Vec<String> {
    vec![
        format!("  -> {}", server.real_server),
        String::new(),
        server.method.clone(),
        match server.grows_to {
            Some(whole) => format!("{} of {whole}", server.weight),
            None => server.weight.to_string(),
        },
        health(server).to_owned(),
        server.active.to_string(),
        server.inactive.to_string(),
        server.connections.to_string(),
        server.packets.to_string(),
        server.bytes.to_string(),
        server.next_hop.clone(),
    ]
}

fn counters(text: &mut String, status: &Status) {
    let counted: Vec<Vec<String>> = status
        .data_plane
        .counters
        .iter()
        .filter(|(_, value)| **value > 0)
        .map(|(name, value)| vec![name.clone(), value.to_string()])
        .collect();
    if !counted.is_empty() {
        let mut rows = vec![strings(["COUNTER", "VALUE"])];
        rows.extend(counted);
        table(text, &rows);
    }
}

fn strings<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// Writes rows with every column as wide as its widest cell, after an empty line.
fn table(text: &mut String, rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    text.push('\n');
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        line!(text, "{}", cells.join("  ").trim_end());
    }
}

/// Seconds as people say them: `42s`, `3m05s`, `2h10m`, `4d03h`.
fn duration(seconds: f64) -> String {
    // Negative and absurd values saturate.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates"
    )]
    let s = seconds as u64;
    match s {
        0..60 => format!("{seconds:.1}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86400 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86400, s / 3600 % 24),
    }
}
