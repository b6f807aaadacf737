//! The lab: a client, two directors and three web servers on one Ethernet segment, each in a network namespace.
//!
//! `cargo xtask run` shows it to people; the netns tests and the failover benchmark drive it. A [`Lab`] removes itself
//! however its owner ends, and several run side by side.
//!
//! ```text
//!             switch: bridge "lan"
//!   ┌────────┬────────┬────────┬────────┬────────┐
//! client     d1       d2       s1       s2       s3       192.0.2.{1,11,12,21,22,23}/24     2001:db8::/64
//!            └─ virtual: 192.0.2.100 (DR), .101 (NAT) ─┘  198.51.100.{11,12,21,22,23}/24    2001:db8:1::/64
//!               198.51.100.1 (gateway of the servers)
//! ```

mod bird;
mod config;
mod demo;
mod director;
mod frr;
mod janitor;
mod link;
mod namespace;
mod no_ipvs;
pub mod plan;
pub mod probe;
pub mod process;
mod server;
mod topology;
pub mod traffic;
mod xdp;

pub use self::{
    config::Template,
    demo::{run, run_for},
    director::{Daemon, Director},
    link::Port,
    namespace::Namespace,
    plan::Node,
    server::{BIG_BYTES, Server},
    xdp::{Attached, Verdict},
};

/// How many times slower than a usual one this machine is: what `LB_PATIENCE` says, else 1.
#[must_use]
pub fn slowness() -> u32 {
    let factor = std::env::var("LB_PATIENCE").ok();
    factor.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// What to start besides the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the web servers run from the start.
    pub servers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { servers: true }
    }
}

/// A running lab; dropping it removes everything.
#[derive(Debug)]
pub struct Lab {
    // Dropped in this order: processes first, the janitor last.
    directors: [Director; 2],
    servers: [Server; 3],
    client: Namespace,
    switch: Namespace,
    janitor: janitor::Janitor,
}

impl Lab {
    /// Builds the network and starts the servers. Labs of dead owners are removed first.
    ///
    /// # Errors
    /// When root's rights or one of `ip`, `ethtool` and `nginx` are missing.
    pub fn start(options: Options) -> anyhow::Result<Self> {
        let janitor = janitor::Janitor::hire()?;
        let lab = janitor.name();
        let switch = topology::switch(lab)?;
        let client = topology::plug(lab, &switch, Node::Client)?;
        let director = |number| {
            let node = Node::Director(number);
            let namespace = topology::plug(lab, &switch, node)?;
            let port = Port::open(&switch, &node.to_string(), topology::BRIDGE)?;
            Director::new(node, namespace, port, janitor.work())
        };
        let directors = [director(1)?, director(2)?];
        let server = |number| {
            let node = Node::Server(number);
            let namespace = topology::plug(lab, &switch, node)?;
            anyhow::Ok(Server::new(node, namespace, janitor.work()))
        };
        let servers = [server(1)?, server(2)?, server(3)?];
        if options.servers {
            servers.iter().try_for_each(Server::start)?;
        }
        Ok(Self {
            directors,
            servers,
            client,
            switch,
            janitor,
        })
    }

    /// Where the client's traffic starts.
    #[must_use]
    pub const fn client(&self) -> &Namespace {
        &self.client
    }

    /// The segment itself: an observer here hears broadcasts and multicasts, and shares no neighbour cache.
    #[must_use]
    pub const fn switch(&self) -> &Namespace {
        &self.switch
    }

    /// Director 1 or 2.
    ///
    /// # Panics
    /// With any other number.
    #[must_use]
    pub fn director(&self, number: usize) -> &Director {
        &self.directors[number - 1]
    }

    /// Server 1, 2 or 3.
    ///
    /// # Panics
    /// With any other number.
    #[must_use]
    pub fn server(&self, number: usize) -> &Server {
        &self.servers[number - 1]
    }

    /// The three servers.
    #[must_use]
    pub const fn servers(&self) -> &[Server; 3] {
        &self.servers
    }

    /// The lab's directory of files below `target/lab`.
    #[must_use]
    pub fn work(&self) -> &std::path::Path {
        self.janitor.work()
    }

    /// First part of the names of its namespaces: `lab-<id>`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.janitor.name()
    }
}
