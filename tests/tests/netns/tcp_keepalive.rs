//! `lb tcp-keepalive` and `KEEPALIVE_CHECK` against real sockets.

mod dead_peer;
mod director;
mod group;
mod programs;
mod settings;

use std::process::Command;

use xtask::lab::Daemon;

use crate::arena::lb;

/// What a command said: its exit code, stdout and stderr.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `lb tcp-keepalive`, in a network namespace if one is named.
fn tcp_keepalive(namespace: Option<&str>, arguments: &[&str]) -> Said {
    said(&mut command(namespace, arguments))
}

fn command(namespace: Option<&str>, arguments: &[&str]) -> Command {
    let Daemon::Lb { binary } = lb() else {
        panic!("lb is under test");
    };
    let mut command = Command::new(binary);
    command.args(namespace.iter().flat_map(|name| ["-s", name]));
    command.arg("tcp-keepalive").args(arguments);
    command
}

fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
