//! The command line of genhash(1).

use std::net::IpAddr;

use clap::{ArgAction, Args, ValueEnum};

/// Print the digest of a page, as HTTP_GET and SSL_GET compare it: genhash(1)
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(disable_help_flag = true)]
pub struct Genhash {
    /// Address of the server
    #[arg(short = 's', long)]
    pub server: IpAddr,

    /// Its port
    #[arg(short = 'p', long)]
    pub port: u16,

    /// The path of the page
    #[arg(short = 'u', long)]
    pub url: String,

    /// Use TLS
    #[arg(short = 'S', long)]
    pub use_ssl: bool,

    /// Name the server in the handshake of TLS; the one of -V without a name
    #[arg(short = 'I', long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub use_sni: Option<Option<String>>,

    /// Host that is asked for
    #[arg(short = 'V', long, value_name = "HOST")]
    pub use_virtualhost: Option<String>,

    /// Version of HTTP; 1.0c is 1.0 with `Connection: close`
    #[arg(short = 'P', long, value_enum, default_value_t)]
    pub protocol: Protocol,

    /// Seconds for the connection, and for each answer
    #[arg(short = 't', long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub timeout: u32,

    /// Mark of the packets
    #[arg(short = 'm', long, value_name = "MARK")]
    pub fwmark: Option<u32>,

    /// Show the request, the head of the answer and its length too
    #[arg(short = 'v', long)]
    pub verbose: bool,

    /// Show this help
    #[arg(short = 'h', long, action = ArgAction::Help)]
    pub help: Option<bool>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// HTTP/1.0.
    #[default]
    #[value(name = "1.0")]
    V10,
    /// HTTP/1.0 that asks for the end of the connection.
    #[value(name = "1.0c", alias = "1.0C")]
    V10Close,
    /// HTTP/1.1.
    #[value(name = "1.1")]
    V11,
}
