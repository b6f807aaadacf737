use std::{
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt, symlink},
    path::PathBuf,
    time::{Duration, Instant},
};

use nix::unistd::{getegid, geteuid};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    time::timeout,
};

use super::*;
use crate::{
    config::model::{
        Family, InterfaceName, VrrpInstance,
        global::{Owner, SmtpServer},
        vrrp::StateNotify,
    },
    io::folder::Folder,
    vrrp::output::{Happening, Party},
};

const LONG: Duration = Duration::from_secs(20);

fn program(folder: &Folder, name: &str, text: &str) -> Command {
    Command {
        words: vec![folder.program(name, &format!("#!/bin/sh\n{text}\n"))],
        owner: Some(ours()),
    }
}

fn ours() -> Owner {
    Owner {
        user: geteuid().to_string(),
        group: Some(getegid().to_string()),
    }
}

fn notice(name: &str, happening: Happening, notify: &StateNotify) -> Notice {
    Notice {
        party: Party::Instance,
        name: name.to_owned(),
        happening,
        priority: 100,
        notify: notify.clone(),
    }
}

async fn settle(notifications: &mut Notifications) {
    let deadline = tokio::time::Instant::now() + LONG;
    while !notifications.is_idle() {
        let progress = notifications.progress();
        timeout_at(deadline, progress).await.expect("it ends");
    }
}

#[tokio::test]
async fn scripts_of_an_instance_run_in_the_order_of_its_states() {
    let folder = Folder::new();
    let log = folder.path("log");
    let slow = program(
        &folder,
        "slow",
        &format!("sleep 0.2; echo slow $* >> {log}"),
    );
    let fast = program(&folder, "fast", &format!("echo fast $* >> {log}"));
    let notify = StateNotify {
        backup: Some(slow),
        any: Some(fast),
        ..StateNotify::default()
    };
    let mut notifications = Notifications::new(Role::Vrrp);
    notifications.configure(&Config::default());
    for happening in [Happening::Backup, Happening::Master] {
        notifications.tell(&notice("V", happening, &notify));
    }
    settle(&mut notifications).await;
    let told = fs::read_to_string(log).unwrap();
    let expected = "slow\nfast INSTANCE V BACKUP 100\nfast INSTANCE V MASTER 100\n";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn progress_may_be_dropped_at_any_time() {
    let folder = Folder::new();
    let log = folder.path("log");
    let notify = StateNotify {
        any: Some(program(
            &folder,
            "any",
            &format!("sleep 0.1; echo $3 >> {log}"),
        )),
        ..StateNotify::default()
    };
    let mut notifications = Notifications::new(Role::Vrrp);
    for happening in [Happening::Backup, Happening::Master] {
        notifications.tell(&notice("V", happening, &notify));
    }
    let deadline = Instant::now() + LONG;
    while !notifications.is_idle() && Instant::now() < deadline {
        let a_little = Duration::from_millis(7);
        let _dropped = timeout(a_little, notifications.progress()).await;
    }
    assert_eq!(fs::read_to_string(log).unwrap(), "BACKUP\nMASTER\n");
}

#[tokio::test]
async fn the_stop_waits_for_stop_scripts_but_not_for_those_that_hang() {
    let folder = Folder::new();
    let log = folder.path("log");
    let stop = |text: &str, name: &str| StateNotify {
        stop: Some(program(&folder, name, text)),
        ..StateNotify::default()
    };
    let mut notifications = Notifications::new(Role::Vrrp);
    let short = stop(&format!("sleep 0.2; echo done >> {log}"), "short");
    notifications.tell(&notice("V", Happening::Stop, &short));
    let hangs = stop(&format!("sleep 60; echo never >> {log}"), "hangs");
    notifications.tell(&notice("W", Happening::Stop, &hangs));
    let start = Instant::now();
    notifications.finish().await;
    let took = start.elapsed();
    assert!(took >= STOP_LIMIT && took < STOP_LIMIT * 2, "{took:?}");
    assert_eq!(fs::read_to_string(log).unwrap(), "done\n");
}

fn with_fifo(fifo: global::Fifo) -> Config {
    let mut config = Config::default();
    config.global.notify.vrrp = fifo;
    config
}

/// What waits in a FIFO.
fn read(path: &str) -> String {
    use std::{io::Read, os::unix::fs::OpenOptionsExt};
    let mut fifo = fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)
        .unwrap();
    let mut text = Vec::new();
    // There is a writer, so the end is an error.
    let _would_block = fifo.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_fifo_is_made_written_and_removed() {
    let folder = Folder::new();
    let path = folder.path("events");
    let mut notifications = Notifications::new(Role::Vrrp);
    let fifo = global::Fifo {
        path: Some(path.clone()),
        owner: Some(ours()),
        script: None,
    };
    notifications.configure(&with_fifo(fifo.clone()));
    let data = fs::metadata(&path).unwrap();
    assert!(data.file_type().is_fifo());
    assert_eq!(data.permissions().mode() & 0o777, 0o600);
    let quiet = StateNotify::default();
    notifications.tell(&notice("V 1", Happening::Master, &quiet));
    notifications.configure(&with_fifo(fifo));
    notifications.tell(&notice("V 1", Happening::Fenced, &quiet));
    assert_eq!(
        read(&path),
        "INSTANCE \"V 1\" MASTER 100\nINSTANCE \"V 1\" FENCED 100\n"
    );
    notifications.finish().await;
    assert!(!PathBuf::from(path).exists());
}

#[tokio::test]
async fn a_fifo_of_others_is_used_and_left() {
    let folder = Folder::new();
    let path = folder.path("events");
    nix::unistd::mkfifo(
        path.as_str(),
        nix::sys::stat::Mode::from_bits_truncate(0o644),
    )
    .unwrap();
    let mut notifications = Notifications::new(Role::Vrrp);
    notifications.configure(&with_fifo(global::Fifo {
        path: Some(path.clone()),
        ..global::Fifo::default()
    }));
    notifications.tell(&notice("V", Happening::Stop, &StateNotify::default()));
    assert_eq!(read(&path), "INSTANCE \"V\" STOP 100\n");
    notifications.finish().await;
    assert!(PathBuf::from(path).exists());
}

#[tokio::test]
async fn what_is_no_fifo_is_left_alone() {
    let folder = Folder::new();
    let file = folder.path("file");
    fs::write(&file, "precious").unwrap();
    let link = folder.path("link");
    symlink(&file, &link).unwrap();
    let fifo = folder.path("fifo");
    nix::unistd::mkfifo(fifo.as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let link_to_fifo = folder.path("link-to-fifo");
    symlink(&fifo, &link_to_fifo).unwrap();
    for path in [&file, &link, &link_to_fifo, &folder.path("")] {
        let opened = Fifo::open(path, None, &mut Rights::default());
        assert!(opened.is_err(), "{path}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
}

#[tokio::test]
async fn a_full_fifo_keeps_the_latest_lines_in_order() {
    let folder = Folder::new();
    let path = folder.path("events");
    let mut fifo = Fifo::open(&path, None, &mut Rights::default()).unwrap();
    let count = 20_000;
    for number in 0..count {
        fifo.write(&format!("INSTANCE \"V\" MASTER {number}\n"));
    }
    let mut lines: Vec<String> = Vec::new();
    let deadline = Instant::now() + LONG;
    let last = format!("INSTANCE \"V\" MASTER {}", count - 1);
    while lines.last() != Some(&last) && Instant::now() < deadline {
        lines.extend(read(&path).lines().map(str::to_owned));
        let _flushed = timeout(Duration::from_millis(20), fifo.flush()).await;
    }
    assert_eq!(lines.last(), Some(&last));
    let number = |line: &String| {
        let word = line.rsplit(' ').next().unwrap();
        word.parse::<u32>().unwrap()
    };
    let numbers: Vec<u32> = lines.iter().map(number).collect();
    assert!(numbers.is_sorted(), "no line is torn, none overtakes");
    assert!(numbers.len() < 20_000 && numbers.len() > 1024);
}

#[tokio::test]
async fn a_reader_gets_the_path_and_the_lines_and_ends_with_us() {
    let folder = Folder::new();
    let (path, log) = (folder.path("events"), folder.path("log"));
    let text = format!(
        "trap 'echo ended >> {log}; exit' TERM\necho \"$1 $2\" >> {log}\n\
         while :; do read -r line && echo \"$line\" >> {log}; done < \"$2\""
    );
    let mut reader = program(&folder, "reader", &text);
    reader.words.push("own".to_owned());
    let fifo = global::Fifo {
        path: Some(path.clone()),
        owner: None,
        script: Some(reader),
    };
    let mut notifications = Notifications::new(Role::Vrrp);
    notifications.configure(&with_fifo(fifo.clone()));
    // A reload leaves it alone.
    notifications.configure(&with_fifo(fifo));
    notifications.tell(&notice("V", Happening::Master, &StateNotify::default()));
    let deadline = Instant::now() + LONG;
    let read = || fs::read_to_string(&log).unwrap_or_default();
    while !read().contains("MASTER") && Instant::now() < deadline {
        let _dropped = timeout(Duration::from_millis(10), notifications.progress()).await;
    }
    notifications.finish().await;
    let expected = format!("own {path}\nINSTANCE \"V\" MASTER 100\nended\n");
    assert_eq!(read(), expected);
}

/// Takes one mail as a server does, and returns what the client said.
async fn take_mail(listener: &TcpListener) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut said = Vec::new();
    write.write_all(b"220 here\r\n").await.unwrap();
    let mut in_text = false;
    while let Ok(Some(line)) = lines.next_line().await {
        let answer: &[u8] = match (in_text, line.as_str()) {
            (true, ".") => b"250 taken\r\n",
            (true, _) => b"",
            (false, "DATA") => b"354 go on\r\n",
            (false, "QUIT") => b"221 bye\r\n",
            (false, _) => b"250 fine\r\n",
        };
        in_text = (in_text || line == "DATA") && line != ".";
        said.push(line);
        write.write_all(answer).await.unwrap();
    }
    said
}

#[tokio::test]
async fn mail_goes_to_all_recipients_with_keepaliveds_subject() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Config::default();
    config.global.router_id = "node".to_owned();
    config.global.mail.to = vec!["a@example.com".to_owned(), "ops".to_owned()];
    config.global.mail.from = Some("lb@example.com".to_owned());
    config.global.mail.helo_name = Some("helo.example.com".to_owned());
    config.global.mail.server = Some(SmtpServer {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
    });
    let mut notifications = Notifications::new(Role::Vrrp);
    notifications.configure(&config);
    let notify = StateNotify {
        mail: true,
        ..StateNotify::default()
    };
    notifications.tell(&notice("V", Happening::Master, &notify));
    assert!(!notifications.is_idle());
    let taken = timeout(LONG, async {
        let (said, ()) = tokio::join!(take_mail(&listener), settle(&mut notifications));
        said
    });
    let said = taken.await.unwrap();
    for line in [
        "EHLO helo.example.com",
        "MAIL FROM:<lb@example.com>",
        "RCPT TO:<a@example.com>",
        "From: lb@example.com",
        "Subject: [node] VRRP Instance V - Entering MASTER state",
        "=> VRRP Instance is now owning VRRP VIPs <=",
    ] {
        assert!(said.iter().any(|said| said == line), "{line}: {said:#?}");
    }
    let ops = format!("RCPT TO:<ops@{}>", host_name());
    assert!(said.contains(&ops), "{said:#?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_a_line_in_the_log() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::default();
    config.global.mail.to = vec!["a@example.com".to_owned()];
    config.global.mail.server = Some(SmtpServer {
        host: "127.0.0.1".to_owned(),
        port: free.local_addr().unwrap().port(),
    });
    drop(free);
    let mut notifications = Notifications::new(Role::Vrrp);
    notifications.configure(&config);
    let notify = StateNotify {
        mail: true,
        ..StateNotify::default()
    };
    notifications.tell(&notice("V", Happening::Backup, &notify));
    settle(&mut notifications).await;
}

#[tokio::test]
async fn scripts_that_would_not_run_are_found_at_the_start() {
    let interface = InterfaceName::try_from("eth0".to_owned()).unwrap();
    let vrid = 1.try_into().unwrap();
    let mut instance = VrrpInstance::new("V", interface, vrid, Family::V4);
    instance.notify.master = Some(Command {
        words: vec!["/nonexistent".to_owned()],
        owner: None,
    });
    let mut config = Config::default();
    config.vrrp_instances.push(instance.clone());
    let mut notifications = Notifications::new(Role::Vrrp);
    notifications.configure(&config);
    // It is said, and tried again when it is needed.
    notifications.tell(&notice("V", Happening::Master, &instance.notify));
    settle(&mut notifications).await;
}
