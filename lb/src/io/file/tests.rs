use super::*;
use crate::io::folder::Folder;

#[test]
fn a_file_is_replaced_whole_and_removed_once_or_twice() {
    let folder = Folder::new();
    let path = folder.join("kept.json");
    for content in ["one", "two"] {
        replace(&path, content).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    // Nothing can be written beside it.
    fs::create_dir(path.with_extension("new")).unwrap();
    assert!(replace(&path, "three").is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    remove(&path).unwrap();
    assert!(!path.exists());
    remove(&path).unwrap();
    assert!(remove(&path.with_extension("new")).is_err());
}
