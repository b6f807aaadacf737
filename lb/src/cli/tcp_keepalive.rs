//! The command line of `lb tcp-keepalive`.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgGroup, Args, Subcommand};

use crate::tcp_keepalive::{
    rule::{MOST, Precedence, Rule, Treatment, list},
    sysctl::Wanted,
    values::{Idle, Interval, Keepalive, Probes, Retries, UserTimeout, UserTimeoutChoice},
};

/// What to do about TCP keepalive.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TcpKeepalive {
    /// Show the kernel's settings in this network namespace (or that of -s), and what they come to
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set them: all that are given, or none
    Set {
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show it")]
        settings: SettingArguments,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write them to a file that sets them at each boot: those that are given, else what the kernel has now
    Persist {
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show it")]
        settings: SettingArguments,
        /// The file; below /etc/sysctl.d without it, or with -s below /etc/netns/NAME/sysctl.d
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Remove the file
        #[arg(long, conflicts_with_all = ["time", "intvl", "probes", "retries2"])]
        remove: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say when a dead peer is noticed; what is not given is as in the kernel
    Explain {
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show it")]
        settings: SettingArguments,
        /// The socket has this TCP_USER_TIMEOUT
        #[arg(long, value_name = "TIME")]
        user_timeout: Option<UserTimeout>,
        /// The connection's retransmission timeout, as `ss -i` shows it
        #[arg(long, value_name = "TIME", default_value = "200ms")]
        rto: UserTimeout,
        /// The socket has no keepalive
        #[arg(long)]
        off: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare keepalive with what forgets idle connections here: exits with 1 when something does too soon
    Advise {
        /// The configuration; the one of -f without it
        file: Option<PathBuf>,
        /// Idle time before the first probe where the connections end; what the kernel has here without it
        #[arg(long, value_name = "TIME")]
        idle: Option<Idle>,
        /// Time between probes there, also of those that are answered
        #[arg(long, value_name = "TIME")]
        intvl: Option<Interval>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give keepalive to new connections of all programs in a control group, until detach
    Attach {
        /// The group: a path, absolute or below where cgroup v2 is mounted
        #[arg(long, value_name = "PATH")]
        cgroup: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show it")]
        rules: RuleArguments,
    },
    /// Give it to the connections that programs of the group have already, by the rules attached
    ApplyExisting {
        /// The group
        #[arg(long, value_name = "PATH")]
        cgroup: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is attached, what it has done, and which connections of this network namespace have keepalive
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take the programs off; connections keep what they were given
    #[command(group = ArgGroup::new("which").required(true))]
    Detach {
        /// The group
        #[arg(long, value_name = "PATH", group = "which")]
        cgroup: Option<PathBuf>,
        /// All groups
        #[arg(long, group = "which")]
        all: bool,
    },
    /// Run a command in a control group of its own that has keepalive; exits with its code
    Run {
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would show it")]
        rules: RuleArguments,
        /// The command and its arguments
        #[arg(required = true, last = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
}

/// Settings of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct SettingArguments {
    /// Idle time before the first probe (tcp_keepalive_time)
    #[arg(long, value_name = "TIME")]
    pub time: Option<Idle>,
    /// Time between probes (tcp_keepalive_intvl)
    #[arg(long, value_name = "TIME")]
    pub intvl: Option<Interval>,
    /// Probes without an answer until the connection is given up (tcp_keepalive_probes)
    #[arg(long, value_name = "NUMBER")]
    pub probes: Option<Probes>,
    /// How often data is sent again until the connection is given up (tcp_retries2)
    #[arg(long, value_name = "NUMBER")]
    pub retries2: Option<Retries>,
}

impl SettingArguments {
    /// As they are to be set.
    #[must_use]
    pub const fn wanted(&self) -> Wanted {
        Wanted {
            time: self.time,
            interval: self.intvl,
            probes: self.probes,
            retries: self.retries2,
        }
    }
}

/// Which connections get what.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RuleArguments {
    /// Idle time before the first probe
    #[arg(long, value_name = "TIME", default_value_t = Keepalive::OURS.idle)]
    pub idle: Idle,
    /// Time between probes
    #[arg(long, value_name = "TIME", default_value_t = Keepalive::OURS.interval)]
    pub intvl: Interval,
    /// Probes without an answer until the connection is given up
    #[arg(long, value_name = "NUMBER", default_value_t = Keepalive::OURS.probes)]
    pub cnt: Probes,
    /// When unacknowledged data gives a connection up: TIME, auto for idle + intvl × cnt, or none
    #[arg(long, value_name = "TIME", default_value = "auto")]
    pub user_timeout: UserTimeoutChoice,
    /// A rule, such as "remote 10.0.0.0/8 remote-port 5432 idle 60 force" or "local-port 22 leave"; the first that fits
    /// decides, and connections that none fits are left alone. Without rules all connections get the values above
    #[arg(long = "rule", value_name = "RULE")]
    pub rules: Vec<String>,
    /// A file with a rule a line, behind those of --rule
    #[arg(long = "rules", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Sockets whose program asked for keepalive itself are left alone; the default
    #[arg(long, conflicts_with = "force")]
    pub respect_app: bool,
    /// What programs ask for does not count, nor can they switch it off
    #[arg(long)]
    pub force: bool,
}

impl RuleArguments {
    /// What connections get where their rule does not say.
    #[must_use]
    pub fn treatment(&self) -> Treatment {
        Treatment {
            keepalive: Keepalive {
                idle: self.idle,
                interval: self.intvl,
                probes: self.cnt,
            },
            user_timeout: self.user_timeout,
            precedence: if self.force {
                Precedence::Force
            } else {
                Precedence::Respect
            },
        }
    }

    /// The rules, of which the text of the file is part.
    ///
    /// # Errors
    /// In words, when one is none or there are too many.
    pub fn rules(&self, file: &str) -> Result<Vec<Rule>, String> {
        let treatment = self.treatment();
        let mut rules = Vec::new();
        for text in &self.rules {
            let rule = Rule::parse(text, &treatment);
            rules.push(rule.map_err(|error| format!("--rule {text:?}: {error}"))?);
        }
        rules.extend(list(file, &treatment).map_err(|error| format!("--rules: {error}"))?);
        if rules.len() > MOST {
            return Err(format!(
                "{} rules are too many: the kernel looks at {MOST}",
                rules.len()
            ));
        }
        if rules.is_empty() {
            rules.push(Rule::of_all(treatment));
        }
        Ok(rules)
    }
}
