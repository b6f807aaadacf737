//! Many virtual routers: at most 255 on an interface, the rest on VLANs.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use xtask::lab::Namespace;

/// VRIDs of one interface.
const PER_LINK: u32 = 255;
/// The first VLAN; the routers before it are on the interface itself.
const FIRST_VLAN: u16 = 2;

/// So many virtual routers with one advert interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Routers {
    pub(super) count: u32,
    pub(super) centiseconds: u16,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Router {
    pub(super) vlan: Option<u16>,
    pub(super) vrid: u8,
    pub(super) address: Ipv4Addr,
}

impl Router {
    fn interface(self) -> String {
        self.vlan
            .map_or_else(|| "eth0".to_owned(), |vlan| format!("eth0.{vlan}"))
    }
}

impl Routers {
    pub(super) fn interval(self) -> Duration {
        Duration::from_millis(10) * u32::from(self.centiseconds)
    }

    pub(super) fn all(self) -> impl Iterator<Item = Router> {
        (0..self.count).map(|index| {
            let link = u16::try_from(index / PER_LINK).unwrap_or(u16::MAX);
            let vrid = index % PER_LINK + 1;
            Router {
                vlan: link.checked_sub(1).map(|link| FIRST_VLAN + link),
                vrid: u8::try_from(vrid).unwrap_or(u8::MAX),
                address: Ipv4Addr::from(0x0a01_0000 + index),
            }
        })
    }

    fn vlans(self) -> impl Iterator<Item = u16> {
        let links = self.count.div_ceil(PER_LINK);
        (1..links).map(|link| FIRST_VLAN - 1 + u16::try_from(link).unwrap_or(u16::MAX))
    }

    /// The source of the adverts of a VLAN.
    pub(super) const fn source(host: u8, vlan: Option<u16>) -> Ipv4Addr {
        match vlan {
            None => Ipv4Addr::new(192, 0, 2, host),
            Some(vlan) => {
                let [high, low] = vlan.to_be_bytes();
                Ipv4Addr::new(172, 16 + high, low, host)
            }
        }
    }

    /// Makes the VLANs of a director.
    pub(super) fn plug(self, namespace: &Namespace) -> anyhow::Result<()> {
        let host = if namespace.name().ends_with("d1") {
            11
        } else {
            12
        };
        let mut batch = String::new();
        for vlan in self.vlans() {
            let source = IpAddr::from(Self::source(host, Some(vlan)));
            let _infallible = write!(
                batch,
                "link add link eth0 name eth0.{vlan} type vlan id {vlan}\n\
                 link set eth0.{vlan} up\n\
                 address add {source}/24 dev eth0.{vlan}\n"
            );
        }
        namespace.ip(&batch)
    }

    /// The file for either daemon.
    pub(super) fn configuration(self) -> String {
        let mut text = String::from("global_defs {\n    router_id bench\n    vrrp_version 3\n}\n");
        let interval = self.interval().as_secs_f64();
        for router in self.all() {
            let Router { vrid, address, .. } = router;
            let interface = router.interface();
            let _infallible = write!(
                text,
                "vrrp_instance {interface}-{vrid} {{\n    \
                 state BACKUP\n    interface {interface}\n    virtual_router_id {vrid}\n    \
                 priority 100\n    advert_int {interval}\n    \
                 virtual_ipaddress {{\n        {address}/32 dev {interface}\n    }}\n}}\n"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_fill_one_link_after_the_other() {
        let routers = Routers {
            count: 1020,
            centiseconds: 1,
        };
        let all: Vec<Router> = routers.all().collect();
        let place = |index: usize| (all[index].vlan, all[index].vrid);
        assert_eq!(place(0), (None, 1));
        assert_eq!(place(254), (None, 255));
        assert_eq!(place(255), (Some(2), 1));
        assert_eq!(place(1019), (Some(4), 255));
        assert_eq!(routers.vlans().collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(Routers::source(11, Some(4)), Ipv4Addr::new(172, 16, 4, 11));
    }
}
