use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use super::*;
use crate::io::folder::Folder;

#[test]
fn a_recording_is_its_owners_alone_and_grows_at_its_end() {
    let folder = Folder::new();
    let file = folder.join("a.jsonl");
    for (lines, before) in [("one\n", 0), ("two\n", 5)] {
        let (mut recording, length) = Recording::open(&file).unwrap();
        assert_eq!(length, before);
        recording.write(lines.into()).unwrap();
        recording.finish().unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "one\n\ntwo\n");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, PRIVATE);
}

#[test]
fn what_is_not_a_private_file_is_refused() {
    let folder = Folder::new();
    let (public, private) = (folder.join("public"), folder.join("private"));
    fs::write(&public, "").unwrap();
    fs::set_permissions(&public, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&private, "").unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    let link = folder.join("link");
    symlink(&private, &link).unwrap();
    let refused = |path: &Path| Recording::open(path).map(|_| ()).unwrap_err();
    assert!(matches!(refused(&public), Failed::NotPrivate));
    assert!(matches!(refused(&link), Failed::File(_)));
    assert!(matches!(refused(&folder), Failed::File(_)));
    assert!(matches!(refused(Path::new("/dev/null")), Failed::NoFile));
}

#[test]
fn a_disk_that_is_full_is_told() {
    let (chunks, take) = mpsc::sync_channel(1);
    chunks.send(b"line\n".to_vec()).unwrap();
    drop(chunks);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert!(write(full, &take).is_err());
}
