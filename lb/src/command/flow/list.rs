//! `lb flows`: every flow that has an entry.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write as _},
    net::SocketAddr,
};

use anyhow::Context as _;
use serde::Serialize;

use super::{name, state};
use crate::{
    config::model::Protocol,
    io::xdp::{CheckerMaps, Pins, ReadMaps},
    mirror::displaced::Flow,
    pool::unmapped,
};

/// A flow for programs: one line of JSON each.
#[derive(Debug, Serialize)]
struct Line {
    protocol: &'static str,
    client: SocketAddr,
    virtual_server: SocketAddr,
    real_server: Option<SocketAddr>,
    state: &'static str,
    idle_seconds: u32,
}

/// Prints every live flow entry, a line each. Flows that the ring alone decides about have none.
///
/// # Errors
/// When there is no data plane, or stdout is closed.
pub fn list(pins: &Pins, json: bool) -> anyhow::Result<()> {
    let maps = CheckerMaps::open(pins).context("no data plane answers here (is lb running?)")?;
    let read = ReadMaps::open(pins)?;
    let mut services = BTreeMap::new();
    for service in maps.services.iter() {
        let (key, value) = service.context("services")?;
        let front = SocketAddr::new(unmapped(key.address), u16::from_be_bytes(key.port));
        services.insert(value.id, (protocol(key.protocol), front));
    }
    let mut flows = Vec::new();
    read.each_flow(|flow| flows.push(flow))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for flow in flows {
        let Some((protocol, front)) = services.get(&flow.service) else {
            continue;
        };
        let line = line(&maps, &flow, protocol, *front)?;
        if json {
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)
        } else {
            writeln!(out, "{}", line.text())
        }
        .context("stdout")?;
    }
    out.flush().context("stdout")
}

fn line(
    maps: &CheckerMaps,
    flow: &Flow,
    protocol: &'static str,
    front: SocketAddr,
) -> anyhow::Result<Line> {
    let dest = maps.dests.get(&u32::from(flow.dest), 0).context("dests")?;
    let real = SocketAddr::new(unmapped(dest.address), u16::from_be_bytes(dest.port));
    Ok(Line {
        protocol,
        client: SocketAddr::new(unmapped(flow.client), u16::from_be_bytes(flow.port)),
        virtual_server: front,
        real_server: flow.is_at(&dest).then_some(real),
        state: state(flow.state),
        idle_seconds: flow.idle,
    })
}

fn protocol(number: u8) -> &'static str {
    let known = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
    let found = known.into_iter().find(|one| one.number() == number);
    found.map_or("unknown", name)
}

impl Line {
    fn text(&self) -> String {
        let real = self
            .real_server
            .map_or_else(|| "nobody".to_owned(), |real| real.to_string());
        format!(
            "{} {} {} {real} {} {}",
            self.protocol, self.client, self.virtual_server, self.state, self.idle_seconds
        )
    }
}
