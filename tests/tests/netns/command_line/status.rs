//! Exit codes beside keepalived's.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use super::{binary, router, run};
use crate::arena::Arena;
use xtask::lab::Options;

/// Nobody.
const NOBODY: u32 = 65534;

/// What the file is.
#[derive(Clone, Copy, Debug)]
enum Given {
    Good,
    Missing,
    /// A value is missing.
    NoValue,
}

/// Who runs it, options, file, and the codes of keepalived and lb.
const CASES: &[(u32, &[&str], Given, [i32; 2])] = &[
    (0, &["--version"], Given::Good, [0, 0]),
    (0, &["-v"], Given::Good, [0, 0]),
    (0, &["--help"], Given::Good, [0, 0]),
    (0, &["-h"], Given::Missing, [0, 0]),
    (0, &["--signum=STOP"], Given::Good, [0, 0]),
    (0, &["--signum", "JSON"], Given::Good, [0, 0]),
    (0, &["--signum", "NOTHING"], Given::Good, [1, 1]),
    (0, &["--signum"], Given::Good, [1, 1]),
    (0, &["--no-such-option"], Given::Good, [1, 1]),
    (0, &["-n", "-Z"], Given::Good, [1, 1]),
    (0, &["-n", "--use-file="], Given::Good, [1, 1]),
    (0, &["-n"], Given::Missing, [6, 6]),
    (0, &["-n"], Given::NoValue, [2, 2]),
    (0, &["-t"], Given::Good, [0, 0]),
    (0, &["-n", "-T"], Given::Good, [1, 1]),
    // 4 is what keepalived 2.4 says; 2.2.7 complains and ends as if nothing were wrong.
    (NOBODY, &["-n"], Given::Good, [0, 4]),
    (NOBODY, &["-t"], Given::Good, [0, 0]),
];

#[test]
fn it_ends_with_keepalived_s_codes() {
    let arena = Arena::beside_others(Options { servers: false });
    let write = |name: &str, text: &str| {
        let path = arena.work().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let good = write("good.conf", &router("a", 51, "192.0.2.100/24"));
    let no_value = write("no-value.conf", "vrrp_instance a {\ninterface\n}\n");
    let mut wrong = Vec::new();
    for (user, options, given, expected) in CASES {
        let file = match given {
            Given::Good => &good,
            Given::Missing => &arena.work().join("missing.conf"),
            Given::NoValue => &no_value,
        };
        let codes = ["keepalived", &binary().display().to_string()].map(|program| {
            let mut command = Command::new(program);
            command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
            command.arg("-f").arg(file).args(*options).uid(*user);
            run(&arena, &mut command).0
        });
        if codes != *expected {
            wrong.push(format!(
                "{user} {options:?} {given:?}: {codes:?}, not {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "[keepalived, lb]:\n{}", wrong.join("\n"));
    let mut internal = Command::new(binary());
    let (code, said) = run(&arena, internal.args(["-n", "--config-fd", "3"]));
    assert!(
        code == 1 && said.contains("check a file with -t"),
        "{code}: {said}"
    );
}

#[test]
fn what_it_is_and_finds_is_on_stderr() {
    let child = Command::new(binary())
        .arg("-v")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let own = format!("version-{}", child.id());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    for words in [
        concat!("lb v", env!("CARGO_PKG_VERSION")),
        "Keepalived v2.4",
        "Running on Linux",
        "Features: ",
        "programs of the data plane loaded",
        "BPF timers                 there",
        "IPVS ",
    ] {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
    assert!(!Path::new("/sys/fs/bpf/lb").join(own).exists());
}

#[test]
fn the_help_has_the_names_of_debian_s_keepalived() {
    let names = |output: Vec<u8>| {
        let text = String::from_utf8(output).unwrap();
        let words = text.split(|letter: char| letter.is_whitespace() || letter == ',');
        let options = words.filter(|word| word.starts_with('-'));
        let names = options.map(|word| {
            let end = |letter: char| !letter.is_alphanumeric() && !"-_".contains(letter);
            word.split(end).next().unwrap_or_default().to_owned()
        });
        names
            .filter(|name| !name.trim_matches('-').is_empty())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let theirs = Command::new("/usr/sbin/keepalived")
        .arg("--help")
        .output()
        .unwrap();
    let ours = Command::new(binary()).arg("--help").output().unwrap();
    assert!(ours.stderr.is_empty());
    let (theirs, ours) = (names(theirs.stderr), names(ours.stdout));
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn started_as_keepalived_it_has_help_on_stderr_and_goes_on_after_operands() {
    let arena = Arena::beside_others(Options { servers: false });
    let link = arena.work().join("keepalived");
    std::os::unix::fs::symlink(binary(), &link).unwrap();
    let output = Command::new(&link).arg("--help").output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("--use-file")
    );
    let output = Command::new(&link)
        .args(["one", "--signum", "STOP", "two"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "Unexpected argument(s): one two\n15\n");
}
