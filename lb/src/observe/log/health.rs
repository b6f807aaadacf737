//! What the checker child says of servers: keepalived's sentences, and for programs whom they are about.

use std::time::Duration;

use tracing::info;

use crate::{
    checker::{CheckChange, ProbeError, sentence},
    pool::{RealServerId, VirtualServerId, state::Balance},
};

/// A check changed its mind.
pub fn check_changed(change: &CheckChange) {
    let real_server = &change.real_server;
    info!(
        %real_server,
        virtual_server = %real_server.server,
        check = change.keyword,
        "{}",
        sentence::check_changed(change)
    );
}

/// A check failed, which changes nothing.
pub fn check_failed(real_server: &RealServerId, check: &str, why: &ProbeError) {
    let said = sentence::failure(real_server, check, why);
    info!(%real_server, virtual_server = %real_server.server, check, "{said}");
}

/// A real server is up or down now.
pub fn verdict(real_server: &RealServerId, is_up: bool, inhibits: bool) {
    let said = sentence::verdict(real_server, is_up, inhibits);
    let state = if is_up { "UP" } else { "DOWN" };
    info!(%real_server, virtual_server = %real_server.server, state, "{said}");
}

/// A real server that is up has another weight.
pub fn weight(real_server: &RealServerId, from: u32, to: u32) {
    let said = sentence::weight(real_server, from, to);
    info!(%real_server, virtual_server = %real_server.server, "{said}");
}

/// A real server is back and has all of its weight only after `time`, or has it now.
pub fn slow_start(real_server: &RealServerId, weight: u32, time: Option<Duration>) {
    let said = sentence::slow_start(real_server, weight, time);
    info!(%real_server, virtual_server = %real_server.server, "{said}");
}

/// The quorum is gained or lost, or was not there from the beginning.
pub fn quorum(virtual_server: &VirtualServerId, how: (bool, bool), balance: &Balance) {
    let said = sentence::quorum(virtual_server, how, balance);
    let state = if how.0 { "UP" } else { "DOWN" };
    info!(%virtual_server, state, "{said}");
}

/// The sorry server comes or goes.
pub fn sorry(virtual_server: &VirtualServerId, name: &str, serves: bool, inhibits: bool) {
    let said = sentence::sorry(virtual_server, name, serves, inhibits);
    info!(%virtual_server, "{said}");
}
