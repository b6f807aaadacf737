//! Many virtual routers, at most 255 on each of the links between the two directors: what they say is heard there alone.

use std::{fmt::Write as _, net::Ipv4Addr, ops::Range, time::Duration};

use xtask::lab::{Attached, Namespace, Verdict};

/// VRIDs of one interface.
const PER_LINK: u32 = 255;
/// Places of the directors in every network.
const FIRST: u8 = 11;
pub(super) const SECOND: u8 = 12;

/// So many virtual routers with one advert interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Routers {
    pub(super) count: u32,
    pub(super) centiseconds: u16,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Router {
    pub(super) link: u8,
    pub(super) vrid: u8,
    pub(super) address: Ipv4Addr,
}

/// The interface of a link, on either side.
pub(super) fn interface(link: u8) -> String {
    format!("eth{link}")
}

impl Routers {
    pub(super) fn interval(self) -> Duration {
        Duration::from_millis(10) * u32::from(self.centiseconds)
    }

    pub(super) fn adverts_per_second(self) -> u32 {
        self.count * 100 / u32::from(self.centiseconds)
    }

    pub(super) fn all(self) -> impl Iterator<Item = Router> {
        (0..self.count).map(|index| {
            let vrid = index % PER_LINK + 1;
            Router {
                link: u8::try_from(index / PER_LINK + 1).unwrap_or(u8::MAX),
                vrid: u8::try_from(vrid).unwrap_or(u8::MAX),
                address: Ipv4Addr::from(0x0a01_0000 + index),
            }
        })
    }

    pub(super) fn links(self) -> Range<u8> {
        1..u8::try_from(self.count.div_ceil(PER_LINK) + 1).unwrap_or(u8::MAX)
    }

    /// The source of the adverts of a link.
    pub(super) const fn source(host: u8, link: u8) -> Ipv4Addr {
        Ipv4Addr::new(172, 16, link, host)
    }

    /// Connects the directors by links of their own.
    pub(super) fn connect(self, [first, second]: [&Namespace; 2]) -> anyhow::Result<()> {
        let mut pairs = String::new();
        for link in self.links().map(interface) {
            let peer = second.name();
            let _infallible = writeln!(
                pairs,
                "link add {link} type veth peer name {link} netns {peer}"
            );
        }
        first.ip(&pairs)?;
        for (host, namespace) in [(FIRST, first), (SECOND, second)] {
            let mut up = String::new();
            for link in self.links() {
                let (interface, source) = (interface(link), Self::source(host, link));
                let _infallible = write!(
                    up,
                    "address add {source}/24 dev {interface}\nlink set {interface} up\n"
                );
            }
            namespace.ip(&up)?;
        }
        Ok(())
    }

    /// Lets one end of all links drop what comes, before its network stack sees it, until the result is dropped.
    pub(super) fn drain(self, end: &Namespace) -> anyhow::Result<Vec<Attached>> {
        end.run(|| {
            let links = self.links().map(interface);
            links
                .map(|link| Attached::new(&link, Verdict::Drop))
                .collect()
        })
    }

    /// The file for either daemon.
    pub(super) fn configuration(self) -> String {
        let mut text = String::from("global_defs {\n    router_id bench\n    vrrp_version 3\n}\n");
        let interval = self.interval().as_secs_f64();
        for router in self.all() {
            let Router { vrid, address, .. } = router;
            let interface = interface(router.link);
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
        let place = |index: usize| (all[index].link, all[index].vrid);
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(254), (1, 255));
        assert_eq!(place(255), (2, 1));
        assert_eq!(place(1019), (4, 255));
        assert_eq!(routers.links(), 1..5);
        assert_eq!(Routers::source(11, 3), Ipv4Addr::new(172, 16, 3, 11));
    }
}
