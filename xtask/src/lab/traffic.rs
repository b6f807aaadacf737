//! What the client does: web requests, long-lived connections, downloads. Everything here runs in the namespace of the
//! calling thread.

mod datagrams;
mod download;
mod echo;
mod http;
mod pool;

pub use self::{
    datagrams::{DatagramReport, Datagrams},
    download::Download,
    echo::EchoServer,
    http::{Request, Tally},
    pool::{ConnectionPool, PoolReport},
};
