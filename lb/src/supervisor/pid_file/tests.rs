use super::*;
use crate::io::folder::Folder;

#[test]
fn files_are_where_keepalived_has_them() {
    let none = DaemonArguments::default();
    let process = |instance: Option<&str>, use_pid_dir| ProcessOptions {
        instance: instance.map(str::to_owned),
        use_pid_dir,
        ..ProcessOptions::default()
    };
    for (process, namespace, parent, vrrp) in [
        (
            process(None, false),
            None,
            "/run/keepalived.pid",
            "/run/vrrp.pid",
        ),
        (
            process(None, true),
            None,
            "/run/keepalived/keepalived.pid",
            "/run/keepalived/vrrp.pid",
        ),
        (
            process(Some("blue"), false),
            None,
            "/run/keepalived/keepalived_blue.pid",
            "/run/keepalived/vrrp_blue.pid",
        ),
        (
            process(Some("blue"), false),
            Some("ns"),
            "/run/keepalived/ns/keepalived_blue.pid",
            "/run/keepalived/ns/vrrp_blue.pid",
        ),
        (
            process(None, false),
            Some("ns"),
            "/run/keepalived/ns/keepalived.pid",
            "/run/keepalived/ns/vrrp.pid",
        ),
    ] {
        let paths = PidPaths::of(&none, &process, namespace);
        assert_eq!(paths.parent, Path::new(parent));
        assert_eq!(paths.child(Role::Vrrp), Path::new(vrrp));
    }
    let given = DaemonArguments {
        checkers_pid: Some("/srv/c.pid".into()),
        ..none
    };
    let paths = PidPaths::of(&given, &process(Some("blue"), false), None);
    assert_eq!(paths.child(Role::Checkers), Path::new("/srv/c.pid"));
    assert_eq!(
        paths.child(Role::Bfd),
        Path::new("/run/keepalived/bfd_blue.pid")
    );
}

#[test]
fn a_file_belongs_to_one_process_and_goes_with_it() {
    let folder = Folder::new();
    let path = folder.join("a.pid");
    // What a dead process left.
    fs::write(&path, "4194304 and more").unwrap();
    let first = PidFile::take(&path).unwrap();
    let own = format!("{}\n", std::process::id());
    assert_eq!(fs::read_to_string(&path).unwrap(), own);
    let refused = PidFile::take(&path).unwrap_err().to_string();
    assert!(refused.contains("already running with pid"), "{refused}");
    assert!(holder(&path).unwrap().is_some());
    drop(first);
    assert!(!path.exists());
    assert!(holder(&path).unwrap().is_none());
    drop(PidFile::take(&path).unwrap());
}

#[test]
fn a_file_that_somebody_replaced_is_left_alone() {
    let folder = Folder::new();
    let path = folder.join("a.pid");
    let first = PidFile::take(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let second = PidFile::take(&path).unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

#[test]
fn a_link_is_not_followed() {
    let folder = Folder::new();
    let (path, target) = (folder.join("a.pid"), folder.join("precious"));
    fs::write(&target, "all of it").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    PidFile::take(&path).unwrap_err();
    assert_eq!(fs::read_to_string(&target).unwrap(), "all of it");
}
