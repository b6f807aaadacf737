use std::os::unix::{fs::PermissionsExt as _, net::UnixDatagram};

use super::*;
use crate::{cli::Role, io::folder::Folder};

fn line(text: &str) -> Line<'static> {
    Line {
        level: Level::WARN,
        ident: "Keepalived_vrrp",
        text: text.to_owned(),
        fields: vec![
            ("instance", "VI_1".to_owned()),
            ("state", "FAULT".to_owned()),
        ],
    }
}

/// A log that goes to a file, and what is in that.
fn logged(work: impl FnOnce(&dyn Fn(u64))) -> String {
    let folder = Folder::new();
    let path = folder.join("log");
    let log = Log::new(Logging {
        console: false,
        syslog: false,
        facility: Facility::Daemon,
        file: Some(path.clone()),
        format: Format::Text,
        detail: 0,
        debug: Vec::new(),
        ident: "Keepalived".to_owned(),
    });
    struct Clocked(Log, std::sync::Arc<Mutex<Instant>>);
    impl<S: Subscriber> Layer<S> for Clocked {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let now = *self.1.lock().unwrap();
            self.0.take(event, now);
        }
    }
    let start = Instant::now();
    let clock = std::sync::Arc::new(Mutex::new(start));
    let subscriber =
        tracing_subscriber::registry().with(Clocked(log, std::sync::Arc::clone(&clock)));
    tracing::subscriber::with_default(subscriber, || {
        work(&|seconds| *clock.lock().unwrap() = start + Duration::from_secs(seconds));
    });
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_kind_of_line_that_comes_too_often_is_counted() {
    let log = logged(|set_clock| {
        let say = |instance: &str| tracing::warn!(instance, "({instance}) flaps");
        for _ in 0..=LINES + 4 {
            say("a");
        }
        say("b");
        set_clock(9);
        say("a");
        set_clock(10);
        say("b");
    });
    let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(count("(a) flaps"), usize::try_from(LINES).unwrap());
    assert_eq!(count("(b) flaps"), 2);
    assert_eq!(count("more lines like this are left out"), 1);
    assert_eq!(
        count("6 lines of one kind about a were left out of the log"),
        1
    );
}

#[test]
fn what_was_asked_for_is_said_whole() {
    let log = logged(|_| {
        for _ in 0..1000 {
            tracing::info!(target: "lb::config", "a line of it");
            tracing::debug!("a line for programmers");
        }
    });
    assert_eq!(log.lines().count(), 2000);
}

#[test]
fn a_line_of_json_has_what_it_is_about() {
    for text in [
        Format::Json.file(&line("a \"b\"")),
        Format::Json.console(&line("a \"b\"")),
    ] {
        let mut object: serde_json::Value = serde_json::from_str(&text).unwrap();
        let time = object["time"].take();
        let time = time.as_str().unwrap();
        assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
        assert_eq!(
            object,
            serde_json::json!({
                "time": null, "level": "warn", "process": "Keepalived_vrrp", "pid": std::process::id(),
                "text": "a \"b\"", "instance": "VI_1", "state": "FAULT",
            })
        );
    }
}

#[test]
fn the_journal_gets_fields() {
    let folder = Folder::new();
    let path = folder.join("socket");
    let mut journal = Journal::at(&path, Facility::Local(3));
    assert!(!journal.send(&line("before there is one")));
    let socket = UnixDatagram::bind(&path).unwrap();
    assert!(journal.send(&line("one\ntwo")));
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).unwrap();
    let mut expected = b"MESSAGE\n\x07\0\0\0\0\0\0\0one\ntwo\n".to_vec();
    let rest = format!(
        "PRIORITY=4\nSYSLOG_IDENTIFIER=Keepalived_vrrp\nSYSLOG_FACILITY=19\nSYSLOG_PID={}\nLB_INSTANCE=VI_1\nLB_STATE=FAULT\n",
        std::process::id()
    );
    expected.extend_from_slice(rest.as_bytes());
    assert_eq!(bytes[..length], expected);
    // A journal that does not read costs lines, no time.
    for _ in 0..10_000 {
        assert!(journal.send(&line("again")));
    }
}

#[test]
fn a_file_that_is_moved_away_is_made_again() {
    let folder = Folder::new();
    let (path, moved) = (folder.join("log"), folder.join("log.1"));
    let mut file = LogFile::new(path.clone());
    file.write("one");
    std::fs::rename(&path, &moved).unwrap();
    file.write("two");
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), "one\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_link_in_place_of_a_log_file_is_not_followed() {
    let folder = Folder::new();
    let (path, target) = (folder.join("log"), folder.join("precious"));
    std::fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let mut file = LogFile::new(path);
    file.write("one");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "");
}

#[test]
fn names_are_keepalived_s() {
    let (ns, instance) = (Some("blue"), Some("one"));
    for (role, name) in [
        (None, ""),
        (Some(Role::Vrrp), "_vrrp"),
        (Some(Role::Checkers), "_healthcheckers"),
        (Some(Role::Bfd), "_bfd"),
    ] {
        assert_eq!(ident(role, None, None), format!("Keepalived{name}"));
        assert_eq!(
            ident(role, ns, instance),
            format!("Keepalived{name}_blue_one")
        );
        let file = |path: &str| file_of(path.as_ref(), role, ns, instance);
        assert_eq!(
            file("/var/log.d/k.log"),
            std::path::Path::new(&format!("/var/log.d/k{name}_blue_one.log"))
        );
        assert_eq!(
            file("/var/log.d/k"),
            std::path::Path::new(&format!("/var/log.d/k{name}_blue_one"))
        );
    }
}

#[test]
fn facilities_are_those_keepalived_knows() {
    for (word, code) in [
        ("0", 16),
        ("7", 23),
        ("local5", 21),
        ("user", 1),
        ("daemon", 3),
    ] {
        assert_eq!(word.parse::<Facility>().unwrap().code(), code, "{word}");
    }
    for word in ["", "8", "local8", "local", "mail", "-1", "LOCAL1"] {
        let error = word.parse::<Facility>().unwrap_err().to_string();
        assert!(error.contains("is no log facility"), "{error}");
    }
}
