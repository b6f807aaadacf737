use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    time::Instant,
};

use nix::unistd::{getegid, geteuid};
use proptest::prelude::*;

use super::{complaint::LastLine, process::GRACE, *};
use crate::{
    config::model::{
        Command,
        global::{Owner, Scripts},
    },
    io::folder::Folder,
};

fn script(line: &str, timeout: Duration) -> Script {
    Script {
        words: vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()],
        identity: None,
        environment: Vec::new(),
        timeout,
    }
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_program_ends_in_one_of_four_ways() {
    let cases = [
        ("exit 0", Outcome::Exited(0)),
        ("exit 3", Outcome::Exited(3)),
        ("kill -9 $$", Outcome::Signalled(9)),
        ("sleep 60", Outcome::TimedOut),
    ];
    for (line, expected) in cases {
        let limit = match expected {
            Outcome::TimedOut => SHORT,
            _ => LONG,
        };
        assert_eq!(run(&script(line, limit)).await, expected, "{line}");
    }
    let missing = Script {
        words: vec!["/nonexistent/program".to_owned()],
        identity: None,
        environment: Vec::new(),
        timeout: GRACE,
    };
    assert!(matches!(run(&missing).await, Outcome::NotStarted(_)));
}

#[tokio::test]
async fn what_a_program_started_ends_with_it() {
    // What the program starts, and whether SIGTERM is enough for it.
    let cases = [("sleep 60", true), ("(trap '' TERM; exec sleep 60)", false)];
    for (other, ends) in cases {
        let folder = Folder::new();
        let pid = folder.join("pid");
        let line = format!("{other} & echo $! > {}; wait", pid.display());
        // Long enough to write the number on a busy machine.
        let limit = Duration::from_secs(1);
        let start = Instant::now();
        assert_eq!(run(&script(&line, limit)).await, Outcome::TimedOut);
        let pid = fs::read_to_string(pid).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        // Dead, whether or not it was waited for.
        let gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        wait_until("no member of the group lives on", gone).await;
        assert!(ends || start.elapsed() >= GRACE, "it has its time");
    }
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_last_line_on_stderr_is_the_complaint() {
    let cases = [
        ("exit 1", None),
        ("echo first >&2; echo last >&2", Some("last")),
        ("printf 'no newline' >&2", Some("no newline")),
        ("printf 'above\\n\\n  \\n' >&2", Some("above")),
        ("printf 'bell\\a' >&2", Some("bell")),
        ("echo not this", None),
        // More than a pipe holds: the program is not held up.
        (
            "head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2",
            Some("end"),
        ),
    ];
    for (line, expected) in cases {
        let report = report(&script(line, LONG)).await;
        assert_eq!(report.complaint.as_deref(), expected, "{line}");
    }
}

#[tokio::test]
async fn a_daemon_that_keeps_stderr_keeps_nobody_waiting_and_may_go_on_writing() {
    let folder = Folder::new();
    let done = folder.join("done");
    let line = format!(
        "(while [ -d {0} ] && [ ! -e {0}/go ]; do sleep 0.05; done; echo late >&2; echo alive > {1}) & echo bye >&2",
        folder.display(),
        done.display()
    );
    let report = report(&script(&line, LONG)).await;
    assert_eq!(report.outcome, Outcome::Exited(0));
    assert_eq!(report.complaint.as_deref(), Some("bye"));
    fs::write(folder.join("go"), "").unwrap();
    wait_until("SIGPIPE would have ended it", || done.exists()).await;
}

#[test]
fn a_long_line_is_cut_and_a_long_text_costs_nothing() {
    let mut line = LastLine::default();
    for _ in 0..1000 {
        line.push(&[b'x'; 1000]);
    }
    assert_eq!(line.end().map(|line| line.len()), Some(256));
}

proptest! {
    #[test]
    fn the_last_line_is_the_same_however_it_arrives(text in "[a-c\n ]{0,40}", cut in 0usize..40) {
        let mut whole = LastLine::default();
        whole.push(text.as_bytes());
        let (first, second) = text.as_bytes().split_at(cut.min(text.len()));
        let mut parts = LastLine::default();
        parts.push(first);
        parts.push(second);
        let expected = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        let expected = expected.map(str::to_owned);
        let (whole, parts) = (whole.end(), parts.end());
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(whole, expected);
    }

    #[test]
    fn any_bytes_become_a_short_line_of_text(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut line = LastLine::default();
        line.push(&bytes);
        if let Some(line) = line.end() {
            prop_assert!(line.chars().count() <= 256 && !line.contains(char::is_control));
        }
    }
}

#[tokio::test]
async fn a_script_without_an_interpreter_is_run_by_the_shell() {
    let folder = Folder::new();
    let program = folder.program("bare", "echo \"$1\" >&2\nexit 4\n");
    let bare = Script {
        words: vec![program, "argument".to_owned()],
        identity: None,
        environment: Vec::new(),
        timeout: LONG,
    };
    let report = report(&bare).await;
    assert_eq!(report.outcome, Outcome::Exited(4));
    assert_eq!(report.complaint.as_deref(), Some("argument"));
}

#[tokio::test]
async fn a_program_inherits_no_descriptor_signal_or_group() {
    // An open descriptor that is not close-on-exec, as a library may leave one.
    let (leak, _keep) = std::io::pipe().unwrap();
    let leak = nix::unistd::dup(&leak).unwrap();
    let blocked = nix::sys::signal::SigSet::all();
    blocked.thread_block().unwrap();
    let cases = [
        // Three standard streams, and the directory that is read.
        ("exec ls /proc/self/fd >&2", "3"),
        (
            "exec grep SigBlk /proc/self/status >&2",
            "SigBlk: 0000000000000000",
        ),
        (
            // Signals 32 and 33 are the C library's own.
            "exec sed -n 's/^SigIgn:.*\\(.......\\)$/SigIgn: \\1/p' /proc/self/status >&2",
            "SigIgn: 0000000",
        ),
    ];
    let mut reports = Vec::new();
    for (line, _) in cases {
        reports.push(report(&script(line, LONG)).await);
    }
    blocked.thread_unblock().unwrap();
    drop(leak);
    for ((line, expected), report) in cases.into_iter().zip(reports) {
        assert_eq!(report.complaint.as_deref(), Some(expected), "{line}");
    }
}

fn ours() -> Owner {
    Owner {
        user: geteuid().to_string(),
        group: Some(getegid().to_string()),
    }
}

#[tokio::test]
async fn rights_find_the_program_and_its_user() {
    let folder = Folder::new();
    let program = folder.program("real", "#!/bin/sh\nexit 0\n");
    let link = folder.join("link");
    symlink(&program, &link).unwrap();
    let link = link.display().to_string();
    let command = |word: &str| Command {
        words: vec![word.to_owned(), "argument".to_owned()],
        owner: Some(ours()),
    };
    for (keep_symlinks, expected) in [(false, &program), (true, &link)] {
        let settings = Scripts {
            keep_symlinks,
            ..Scripts::default()
        };
        let script = Rights::new(&settings)
            .script(&command(&link), LONG)
            .unwrap();
        assert_eq!(script.words, [expected.as_str(), "argument"]);
        assert_eq!(run(&script).await, Outcome::Exited(0));
    }
    let mut rights = Rights::default();
    let shell = rights.script(&command("sh"), LONG).unwrap();
    assert!(shell.words[0].starts_with('/'), "{:?}", shell.words);
    let missing = rights.script(&command("/nonexistent"), LONG);
    let expected = Unusable::NotFound("/nonexistent".to_owned());
    assert_eq!(missing, Err(Refused::Unusable(expected)));
    let nobody = Command {
        owner: Some(Owner {
            user: "no-such-user".to_owned(),
            group: None,
        }),
        ..command("sh")
    };
    let expected = Unknown::User("no-such-user".to_owned());
    assert_eq!(
        rights.script(&nobody, LONG),
        Err(Refused::Unknown(expected))
    );
}

#[test]
fn users_and_groups_are_names_or_numbers() {
    let cases = [
        ("root", None, Ok((0, 0))),
        ("0", None, Ok((0, 0))),
        ("root", Some("65432"), Ok((0, 65432))),
        ("65432", None, Ok((65432, 65432))),
        ("65432", Some("root"), Ok((65432, 0))),
        (
            "root",
            Some("no-such-group"),
            Err(Unknown::Group("no-such-group".to_owned())),
        ),
    ];
    for (user, group, expected) in cases {
        let owner = Owner {
            user: user.to_owned(),
            group: group.map(str::to_owned),
        };
        let found = Identity::of(&owner).map(|identity| (identity.uid, identity.gid));
        assert_eq!(found, expected, "{user} {group:?}");
    }
}

#[test]
fn a_script_has_one_group_or_all_of_its_user() {
    let root = Identity::ROOT;
    let groups = |identity: Identity| -> Vec<u32> {
        let groups = identity.groups();
        groups.iter().map(|group| group.as_raw()).collect()
    };
    assert_eq!(groups(root), [0]);
    assert_eq!(groups(Identity { gid: 5, ..root }), [5]);
    let all = groups(Identity {
        gid: 5,
        all_groups: true,
        ..root
    });
    assert!(all.contains(&5), "{all:?}");
    // Nobody's number has no groups to look up.
    let nobody = Identity {
        uid: 65432,
        gid: 65432,
        all_groups: true,
    };
    assert_eq!(groups(nobody), [65432]);
}

#[test]
fn with_script_security_nothing_runs_as_root_from_where_others_write() {
    let folder = Folder::new();
    let program = folder.program("unsafe", "#!/bin/sh\n");
    fs::set_permissions(folder.join("."), Permissions::from_mode(0o777)).unwrap();
    // A safe program reached by a link that others could turn.
    let link = folder.join("link");
    symlink("/bin/sh", &link).unwrap();
    let link = link.display().to_string();
    let settings = |keep_symlinks| Scripts {
        security: true,
        keep_symlinks,
        ..Scripts::default()
    };
    let words = |word: &str| vec![word.to_owned()];
    let root = Identity::ROOT;
    for (keep, word, expected) in [
        (false, program.as_str(), false),
        (false, "/bin/sh", true),
        (true, "/bin/sh", true),
        (false, link.as_str(), true),
        (true, link.as_str(), false),
    ] {
        let rights = Rights::new(&settings(keep));
        let script = rights.script_as(&words(word), root, LONG);
        assert_eq!(script.is_ok(), expected, "{keep} {word}: {script:?}");
    }
    // As somebody else it is that user's own affair.
    let other = Identity { uid: 65432, ..root };
    let rights = Rights::new(&settings(false));
    assert!(rights.script_as(&words(&program), other, LONG).is_ok());
}
