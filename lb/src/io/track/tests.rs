//! Real files, processes and scripts. What is waited for comes by itself, or the test fails after [`PATIENCE`].

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tokio::time::timeout;

use super::*;
use crate::{
    config::model::track::{InitialContent, ParameterMatch, TrackFile, TrackProcess},
    io::folder::Folder,
    track::output::Reading,
};

mod bytes;

/// The longest that a fact may take, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that goes with the test.
struct Running(Child);

impl Running {
    fn new(program: &Path, parameters: &[&str]) -> Self {
        Self(Command::new(program).args(parameters).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn next(sources: &mut Sources) -> Event {
    timeout(PATIENCE, sources.next()).await.expect("an event")
}

fn read(file: &str, reading: Reading) -> Event {
    Event::FileRead {
        file: file.to_owned(),
        reading,
    }
}

fn counted(process: &str, count: u32) -> Event {
    Event::ProcessCounted {
        process: process.to_owned(),
        count,
    }
}

fn files(files: &[(&str, &Path)]) -> Watched {
    let file = |(name, path): &(&str, &Path)| TrackFile::new(name, path.to_str().unwrap());
    Watched {
        files: files.iter().map(file).collect(),
        processes: Vec::new(),
    }
}

#[tokio::test]
async fn a_file_is_read_when_it_is_written_moved_and_removed() {
    let folder = Folder::new();
    let path = folder.join("f");
    let mut sources = Sources::new();
    sources.watch(&files(&[("f", &path)]));
    assert_eq!(next(&mut sources).await, read("f", Reading::Missing));
    fs::write(folder.join("other"), "1").unwrap();
    fs::rename(folder.join("other"), &path).unwrap();
    assert_eq!(next(&mut sources).await, read("f", Reading::Number(1)));
    fs::write(&path, "-0x10 and more").unwrap();
    assert_eq!(next(&mut sources).await, read("f", Reading::Number(-16)));
    fs::write(&path, "99999999999").unwrap();
    assert_eq!(next(&mut sources).await, read("f", Reading::TooLarge));
    fs::remove_file(&path).unwrap();
    assert_eq!(next(&mut sources).await, read("f", Reading::Missing));
}

#[tokio::test]
async fn a_file_may_come_with_its_directory_or_behind_a_link() {
    let folder = Folder::new();
    let (path, target, link) = (
        folder.join("later/f"),
        folder.join("target/f"),
        folder.join("link"),
    );
    symlink(&target, &link).unwrap();
    let mut sources = Sources::new();
    sources.watch(&files(&[("f", &path), ("g", &link)]));
    assert_eq!(next(&mut sources).await, read("f", Reading::Missing));
    assert_eq!(next(&mut sources).await, read("g", Reading::Missing));
    for (name, path) in [("f", &path), ("g", &target)] {
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path, "7").unwrap();
        assert_eq!(next(&mut sources).await, read(name, Reading::Number(7)));
    }
}

#[tokio::test]
async fn only_regular_files_are_opened() {
    let folder = Folder::new();
    let pipe = folder.join("pipe");
    mkfifo(&pipe, Mode::S_IRUSR).unwrap();
    let mut sources = Sources::new();
    sources.watch(&files(&[("d", &folder), ("p", &pipe)]));
    let refused = Reading::Unreadable("not a regular file".to_owned());
    assert_eq!(next(&mut sources).await, read("d", refused.clone()));
    assert_eq!(next(&mut sources).await, read("p", refused));
}

#[tokio::test]
async fn what_is_watched_changes_and_what_stays_is_not_told_again() {
    let folder = Folder::new();
    let paths = ["a", "b", "c"].map(|name| folder.join(name));
    for path in &paths {
        fs::write(path, "1").unwrap();
    }
    let mut sources = Sources::new();
    sources.watch(&files(&[("a", &paths[0]), ("b", &paths[1])]));
    assert_eq!(next(&mut sources).await, read("a", Reading::Number(1)));
    assert_eq!(next(&mut sources).await, read("b", Reading::Number(1)));
    sources.watch(&files(&[("a", &paths[0]), ("b", &paths[2])]));
    assert_eq!(next(&mut sources).await, read("b", Reading::Number(1)));
    fs::write(&paths[1], "5").unwrap();
    fs::write(&paths[0], "6").unwrap();
    assert_eq!(next(&mut sources).await, read("a", Reading::Number(6)));
}

#[tokio::test]
async fn init_file_writes_where_there_is_no_file_or_over_it() {
    let folder = Folder::new();
    let cases = [
        ("new", None, false, "5\n"),
        ("there", Some("7"), false, "7"),
        ("over", Some("123456"), true, "5\n"),
    ];
    for (name, before, overwrite, after) in cases {
        let path = folder.join(name);
        if let Some(before) = before {
            fs::write(&path, before).unwrap();
        }
        let content = InitialContent {
            value: 5,
            overwrite,
        };
        content::initialise(&path, content).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), after, "{name}");
    }
    let link = folder.join("link");
    symlink(folder.join("there"), &link).unwrap();
    let content = InitialContent {
        value: 5,
        overwrite: true,
    };
    assert!(content::initialise(&link, content).is_err());
    assert_eq!(fs::read_to_string(&link).unwrap(), "7");
}

/// The kernel tells of processes in the initial namespaces; elsewhere they are counted every second. Both end alike.
#[tokio::test]
async fn processes_are_counted_while_they_run() {
    let folder = Folder::new();
    let name = format!("lb{}", std::process::id());
    let program = folder.join(&name);
    fs::copy("/bin/sleep", &program).unwrap();
    let by_name = TrackProcess::new("name", &name);
    let by_line = TrackProcess {
        parameters: vec!["600".to_owned()],
        parameter_match: ParameterMatch::Exact,
        full_command: true,
        ..TrackProcess::new("line", program.to_str().unwrap())
    };
    let first = Running::new(&program, &["600"]);
    let mut sources = Sources::new();
    sources.watch(&Watched {
        files: Vec::new(),
        processes: vec![by_name, by_line],
    });
    let mut counts = [None, None];
    let mut settle = async |expected: [u32; 2]| {
        while counts != expected.map(Some) {
            match next(&mut sources).await {
                Event::ProcessCounted { process, count } => {
                    counts[usize::from(process == "line")] = Some(count);
                }
                other => panic!("{other:?}"),
            }
        }
    };
    settle([1, 1]).await;
    let second = Running::new(&program, &["601"]);
    settle([2, 1]).await;
    drop(first);
    settle([1, 0]).await;
    drop(second);
    settle([0, 0]).await;
}

#[tokio::test]
async fn each_block_is_told_its_count_again_after_a_change() {
    let nobody = TrackProcess::new("p", "no such process");
    let mut sources = Sources::new();
    let watched = Watched {
        files: Vec::new(),
        processes: vec![nobody],
    };
    for _ in 0..2 {
        sources.watch(&watched);
        assert_eq!(next(&mut sources).await, counted("p", 0));
    }
}

#[tokio::test]
async fn scripts_run_side_by_side_and_all_their_ends_are_told() {
    let script = |line: &str, limit: u64| {
        Ok(Script {
            words: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
            identity: None,
            environment: Vec::new(),
            timeout: Duration::from_millis(limit),
        })
    };
    let mut sources = Sources::new();
    sources.run(RunId(1), script("sleep 60", 100));
    sources.run(RunId(2), script("exit 3", 20_000));
    sources.run(RunId(3), script("kill -9 $$", 20_000));
    sources.run(RunId(4), Err("there is no user x".to_owned()));
    let mut ended = Vec::new();
    for _ in 0..4 {
        if let Event::ScriptEnded { run, ending } = next(&mut sources).await {
            ended.push((run, ending));
        }
    }
    ended.sort_by_key(|(run, _)| *run);
    let expected = [
        Ending::TimedOut,
        Ending::Exited(3),
        Ending::Signalled(9),
        Ending::NotStarted("there is no user x".to_owned()),
    ];
    let expected = (1..).map(RunId).zip(expected);
    assert_eq!(ended, expected.collect::<Vec<_>>());
}
