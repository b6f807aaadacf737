//! FRR's vrrpd or bfdd, with the zebra it needs, in a director's namespace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use nix::unistd::{User, chown};

use super::process;

/// Where it keeps its sockets: it runs as a user of its own, who may not look below `target`.
const DIRECTORY: &str = "/run/lb-frr";
const USER: &str = "frr";

/// Both daemons until SIGTERM; the other one wants zebra's socket to be there.
const SCRIPT: &str = r#"
common="-u frr -g frr -P 0 --vty_socket $1 -z $1/zserv"
trap 'kill $daemon $zebra 2>/dev/null' TERM
/usr/lib/frr/zebra $common -f $1/zebra.conf -i $1/zebra.pid & zebra=$!
while kill -0 $zebra && ! [ -e $1/zserv ]; do sleep 0.05; done
[ $3 = bfdd ] && more="--bfdctl $1/bfdd.sock"
/usr/lib/frr/$3 $common $more -f $2 -i $1/$3.pid & daemon=$!
wait $daemon; wait $zebra
"#;

/// The command that runs `daemon` on its configuration.
pub(super) fn command(namespace: &str, daemon: &str, config: &Path) -> anyhow::Result<Command> {
    let directory = directory(namespace);
    let _absent = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    fs::write(directory.join("zebra.conf"), "log stdout\n")?;
    let own = directory.join(daemon).with_extension("conf");
    fs::copy(config, &own).context("copy the configuration")?;
    let user = User::from_name(USER)?.context("there is no user frr: is FRR installed?")?;
    chown(&directory, Some(user.uid), Some(user.gid)).context("give FRR its directory")?;
    let mut command = process::tool("sh");
    command
        .args(["-c", SCRIPT, "frr"])
        .arg(&directory)
        .arg(&own)
        .arg(daemon);
    Ok(command)
}

/// Where its daemons listen for `vtysh`.
pub(super) fn directory(namespace: &str) -> PathBuf {
    Path::new(DIRECTORY).join(namespace)
}
