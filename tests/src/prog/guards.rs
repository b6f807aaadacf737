//! Writes what the fence and the heartbeat go by: gates, owned addresses, virtual MACs, routers and sessions.

use std::time::Duration;

use lb_common::{
    Mac,
    bfd::SessionValue,
    gate::{GATE_FENCED, GateValue, OwnedKey, OwnedValue},
    hint::HINT_RESTRICTED,
    router::{RouterKey, RouterValue},
    virtual_mac::{RouterMacValue, VirtualMacKey, VirtualMacValue},
};

use super::{INGRESS, Loaded};
use crate::packet::{DIRECTOR_MAC, address};

impl Loaded {
    /// Sets a gate.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_gate(&mut self, gate: u32, state: u32) {
        self.vrrp
            .gates
            .set(gate, GateValue { state }, 0)
            .expect("write a gate");
        let fenced = state == GATE_FENCED;
        self.set_hints(if fenced { HINT_RESTRICTED } else { 0 });
    }

    /// Sets the `HINT_*` bits.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_hints(&mut self, hints: u32) {
        self.vrrp.hints.set(0, hints, 0).expect("write the hints");
    }

    /// Says which gate an address is behind.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_owned(&mut self, owned: &str, gate: u32) {
        self.set_owned_with(owned, gate, 0);
    }

    /// Says which gate an address is behind, with `OWNED_FLAG_*` bits.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_owned_with(&mut self, owned: &str, gate: u32, flags: u32) {
        self.set_owned_as(owned, gate, flags, [0; 6]);
    }

    /// The same, and which MAC it answers with.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_owned_as(&mut self, owned: &str, gate: u32, flags: u32, mac: Mac) {
        let key = OwnedKey {
            address: address(owned.parse().expect("a test's literal")),
        };
        let value = OwnedValue {
            gate,
            flags,
            mac,
            pad: [0; 2],
        };
        self.vrrp
            .owned
            .insert(key, value, 0)
            .expect("write an address");
    }

    /// Writes a virtual MAC of the interface the packets come from, whose own is [`DIRECTOR_MAC`].
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_virtual_mac(&mut self, mac: Mac, gate: u32, flags: u32) {
        self.set_virtual_mac_on(INGRESS, mac, gate, flags);
    }

    /// Writes one of another interface.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_virtual_mac_on(&mut self, ifindex: u32, mac: Mac, gate: u32, flags: u32) {
        let pad = [0; 2];
        let key = VirtualMacKey { ifindex, mac, pad };
        let value = VirtualMacValue {
            gate,
            flags,
            mac: DIRECTOR_MAC,
            pad,
        };
        self.vrrp
            .virtual_macs
            .insert(key, value, 0)
            .expect("write a virtual MAC");
    }

    /// Says what the adverts of a virtual router leave with.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_router_mac(&mut self, key: RouterKey, mac: Mac) {
        let value = RouterMacValue { mac, pad: [0; 2] };
        self.vrrp
            .router_macs
            .insert(key, value, 0)
            .expect("write a router's MAC");
    }

    /// Writes a router and starts its timer.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_router(&mut self, key: RouterKey, value: &RouterValue) {
        self.vrrp
            .routers
            .insert(key, value, 0)
            .expect("write a router");
        if let Some(timers) = &self.timers {
            timers
                .start(&key, Duration::from_nanos(value.interval))
                .expect("start the timer");
        }
    }

    /// Writes the BFD session with this discriminator, as it is in packets, and starts its timer.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_session(&mut self, discriminator: u32, value: &SessionValue) {
        self.sessions
            .insert(discriminator, value, 0)
            .expect("write a session");
        if let Some(timers) = &self.session_timers {
            timers
                .start(discriminator, value.interval)
                .expect("start the timer");
        }
    }

    /// The entry of a router.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn router(&self, key: &RouterKey) -> RouterValue {
        self.vrrp.routers.get(key, 0).expect("read a router")
    }
}
