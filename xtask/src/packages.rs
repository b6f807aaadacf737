//! Debian packages that the tests and the lab use.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::{step, workspace};

/// A program, or a file by its path, and the Debian package that has it.
pub type Package = (&'static str, &'static str);

/// What the lab starts, and what it tells people to try.
pub const LAB: &[Package] = &[
    ("ip", "iproute2"),
    ("bpftool", "bpftool"),
    ("ethtool", "ethtool"),
    ("nginx", "nginx-light"),
    ("ping", "iputils-ping"),
];

/// What the datapath tier starts.
pub const DATAPATH: &[Package] = &[("ip", "iproute2"), ("bpftool", "bpftool")];

/// What the keepalive tier starts.
pub const KEEPALIVE: &[Package] = &[
    ("/usr/bin/python3", "python3-minimal"),
    ("unshare", "util-linux"),
];

/// What keepalive is measured beside.
pub const SUPERVISORS: &[Package] = &[("monit", "monit"), ("runsvdir", "runit")];

/// What keepalive by control group is measured beside.
pub const PRELOAD: &[Package] = &[("/usr/lib/libkeepalive.so.0", "libkeepalive0")];

/// What the netns tier starts.
pub const NETNS: &[Package] = &[
    ("ip", "iproute2"),
    ("aiosmtpd", "python3-aiosmtpd"),
    ("bird", "bird2"),
    ("bpftool", "bpftool"),
    ("cc", "gcc"),
    ("dnsmasq", "dnsmasq-base"),
    ("ethtool", "ethtool"),
    ("ipvsadm", "ipvsadm"),
    ("nft", "nftables"),
    ("keepalived", "keepalived"),
    ("modprobe", "kmod"),
    ("nginx", "nginx-light"),
    ("openssl", "openssl"),
    ("ping", "iputils-ping"),
    ("ps", "procps"),
    ("/usr/bin/python3", "python3-minimal"),
    ("sysctl", "procps"),
    ("tcpdump", "tcpdump"),
    ("tshark", "tshark"),
    ("unshare", "util-linux"),
    ("vtysh", "frr"),
    // Without it `ip` and keepalived know no protocol by name.
    ("/etc/protocols", "netbase"),
];

/// What the virtual machine is made with.
pub const GUEST: &[Package] = &[
    ("apt-cache", "apt"),
    ("busybox", "busybox-static"),
    ("cpio", "cpio"),
    ("depmod", "kmod"),
    ("qemu-system-x86_64", "qemu-system-x86"),
];

const LIMIT: Duration = Duration::from_secs(900);

/// Installs the packages from its arguments. Meanwhile no package starts its service, and the
/// services that came with them are not started at the next boot either.
const INSTALL: &str = r#"
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install --yes --no-install-recommends "$@"
if command -v systemctl > /dev/null; then
    for package in "$@"; do
        dpkg -L "$package" | sed -n 's|^.*/systemd/system/\([^/@]*\.service\)$|\1|p' |
            while read -r unit; do systemctl --quiet disable "$unit" || true; done
    done
fi
"#;

/// Installs what is missing of `packages`.
///
/// # Errors
/// Names the command that needs root when we are not, and the packages where there is no apt.
pub fn prepare(packages: &[Package]) -> Result<()> {
    let missing = missing(packages, |needed| {
        let is_file = needed.starts_with('/') && Path::new(needed).exists();
        is_file || workspace::which(needed).is_some()
    });
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if workspace::which("apt-get").is_none() {
        bail!("missing here: {names} (names of Debian's packages); install them and try again");
    }
    if !Uid::effective().is_root() {
        bail!(
            "missing here: {names}; installing them needs root: \
             `sudo apt-get install --no-install-recommends {names}`"
        );
    }
    let mut command = Command::new("sh");
    command
        .args(["-c", INSTALL, "sh"])
        .args(&missing)
        .current_dir(Path::new("/"));
    step::run(
        "apt-get",
        &format!("Debian packages: installing {names}"),
        &mut command,
        LIMIT,
    )
    .with_context(|| format!("{names} cannot be installed"))
}

/// Returns the packages whose program `is_there` does not find.
fn missing(packages: &[Package], is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let absent = packages.iter().filter(|(program, _)| !is_there(program));
    absent.map(|(_, package)| *package).collect()
}

#[cfg(test)]
mod tests {
    use super::{NETNS, missing};

    #[test]
    fn only_the_packages_of_missing_programs_are_installed() {
        assert_eq!(
            missing(NETNS, |program| program != "nginx"),
            ["nginx-light"]
        );
        assert!(missing(NETNS, |_| true).is_empty());
    }
}
