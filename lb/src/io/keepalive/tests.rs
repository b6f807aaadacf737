use std::{
    fs,
    io::Read as _,
    os::unix::net::UnixListener,
    process::{Command, Stdio},
};

use super::{
    cgroup::Cgroups,
    output::journal_at,
    search::Marked,
    table::{Table, read, set_aside},
    *,
};
use crate::{
    io::folder::Folder,
    keepalive::{
        record::{Record, SlotNumber},
        registration,
    },
};

fn places(folder: &Folder) -> Places {
    Places {
        run: folder.join("run"),
        logs: folder.join("logs"),
        scripts: folder.join("scripts"),
    }
}

fn record(sequence: u64) -> Record {
    let mut all = registration::read("f", "path /bin/sleep").unwrap();
    Record::new(all.remove(0), sequence, 1)
}

#[test]
fn a_table_is_read_as_it_was_written_while_it_is_open_and_after() {
    let folder = Folder::new();
    let path = folder.join("table");
    assert!(Table::open(&path).unwrap_err().is_absent());
    let mut table = Table::create(&path, 3, std::iter::empty()).unwrap();
    for sequence in 1..=5 {
        table.write(SlotNumber(1), Some(&record(sequence)));
        let found = read(&path).unwrap().remove(1);
        assert_eq!(
            (found.sequence, found.record),
            (sequence, Some(record(sequence)))
        );
    }
    // Nobody's slot.
    table.write(SlotNumber(3), Some(&record(9)));
    let kept = record(5);
    table
        .resize(9, [(SlotNumber(1), &kept)].into_iter())
        .unwrap();
    assert_eq!(table.slots(), 9);
    drop(table);
    let (mut table, entries) = Table::open(&path).unwrap();
    assert_eq!(entries.len(), 9);
    assert_eq!(entries[1].record, Some(kept));
    table.write(SlotNumber(1), None);
    assert!(
        read(&path)
            .unwrap()
            .iter()
            .all(|entry| entry.record.is_none())
    );
    let aside = set_aside(&path).unwrap();
    assert!(aside.ends_with("table.bad.1") && !path.exists());
    table.write(SlotNumber(0), Some(&record(1)));
}

#[test]
fn output_gets_its_name_late_and_goes_when_nobody_writes_it() {
    let folder = Folder::new();
    let places = places(&folder);
    let own = std::process::id();
    let names = || {
        let entries = fs::read_dir(&places.logs).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    for pid in [own, 99_999_999] {
        let (_file, unnamed) = places.output("a.b", "1.1").unwrap();
        assert!(names().contains(&".a.b.1.1".to_owned()));
        places.name_output(&unnamed, pid).unwrap();
    }
    drop(places.output("a.b", "2.1").unwrap());
    fs::write(places.logs.join("README"), "").unwrap();
    places.remove_unused_output();
    assert_eq!(names(), ["README".to_owned(), format!("a.b.{own}")]);
    places.remove_output("a.b", own);
    assert_eq!(names(), ["README"]);
}

#[test]
fn journald_is_told_whose_output_it_is() {
    let folder = Folder::new();
    let path = folder.join("stdout");
    let listener = UnixListener::bind(&path).unwrap();
    drop(journal_at(&path, "web").unwrap());
    let mut said = String::new();
    listener
        .accept()
        .unwrap()
        .0
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "web\n\n6\n1\n0\n0\n0\n");
}

#[tokio::test]
async fn without_control_groups_processes_are_found_by_their_environment() {
    let folder = Folder::new();
    let id = places(&folder).id_of("1.1");
    let line = "sleep 60 & exec sleep 61";
    let mut shell = Command::new("/bin/sh")
        .args(["-c", line])
        .env("KEEPALIVE_ID", &id)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let marked = Marked { leaf: None, id };
    let main = marked.clone().main(None).await.unwrap();
    assert_eq!(main.pid, shell.id());
    assert!(marked.has(main.pid) && !marked.has(std::process::id()));
    marked.kill();
    shell.wait().unwrap();
    let other = Marked {
        leaf: None,
        id: "other/1.1".to_owned(),
    };
    assert!(!other.has(main.pid));
}

#[test]
fn only_leaves_without_processes_are_removed() {
    // Where there is no cgroup v2 that we may write, the daemon goes without.
    let tag = format!("test-{}", std::process::id());
    let Ok(cgroups) = Cgroups::open(&tag) else {
        return;
    };
    let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
    let mut entry = cgroups.enter(7).unwrap();
    std::io::Write::write_all(&mut entry, child.id().to_string().as_bytes()).unwrap();
    assert_eq!(cgroups.members(7), [child.id()]);
    assert!(!cgroups.remove(7));
    cgroups.kill(7);
    child.wait().unwrap();
    assert!(cgroups.remove(7) && cgroups.remove(8));
    cgroups.close();
}
