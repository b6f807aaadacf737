use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::publish;
use crate::io::folder::Folder;

#[test]
fn a_file_is_new_whole_and_only_for_its_owner() {
    let folder = Folder::new();
    let path = folder.join("keepalived.stats");
    for content in ["first and longer", "second"] {
        publish(&path, content).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(fs::read_dir(&*folder).unwrap().count(), 1);
}

#[test]
fn a_link_a_directory_and_a_missing_directory_are_refused_and_left_alone() {
    let folder = Folder::new();
    let victim = folder.join("victim");
    fs::write(&victim, "keep me").unwrap();
    let (link, dangling) = (folder.join("link"), folder.join("dangling"));
    symlink(&victim, &link).unwrap();
    symlink(folder.join("nothing"), &dangling).unwrap();
    for path in [&link, &dangling, &folder.to_path_buf()] {
        let error = publish(path, "x").unwrap_err().to_string();
        assert_eq!(error, "something that is no file is there; remove it");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "keep me");
    assert!(!folder.join("nothing").exists());
    publish(&folder.join("missing").join("file"), "x").unwrap_err();
    assert_eq!(fs::read_dir(&*folder).unwrap().count(), 3);
}

#[test]
fn a_disk_without_room_leaves_what_was_there() {
    // Every write to this device fails with ENOSPC, and none of its siblings is left behind.
    let error = super::fill(
        fs::File::options().write(true).open("/dev/full").unwrap(),
        "x",
    );
    assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
}
