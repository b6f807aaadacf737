use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use super::*;
use crate::{
    config::model::vrrp::{AntiReplay, HmacKey, HmacMode},
    io::folder::Folder,
};

fn hmac(path: &str) -> Hmac {
    Hmac {
        keys: vec![HmacKey {
            id: 7,
            source: KeySource::File(path.to_owned()),
        }],
        active_key: 7,
        time_window: std::time::Duration::from_secs(5),
        anti_replay: AntiReplay::Time,
        mode: HmacMode::Enforce,
    }
}

#[test]
fn a_key_file_is_private_and_holds_one_key_on_a_line() {
    let text = "0123456789abcdef0123456789abcdef";
    let digits = format!("hex:{}\nnotes\n", "5a".repeat(64));
    let rows = [
        (text, 0o600, "ok"),
        (&format!("{text}\n"), 0o400, "ok"),
        (&digits, 0o600, "ok"),
        (text, 0o640, "chmod 600"),
        (text, 0o604, "chmod 600"),
        ("short\n", 0o600, "32 to 64 bytes, not 5"),
        ("", 0o600, "32 to 64 bytes, not 0"),
        ("hex:zz\n", 0o600, "hexadecimal"),
    ];
    let folder = Folder::new();
    for (index, (content, mode, wanted)) in rows.into_iter().enumerate() {
        let path = folder.join(index.to_string());
        let mut file = fs::OpenOptions::new();
        let mut file = file
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let (keys, errors) = load(&hmac(&path.to_string_lossy()));
        let said = errors
            .first()
            .map_or_else(|| "ok".to_owned(), |(_, error)| error.to_string());
        assert!(said.contains(wanted), "{content:?}: {said}");
        assert_eq!(keys.contains_key(&7), wanted == "ok", "{content:?}");
        assert!(!said.contains("0123"), "{said}");
    }
    let (_, errors) = load(&hmac("/nowhere/key"));
    assert!(matches!(
        errors[..],
        [(7, Error::File(secret::Error::Unreadable { .. }))]
    ));
}
