//! `UDP_CHECK`: a datagram, and what comes back.

use crate::{
    checker::{Answer, ProbeError, ProbeResult},
    config::model::check::{Reply, Udp},
};

/// Bytes that are sent where no `payload` is configured, as by keepalived.
const PAYLOAD: usize = 16;

/// The datagram that asks.
#[must_use]
pub fn question(udp: &Udp, random: impl Fn() -> u8) -> Vec<u8> {
    let made = || (0..PAYLOAD).map(|_| random()).collect();
    udp.payload.clone().unwrap_or_else(made)
}

/// What a datagram says.
///
/// # Errors
/// When it is not what `require_reply` wants.
pub fn answer(udp: &Udp, datagram: &[u8]) -> ProbeResult {
    let Reply::Matching(expected) = &udp.reply else {
        return Ok(Answer::Well);
    };
    let legal = usize::from(udp.min_reply)..=usize::from(udp.max_reply);
    if !legal.contains(&datagram.len()) {
        return Err(ProbeError::because(format!(
            "reply of {} bytes",
            datagram.len()
        )));
    }
    let matches = datagram.len() >= expected.len()
        && expected
            .iter()
            .zip(datagram)
            .all(|(expected, byte)| byte & expected.mask == expected.value);
    if matches {
        Ok(Answer::Well)
    } else {
        Err(ProbeError::because("reply data mismatch"))
    }
}

/// What it says that no datagram came in time: without an ICMP error either all is well, unless a reply is required.
///
/// # Errors
/// When one is.
pub fn silence(udp: &Udp) -> ProbeResult {
    match udp.reply {
        Reply::NotRequired => Ok(Answer::Well),
        Reply::Any | Reply::Matching(_) => Err(ProbeError::Timeout),
    }
}
