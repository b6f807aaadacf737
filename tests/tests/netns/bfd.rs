//! BFD sessions of `lb`: beside Debian's keepalived, FRR and BIRD, and what virtual routers and checks make of them.

mod failover;
mod peers;
mod sessions;

use serde_json::Value;

use crate::arena::Arena;

/// What the segment carries of sessions, to be judged by tshark.
const RELEVANT: &str = "udp port 3784 or udp port 4784 or icmp or icmp6";

/// The session of a director, as its status has it; of a name, where there are several.
fn session<'a>(status: &'a Value, name: &str) -> Option<&'a Value> {
    let sessions = status["sessions"]["sessions"].as_array()?;
    sessions.iter().find(|session| session["name"] == name)
}

/// Waits until the session `peer` of director 1 is as wanted, and returns it.
fn wait_for(arena: &Arena, what: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let is_there = |status: &Value| session(status, "peer").is_some_and(&is_right);
    arena.wait_for_status(1, what, is_there);
    let status = arena.director(1).status().unwrap();
    session(&status, "peer").unwrap().clone()
}

/// The same until it is in this state.
fn wait_for_state(arena: &Arena, state: &str) -> Value {
    wait_for(arena, &format!("the session is {state}"), |session| {
        session["state"] == state
    })
}
