use std::process::Command;

use super::*;

#[tokio::test]
async fn a_child_is_seen_to_end_and_how() {
    for (line, expected) in [
        ("exit 0", Ending::Exited(0)),
        ("exit 42", Ending::Exited(42)),
        ("kill -9 $$", Ending::Signalled(9)),
    ] {
        let mut child = Command::new("/bin/sh").args(["-c", line]).spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        assert_eq!(process.ended().await, expected, "{line}");
        // It is waited for, so nothing has its pid and it is no more.
        assert!(Process::open_recorded(process.id()).is_err());
        assert!(process.signal(Signal::SIGTERM).is_err());
        assert!(child.wait().is_err());
    }
}

#[tokio::test]
async fn another_with_the_same_pid_is_not_taken_for_it() {
    let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
    let process = Process::open(child.id()).unwrap();
    let id = process.id();
    assert!(Process::open_recorded(id).is_ok());
    let later = ProcessId {
        start_time: id.start_time + 1,
        ..id
    };
    assert!(Process::open_recorded(later).is_err());
    let other = ProcessId {
        inode: id.inode.map(|inode| inode + 1),
        ..id
    };
    assert_eq!(Process::open_recorded(other).is_err(), id.inode.is_some());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A shell starts a process that outlives it: it is init's child then.
#[tokio::test]
async fn the_ending_of_another_s_child_is_the_kernel_s_to_tell() {
    let line = "(sleep 0.3; exit 7) > /dev/null & echo $!";
    let said = Command::new("/bin/sh").args(["-c", line]).output().unwrap();
    let pid = String::from_utf8(said.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let process = Process::open(pid).unwrap();
    let ending = process.ended().await;
    assert_eq!(ending, Ending::Exited(7));
}
