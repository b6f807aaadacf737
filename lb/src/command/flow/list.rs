//! `lb flows`: every flow that has an entry.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write as _},
    net::SocketAddr,
};

use anyhow::Context as _;
use serde::Serialize;

use super::state;
use crate::{
    io::{
        mirror as border,
        xdp::{CheckerMaps, Pins, ReadMaps},
    },
    mirror::{Image, displaced::Flow, plan::front},
    pool::{Front, unmapped},
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
    let image = border::load(&maps)?;
    let read = ReadMaps::open(pins)?;
    let services = image.services.iter();
    let services: BTreeMap<u32, Front> = services
        .filter_map(|(key, value)| Some((value.id, front(key)?)))
        .collect();
    let mut flows = Vec::new();
    read.each_flow(|flow| flows.push(flow))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for flow in flows {
        let Some(front) = services.get(&flow.service) else {
            continue;
        };
        let line = line(&image, &flow, front);
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

fn line(image: &Image, flow: &Flow, front: &Front) -> Line {
    let dest = image.dests.get(&flow.dest);
    let dest = dest.filter(|dest| flow.is_at(dest));
    Line {
        protocol: front.protocol.name(),
        client: SocketAddr::new(unmapped(flow.client), u16::from_be_bytes(flow.port)),
        virtual_server: SocketAddr::new(front.address, front.port),
        real_server: dest
            .map(|dest| SocketAddr::new(unmapped(dest.address), u16::from_be_bytes(dest.port))),
        state: state(flow.state),
        idle_seconds: flow.idle,
    }
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
