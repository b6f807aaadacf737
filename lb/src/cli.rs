//! The command line: keepalived(8)'s options, and subcommands beside them.

pub mod daemon;
pub mod genhash;
mod getopt;
pub mod keepalive;
pub mod tcp_keepalive;
mod time;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{
    ArgAction, Args, Parser, Subcommand,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser},
};

use self::daemon::DaemonArguments;
pub use self::getopt::{attach_optional, take_operands};
use crate::{
    config::model::{Protocol, Word as _},
    observe::level::LogLevel,
    pool::drain::Target,
};

/// An eBPF/XDP load balancer with VRRP failover that reads keepalived.conf.
///
/// Without a command it runs the daemon, as keepalived(8) does.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "lb",
    version,
    disable_version_flag = true,
    args_override_self = true,
    infer_long_args = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Use the specified configuration file
    #[arg(
        short = 'f',
        long = "use-file",
        value_name = "FILE",
        default_value = "/etc/keepalived/keepalived.conf"
    )]
    pub use_file: PathBuf,

    /// What `@ID` lines of the configuration are compared with; the host name up to the first dot by default
    #[arg(short = 'i', long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub config_id: Option<String>,

    /// A missing file is an error for every include
    #[arg(short = 'e', long)]
    pub all_config: bool,

    /// Do not fork to the background
    #[arg(short = 'n', long)]
    pub dont_fork: bool,

    /// Log to the console (stderr) as well as to syslog
    #[arg(short = 'l', long)]
    pub log_console: bool,

    /// Log in detail; twice for more
    #[arg(short = 'D', long, action = ArgAction::Count)]
    pub log_detail: u8,

    /// Log the configuration in force at the start and after each reload
    #[arg(short = 'd', long)]
    pub dump_conf: bool,

    /// Run no BFD sessions: those that are configured are down for everybody
    #[arg(short = 'B', long = "no_bfd", alias = "no-bfd")]
    pub no_bfd: bool,

    /// Do not log to syslog
    #[arg(short = 'G', long)]
    pub no_syslog: bool,

    /// Leave the IPVS table as it is at the end; the next start takes up what its file still has
    #[arg(short = 'I', long)]
    pub dont_release_ipvs: bool,

    /// Run in this network namespace; state goes below /run/lb/NAME and /sys/fs/bpf/lb/NAME
    #[arg(short = 's', long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub namespace: Option<String>,

    /// Check the configuration, report every problem on stderr or at the end of FILE, and exit: 0 fine, 4 refused,
    /// 5 runs with warnings, 6 refused for a missing include or an unsafe script
    #[arg(
        short = 't',
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true
    )]
    pub config_test: Option<Option<PathBuf>>,

    /// Show the version, and what this machine has for it
    #[arg(short = 'v', long, action = ArgAction::Version)]
    pub version: Option<bool>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it")]
    pub daemon: DaemonArguments,

    /// What to do instead of running the daemon
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Commands beside the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Show instances, services, real servers, flows and counters of the running daemon
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Show it again and again, every so many seconds; a line of JSON each with --json
        #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = time::parse)]
        watch: Option<Duration>,
    },
    /// Show the counters of virtual routers
    Stats {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// They begin anew afterwards
        #[arg(long)]
        clear: bool,
    },
    /// Take the configuration file anew, and wait for that: 0 when it is in force, 2 when it is refused
    Reload,
    /// Show from which level on the daemon logs, or change it until it ends: error, warning, info, debug
    LogLevel {
        /// The level of all its processes
        level: Option<LogLevel>,
    },
    /// Ask the program in the kernel where a packet would go, and why: 0 when it is forwarded, 3 when not
    Flow(FlowArguments),
    /// Show every flow that the kernel remembers: protocol, client, virtual server, real server, state, seconds idle
    Flows {
        /// Print a line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// Empty a real server: it takes no new flows, in every virtual server, until --end or the end of the checker child
    Drain {
        /// ADDRESS, or ADDRESS:PORT for one port of it
        #[arg(value_parser = target)]
        real_server: Target,
        /// When the flows it has are to end: seconds, or a number with s, m or h; when they end without it
        #[arg(long, value_name = "TIME", value_parser = time::parse)]
        deadline: Option<Duration>,
        /// Let it take flows again
        #[arg(long, conflicts_with = "deadline")]
        end: bool,
    },
    /// Hand virtual routers over, and take them back
    #[command(subcommand)]
    Vrrp(VrrpCommand),
    /// Check, show and compare configurations, or explain their keywords
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Monitor and respawn processes and daemons, as keepalive(1M) does
    Keepalive(Box<keepalive::Keepalive>),
    /// Register processes with keepalive, list and unregister them, as spawndaemon(1M) does
    Spawndaemon(Box<keepalive::Spawndaemon>),
    /// Print the digest of a page, as HTTP_GET and SSL_GET compare it
    Genhash(Box<genhash::Genhash>),
    /// See, set, explain and give TCP keepalive
    #[command(subcommand)]
    TcpKeepalive(tcp_keepalive::TcpKeepalive),
    /// Print completions for a shell, to be put where that looks for them
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages for lb and each of its commands
    Man {
        /// The directory
        directory: PathBuf,
    },
    /// Replay a recording of the elections (vrrp_record): 0 when they decide as they did, 1 when not, 2 for a damaged file
    Replay {
        /// The recording
        file: PathBuf,
        /// Print what they are fed as well
        #[arg(long)]
        inputs: bool,
    },
    /// One child of the daemon; started by the parent, with its control line as standard input
    #[command(hide = true)]
    Child {
        /// Which child
        role: Role,
        /// The pid of the one before, which goes on until this one has its plan
        #[arg(long)]
        predecessor: Option<u32>,
        /// Its PID file
        #[arg(long)]
        pid_file: PathBuf,
        /// The daemon's name among several
        #[arg(long)]
        instance: Option<String>,
    },
}

/// Whose packet `lb flow` asks about.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct FlowArguments {
    /// The transport protocol
    #[arg(value_parser = protocol())]
    pub protocol: Protocol,
    /// The client, as ADDRESS:PORT
    pub source: SocketAddr,
    /// The virtual server, as ADDRESS:PORT
    pub destination: SocketAddr,
    /// The interface it comes by; the one towards the client without it
    #[arg(long, value_name = "NAME")]
    pub interface: Option<String>,
    /// Let it open a connection, which the kernel will remember
    #[arg(long)]
    pub open: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `10.0.0.1`, `10.0.0.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
fn target(word: &str) -> Result<Target, String> {
    let both = word.parse::<SocketAddr>().map(|both| Target {
        address: both.ip(),
        port: Some(both.port()),
    });
    let address = || {
        word.parse::<IpAddr>().map(|address| Target {
            address,
            port: None,
        })
    };
    both.or_else(|_| address())
        .map_err(|_| "an address, or an address and a port".to_owned())
}

/// `tcp`, `udp` or `sctp`.
fn protocol() -> impl TypedValueParser<Value = Protocol> {
    let names = Protocol::VALUES.iter().map(|protocol| protocol.name());
    PossibleValuesParser::new(names).try_map(|word| {
        let mut all = Protocol::VALUES.iter().copied();
        all.find(|protocol| protocol.name() == word)
            .ok_or("no transport protocol")
    })
}

/// What to ask of a virtual router of the running daemon.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum VrrpCommand {
    /// Hand over an instance, with its group if it has one, and let others go first: it is BACKUP as long as anybody
    /// else is MASTER
    Yield {
        /// The vrrp_instance
        instance: String,
        /// For how long: seconds, or a number with s, m or h; without it until released
        #[arg(long = "for", value_name = "TIME", value_parser = time::parse)]
        time: Option<Duration>,
    },
    /// Withdraw the request to yield: the priority counts again
    Release {
        /// The vrrp_instance
        instance: String,
    },
}

/// What to do with configurations.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration as -t does, with the same exit codes
    Test {
        /// The configuration; the one of -f without it
        file: Option<PathBuf>,
        /// Print each problem to stdout as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what the configuration means, every default included, as keepalived.conf
    Show {
        /// The configuration; the one of -f without it
        file: Option<PathBuf>,
        /// Print the model and the origin of each value as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what a reload from BEFORE to AFTER would change; exits with 1 if anything does
    Diff {
        /// The configuration in force
        before: PathBuf,
        /// The configuration to come
        after: PathBuf,
        /// Print the changes as JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what a keyword means, where it stands and what follows it
    Explain {
        /// The keyword; all of them without it
        keyword: Option<String>,
    },
}

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Elections, addresses, gates.
    Vrrp,
    /// Health checks, services.
    Checkers,
    /// BFD sessions.
    Bfd,
}

impl Role {
    /// Every child, in the order in which they stop: who tells of sessions last, so that its end is nobody's failure.
    pub const ALL: [Self; 3] = [Self::Vrrp, Self::Checkers, Self::Bfd];

    /// The role's name in logs, file names and the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vrrp => "vrrp",
            Self::Checkers => "checkers",
            Self::Bfd => "bfd",
        }
    }
}

#[cfg(test)]
mod tests;
