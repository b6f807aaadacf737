//! The sessions, in the language of each daemon.

use std::{
    fmt::{self, Write as _},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use xtask::lab::{Daemon, Namespace, Node};

/// What the daemons' logs say of a session that comes up, each in its words.
pub(super) const UP: &[&str] = &[") Entering Up state", "-> up"];
/// And of one that goes down.
pub(super) const DOWN: &[&str] = &[") Entering Down state", "up -> down"];

/// How often packets are sent, and how many may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) interval: Duration,
    pub(super) multiplier: u8,
}

/// `10x3`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.interval.as_secs_f64() * 1000.0;
        write!(f, "{millis}x{}", self.multiplier)
    }
}

/// So many sessions between the two directors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sessions {
    pub(super) count: u16,
    pub(super) rate: Rate,
    /// Daemons that can have a real-time priority have one.
    pub(super) real_time: bool,
    /// What lb has besides in its `global_defs`.
    pub(super) globals: &'static str,
}

impl Sessions {
    /// The address of one end of the n-th session.
    fn end(number: u8, session: u16) -> String {
        let [high, low] = session.to_be_bytes();
        format!("10.{}.{high}.{low}", 100 + number)
    }

    fn numbers(self) -> std::ops::RangeInclusive<u16> {
        1..=self.count
    }

    /// Gives a director its ends, and the other ones' MAC: the kernel looks for no more than 1,024 neighbors at once.
    pub(super) fn address(self, number: u8, namespace: &Namespace) -> anyhow::Result<()> {
        let mut batch = String::new();
        let mac = Node::Director(3 - number).mac();
        for session in self.numbers() {
            let (here, there) = (Self::end(number, session), Self::end(3 - number, session));
            let _infallible = writeln!(
                batch,
                "address add {here}/8 dev eth0\nneighbor add {there} lladdr {mac} nud permanent dev eth0"
            );
        }
        namespace.ip(&batch)
    }

    /// The file of a director.
    pub(super) fn config(self, daemon: &Daemon, number: u8) -> String {
        match daemon {
            Daemon::FrrBfd => self.frr(number),
            _ => self.keepalived(number),
        }
    }

    fn keepalived(self, number: u8) -> String {
        let Rate {
            interval,
            multiplier,
        } = self.rate;
        let millis = interval.as_secs_f64() * 1000.0;
        let priority = if self.real_time {
            "bfd_rt_priority 50\n"
        } else {
            ""
        };
        let mut text = format!("global_defs {{\n{priority}{}}}\n", self.globals);
        for session in self.numbers() {
            let (here, there) = (Self::end(number, session), Self::end(3 - number, session));
            let _infallible = write!(
                text,
                "bfd_instance s{session} {{\nneighbor_ip {there}\nsource_ip {here}\nmin_tx {millis}\nmin_rx {millis}\n\
                 multiplier {multiplier}\n}}\n"
            );
        }
        text
    }

    /// It counts in whole milliseconds, from 10 on: what is less is 10.
    fn frr(self, number: u8) -> String {
        let Rate {
            interval,
            multiplier,
        } = self.rate;
        let millis = interval.as_millis().max(10);
        let mut text = String::from("log stdout\ndebug bfd peer\nbfd\n");
        for session in self.numbers() {
            let (here, there) = (Self::end(number, session), Self::end(3 - number, session));
            let _infallible = write!(
                text,
                " peer {there} local-address {here}\n  detect-multiplier {multiplier}\n  receive-interval {millis}\n  \
                 transmit-interval {millis}\n exit\n"
            );
        }
        text + "exit\n"
    }
}

/// `frr-8.4.4`, from `bfdd version 8.4.4`.
pub(super) fn frr_name() -> anyhow::Result<String> {
    let output = Command::new("/usr/lib/frr/bfdd")
        .arg("--version")
        .output()
        .context("start bfdd")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.split_whitespace();
    let version = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    let version = version.context("bfdd tells no version")?;
    Ok(format!("frr-{version}"))
}
