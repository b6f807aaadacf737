//! The kernel's settings in a namespace: set, kept for the next boot, removed; and what goes wrong with them.

use std::{fs, path::PathBuf, process::Command};

use xtask::lab::{Namespace, Options};

use super::{command, said, tcp_keepalive};
use crate::arena::Arena;

/// Time, interval and probes as `show --json` has them.
fn shown(namespace: &str) -> [u64; 3] {
    let said = tcp_keepalive(Some(namespace), &["show", "--json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    ["time", "intvl", "probes"].map(|name| {
        let value = &json[format!("tcp_keepalive_{name}")];
        value.as_u64().unwrap()
    })
}

/// The folder of a namespace's own `/etc`, removed when dropped.
struct Etc(PathBuf);

impl Drop for Etc {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What a boot does, in the namespace, to these settings alone.
fn boot(namespace: &str) {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "sysctl", "--system"]);
    command.args(["--pattern", r"^net\.ipv4\.tcp_keepalive"]);
    let path = std::env::var("PATH").unwrap_or_default();
    let done = said(command.env("PATH", format!("{path}:/usr/sbin:/sbin")));
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn settings_are_set_kept_over_a_boot_and_removed() {
    const KERNEL: [u64; 3] = [7200, 75, 9];
    let arena = Arena::beside_others(Options::default());
    let client = arena.client().name();
    let etc = Etc(PathBuf::from("/etc/netns").join(client));
    let file = etc.0.join("sysctl.d/60-lb-tcp-keepalive.conf");
    let step = |what: &str, file_says: Option<&str>, effective: [u64; 3]| {
        let text = fs::read_to_string(&file).ok();
        println!("{what}: {effective:?}, file: {text:?}");
        assert_eq!(text.as_deref(), file_says, "{what}");
        assert_eq!(shown(client), effective, "{what}");
        assert_eq!(
            shown(arena.server(1).namespace().name()),
            KERNEL,
            "another namespace"
        );
    };
    let run = |words: &[&str]| {
        let said = tcp_keepalive(Some(client), words);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    step("at first", None, KERNEL);
    let words = run(&["show"]);
    assert!(
        words.contains("7200 + 9 × 75 s = 2 h 11 min 15 s"),
        "{words}"
    );
    let words = run(&["set", "--time", "10m", "--intvl", "20", "--probes", "4"]);
    assert!(words.contains("600 + 4 × 20 s = 11 min 20 s"), "{words}");
    step("set", None, [600, 20, 4]);
    let all = "# Written by `lb tcp-keepalive persist`.\nnet.ipv4.tcp_keepalive_time = 600\n\
               net.ipv4.tcp_keepalive_intvl = 20\nnet.ipv4.tcp_keepalive_probes = 4\nnet.ipv4.tcp_retries2 = 15\n";
    assert!(run(&["persist"]).contains("is written"));
    assert!(run(&["persist"]).contains("says so already"));
    step("persist", Some(all), [600, 20, 4]);
    run(&["set", "--time", "7200", "--intvl", "75", "--probes", "9"]);
    step("another boot of the kernel", Some(all), KERNEL);
    boot(client);
    step("sysctl --system", Some(all), [600, 20, 4]);
    run(&["persist", "--time", "300"]);
    let one = "# Written by `lb tcp-keepalive persist`.\nnet.ipv4.tcp_keepalive_time = 300\n";
    boot(client);
    step("persist of another value", Some(one), [300, 20, 4]);
    assert!(run(&["persist", "--remove"]).contains("is removed"));
    assert!(run(&["persist", "--remove"]).contains("there is no"));
    boot(client);
    step("removed", None, [300, 20, 4]);
    fs::write(&file, "net.ipv4.tcp_keepalive_time = 1\n").unwrap();
    for words in [&["persist"][..], &["persist", "--remove"]] {
        let said = tcp_keepalive(Some(client), words);
        assert!(
            said.code == Some(1) && said.err.contains("was not written by"),
            "{said:?}"
        );
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "net.ipv4.tcp_keepalive_time = 1\n"
    );
}

/// A sentence on stderr, and the settings as they were.
fn expect_refusal(what: &str, mut command: Command, words: &str, namespace: &Namespace) {
    let before = shown(namespace.name());
    // Inside from the start: below /proc/sys/net each network namespace has files of its own.
    let said = namespace.run(|| Ok(said(&mut command))).unwrap();
    println!("{what}: {}", said.err.trim());
    assert_ne!(said.code, Some(0), "{what}: {said:?}");
    assert!(said.err.contains(words), "{what}: {said:?}");
    assert_eq!(shown(namespace.name()), before, "{what}: nothing half set");
}

/// The command in a mount namespace of its own, after `script`.
fn with_mounts(script: &str, inner: &Command) -> Command {
    let mut command = Command::new("unshare");
    let all = format!("{script} && exec \"$@\"");
    command.args(["--mount", "sh", "-ec", &all, "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command
}

#[test]
fn what_goes_wrong_is_said_in_a_sentence_and_nothing_is_half_set() {
    let arena = Arena::beside_others(Options::default());
    let client = arena.client();
    let set = |words: &[&str]| command(Some(client.name()), &[&["set"], words].concat());
    let good = ["--time", "600", "--intvl", "20", "--probes", "4"];
    for (word, sentence) in [
        ("0", "the kernel takes 1 to 32767"),
        ("32768", "the kernel takes 1 to 32767"),
        ("soon", "write seconds"),
    ] {
        let wrong = set(&["--intvl", "20", "--time", word]);
        expect_refusal(word, wrong, sentence, client);
    }
    expect_refusal("nothing", set(&[]), "nothing to set", client);
    let nowhere = command(Some("nowhere"), &["set", "--time", "600"]);
    let sentence = "there is no network namespace nowhere";
    expect_refusal("missing namespace", nowhere, sentence, client);

    let one = "/proc/sys/net/ipv4/tcp_keepalive_probes";
    let only_read = format!(
        "f=$(mktemp); echo 9 > $f; mount --bind $f {one}; mount -o remount,bind,ro {one}; rm $f"
    );
    let sentence = "cannot set net.ipv4.tcp_keepalive_probes to 4";
    expect_refusal(
        "one setting that is refused",
        with_mounts(&only_read, &set(&good)),
        sentence,
        client,
    );
    let whole = "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys";
    let sentence = "Read-only file system";
    expect_refusal(
        "read-only /proc",
        with_mounts(whole, &set(&good)),
        sentence,
        client,
    );

    let attach = command(None, &["attach", "--cgroup", "lb-test"]);
    let v1 =
        "for m in $(awk '$3 == \"cgroup2\" { print $2 }' /proc/self/mounts); do umount -l $m; done";
    let sentence = "no cgroup v2 is mounted here, only version 1";
    expect_refusal("cgroup v1 only", with_mounts(v1, &attach), sentence, client);
    let attach = command(None, &["attach", "--cgroup", "lb-test-nowhere"]);
    expect_refusal(
        "no such group",
        attach,
        "is no control group of version 2",
        client,
    );
    let attach = command(None, &["attach", "--cgroup", "/etc"]);
    expect_refusal("not a group", attach, "/etc is no control group", client);
    let attach = command(
        None,
        &["attach", "--cgroup", "x", "--rule", "remote 10.0.0.1/8"],
    );
    expect_refusal("not a rule", attach, "write 10.0.0.0/8", client);
}
