use super::*;

/// One entry below a root of root's own.
struct One(Entry);

impl Files for One {
    fn entry(&self, path: &Path) -> Result<Entry, LoadError> {
        Ok(if path == Path::new("/") {
            entry(EntryKind::Directory, (0, 0, 0o755))
        } else {
            self.0.clone()
        })
    }

    fn working_directory(&self) -> PathBuf {
        "/".into()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn entry(kind: EntryKind, (uid, gid, mode): (u32, u32, u32)) -> Entry {
    Entry {
        kind,
        mode,
        uid,
        gid,
        size: 0,
    }
}

#[test]
fn only_what_root_alone_can_change_is_safe() {
    // Owner, group, mode; whether it is safe.
    let cases = [
        (EntryKind::File, (0, 0, 0o755), true),
        (EntryKind::File, (0, 0, 0o775), true),
        (EntryKind::File, (0, 50, 0o775), false),
        (EntryKind::File, (0, 50, 0o755), true),
        (EntryKind::File, (0, 0, 0o757), false),
        (EntryKind::File, (0, 0, 0o1777), false),
        (EntryKind::File, (1000, 0, 0o700), false),
        (EntryKind::Directory, (0, 0, 0o1777), true),
        (EntryKind::Directory, (0, 50, 0o1775), true),
        (EntryKind::Directory, (0, 0, 0o777), false),
        (EntryKind::Directory, (1000, 0, 0o1755), false),
    ];
    for (kind, of, expected) in cases {
        let files = One(entry(kind.clone(), of));
        let found = resolve(Path::new("/x"), &files).unwrap();
        let weakness = weakness(&found, false, &files);
        assert_eq!(
            weakness.is_none(),
            expected,
            "{kind:?} {of:?}: {weakness:?}"
        );
    }
}
