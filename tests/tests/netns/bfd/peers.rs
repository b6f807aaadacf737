//! The other ends: what they are called, how they are configured, what they say.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use xtask::lab::{Daemon, Director, Node};

use crate::arena::{Arena, lb};

/// Intervals and multiplier of one end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) tx: u64,
    pub(super) rx: u64,
    pub(super) multiplier: u64,
}

/// What is common to both ends of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) is_v6: bool,
    pub(super) multihop: bool,
    /// Nobody looks at the TTL: BIRD sends with the kernel's over several hops.
    pub(super) any_hops: bool,
    /// Type and number of the key, in our words.
    pub(super) authentication: Option<(&'static str, u8)>,
}

impl Kind {
    pub(super) const V4: Self = Self {
        is_v6: false,
        multihop: false,
        any_hops: false,
        authentication: None,
    };
    pub(super) const V6: Self = Self {
        is_v6: true,
        ..Self::V4
    };

    pub(super) const fn multihop(self) -> Self {
        Self {
            multihop: true,
            ..self
        }
    }

    pub(super) const fn any_hops(self) -> Self {
        Self {
            any_hops: true,
            ..self
        }
    }

    pub(super) const fn signed(self, kind: &'static str) -> Self {
        Self {
            authentication: Some((kind, 7)),
            ..self
        }
    }

    fn address(self, director: u8) -> String {
        let host = Node::Director(director).host();
        if self.is_v6 {
            format!("2001:db8::{host}")
        } else {
            format!("192.0.2.{host}")
        }
    }
}

/// The secret that both ends share.
const SECRET: &str = "swordfish";

/// A file with it.
fn key_file(arena: &Arena) -> PathBuf {
    let path = arena.work().join("bfd.key");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// One end in keepalived's language: the session `peer`.
pub(super) fn ours(arena: &Arena, director: u8, kind: Kind, rate: Rate) -> String {
    let (here, there) = (kind.address(director), kind.address(3 - director));
    let Rate { tx, rx, multiplier } = rate;
    let mut text = format!(
        "bfd_instance peer {{\nneighbor_ip {there}\nsource_ip {here}\nmin_tx {tx}\nmin_rx {rx}\n\
         multiplier {multiplier}\nttl 255\n"
    );
    if kind.multihop {
        text += "multihop\n";
        text += if kind.any_hops {
            "max_hops -1\n"
        } else {
            "max_hops 4\n"
        };
    }
    if let Some((name, number)) = kind.authentication {
        let file = key_file(arena);
        text += &format!("authentication {name} {number} {}\n", file.display());
    }
    text + "}\n"
}

/// What runs at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Lb,
    Keepalived,
    Frr,
    Bird,
}

impl Peer {
    pub(super) fn daemon(self) -> Daemon {
        match self {
            Self::Lb => lb(),
            Self::Keepalived => Daemon::Keepalived,
            Self::Frr => Daemon::FrrBfd,
            Self::Bird => Daemon::Bird,
        }
    }

    /// Its configuration on director 2.
    pub(super) fn config(self, arena: &Arena, kind: Kind, rate: Rate) -> String {
        match self {
            Self::Lb => ours(arena, 2, kind, rate),
            Self::Keepalived => ours(arena, 2, kind, rate),
            Self::Frr => frr(kind, rate),
            Self::Bird => bird(kind, rate),
        }
    }

    /// Gives it another configuration while it runs.
    pub(super) fn reconfigure(self, arena: &Arena, kind: Kind, rate: Rate) {
        let place = arena.director(2);
        let config = self.config(arena, kind, rate);
        match self {
            Self::Lb | Self::Keepalived => place.reload(config).unwrap(),
            Self::Frr => {
                let lines = config.lines().filter(|line| !line.starts_with("log"));
                let lines: Vec<&str> = std::iter::once("configure terminal").chain(lines).collect();
                place.vtysh(&lines).unwrap();
            }
            Self::Bird => {
                fs::write(place.config_file(), config).unwrap();
                place.birdc("configure").unwrap();
            }
        }
    }

    /// Whether it says that it waits for us for so many milliseconds, and is Up.
    pub(super) fn waits_for(self, place: &Director, millis: u64) -> bool {
        let said = self.said(place);
        match self {
            Self::Lb => {
                let wanted = format!(r#""detection_time_ms":{millis}.0"#);
                said.contains(r#""state":"Up""#) && said.contains(&wanted)
            }
            Self::Keepalived => {
                let micros = format!("Detection time is {} us", millis * 1000);
                let last = said
                    .lines()
                    .rfind(|line| line.contains("Detection time is"));
                last.is_some_and(|line| line.contains(&micros))
            }
            Self::Frr => {
                let peers: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
                let peer = &peers[0];
                let number = |name: &str| peer[name].as_u64().unwrap_or_default();
                let interval = number("remote-transmit-interval").max(number("receive-interval"));
                peer["status"] == "up" && interval * number("remote-detect-multiplier") == millis
            }
            Self::Bird => {
                let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
                let mut lines = said.lines();
                lines.any(|line| line.contains(" Up ") && line.trim_end().ends_with(&seconds))
            }
        }
    }

    pub(super) fn said(self, place: &Director) -> String {
        let said = match self {
            Self::Lb => place.status().map(|status| status.to_string()),
            Self::Keepalived => Ok(place.log()),
            Self::Frr => place.vtysh(&["show bfd peers json"]),
            Self::Bird => place.birdc("show bfd sessions"),
        };
        said.unwrap_or_else(|error| format!("{error:#}"))
    }
}

fn frr(kind: Kind, rate: Rate) -> String {
    let (here, there) = (kind.address(2), kind.address(1));
    let multihop = if kind.multihop { " multihop" } else { "" };
    let Rate { tx, rx, multiplier } = rate;
    format!(
        "log stdout\nbfd\n peer {there}{multihop} local-address {here}\n  detect-multiplier {multiplier}\n  \
         receive-interval {rx}\n  transmit-interval {tx}\n exit\nexit\n"
    )
}

fn bird(kind: Kind, rate: Rate) -> String {
    let (here, there) = (kind.address(2), kind.address(1));
    let Rate { tx, rx, multiplier } = rate;
    let proof = kind.authentication.map_or(String::new(), |(name, number)| {
        let name = match name {
            "simple" => "simple",
            "md5" => "keyed md5",
            "meticulous_md5" => "meticulous keyed md5",
            "sha1" => "keyed sha1",
            _ => "meticulous keyed sha1",
        };
        format!("authentication {name}; password \"{SECRET}\" {{ id {number}; }};")
    });
    let options = format!(
        "{{ min rx interval {rx} ms; min tx interval {tx} ms; idle tx interval 1 s; multiplier {multiplier}; {proof} }}"
    );
    let (options, neighbor) = if kind.multihop {
        (format!("multihop {options};"), "multihop")
    } else {
        (format!("interface \"eth0\" {options};"), "dev \"eth0\"")
    };
    let neighbor = if kind.multihop {
        format!("neighbor {there} local {here} {neighbor};")
    } else {
        format!("neighbor {there} {neighbor} local {here};")
    };
    format!(
        "log stderr all;\nrouter id 192.0.2.12;\nprotocol device {{}}\nprotocol bfd {{\n{options}\n{neighbor}\n}}\n"
    )
}
