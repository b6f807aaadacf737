//! The interfaces of an instance, real and virtual.

use super::{Instance, flag, number};
use crate::config::{
    keyword::takes::{Field, Takes, field},
    lower::vrrp::link,
};

/// The largest that `int` holds.
const INT: i64 = 0x7fff_ffff;

pub(super) const INTERFACES: &[Instance] = &[
    Instance::new(
        &["vrf"],
        Takes::Interface(Field {
            set: |draft, given| draft.link.vrf = Some(given),
            get: |model| model.link.vrf.clone(),
        }),
    )
    .first_counts()
    .means("the VRF whose routes unicast adverts take where there is no interface"),
    Instance::new(
        &["use_vmac"],
        Takes::Words {
            usage: "[[name] INTERFACE] [MAC] [netlink_notify_msg] [group GROUP]",
            read: |draft, line, report| link::read_vmac(&mut draft.link, line, report),
            show: |model| link::show_vmac(&model.link.device, model.vrid, model.family),
        },
    )
    .default("named by vmac_prefix, with the MAC of the virtual router")
    .means("addresses are put on an interface with a MAC of its own"),
    flag(
        &["use_vmac_addr"],
        field!(spanned copy link.vmac_for_addresses => link.vmac_for_addresses),
    )
    .means("addresses on other interfaces have such MACs too"),
    flag(
        &["vmac_xmit_base"],
        field!(spanned copy link.transmit_on_base => link.transmit_on_base),
    )
    .means("adverts leave by the interface below"),
    Instance::new(
        &["use_ipvlan"],
        Takes::Words {
            usage: "[INTERFACE] [ADDRESS] [bridge|private|vepa] [group GROUP]",
            read: |draft, line, report| link::read_ipvlan(&mut draft.link, line, report),
            show: |model| link::show_ipvlan(&model.link.device),
        },
    )
    .default("bridge")
    .means("addresses are put on an ipvlan of layer 2"),
    flag(
        &["dont_track_primary"],
        field!(spanned not link.track_primary => link.track_primary),
    )
    .means("the interface may be down"),
    flag(
        &["promote_secondaries"],
        field!(spanned copy link.promote_secondaries => link.promote_secondaries),
    )
    .means("an address that goes takes no others of its subnet with it"),
    number(
        &["kernel_rx_buf_size"],
        1,
        INT,
        field!(some number link.receive_buffer),
    )
    .default("vrrp_rx_bufs_policy")
    .means("receive buffer of adverts, in bytes"),
    Instance::new(
        &["linkbeat_use_polling"],
        Takes::Words {
            usage: "nothing",
            read: |draft, line, report| link::read_polling(&mut draft.link, line, report),
            show: |model| {
                let polls = model.link.linkbeat_polling;
                polls.then(String::new).into_iter().collect()
            },
        },
    )
    .means("the link is asked for its state (linkbeat_interfaces at the top level says the same)"),
    Instance::new(
        &["lvs_sync_daemon_interface"],
        Takes::Interface(Field {
            set: |draft, given| draft.lvs_sync = Some(given),
            get: |_| None,
        }),
    )
    .acted()
    .first_counts()
    .deprecated("lvs_sync_daemon")
    .means("connections are told to the other director while MASTER"),
];
