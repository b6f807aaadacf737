use std::path::Path;

use super::{Rustc, apt};

#[test]
fn the_compiler_describes_itself() {
    let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e\n\
                host: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
    let rustc = Rustc::parse(text, Path::new("/sysroot")).unwrap();
    assert_eq!(
        (rustc.release.as_str(), rustc.commit.as_str(), rustc.llvm),
        ("1.95.0", "59807616e", 22)
    );
    assert_eq!(Rustc::parse("rustc 1.95.0", Path::new("/sysroot")), None);
}

#[test]
fn the_mirror_is_the_one_of_the_main_archive_in_either_format() {
    let one_line = "# comment\n\
                    deb-src http://mirror.example/debian bookworm main\n\
                    deb http://security.example/debian-security bookworm-security main\n\
                    deb [arch=amd64 signed-by=/k.gpg] https://other.example/linux bookworm stable\n\
                    deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n";
    let stanzas = "Types: deb\nURIs: http://mirror.example/debian\n\
                   Suites: bookworm bookworm-updates\nComponents: main\n\n\
                   Types: deb\nURIs: http://security.example/debian-security\n\
                   Suites: bookworm-security\nComponents: main\n\n\
                   Types: deb-src\nURIs: http://source.example/debian\nSuites: bookworm\n\
                   Components: main\n";
    for sources in [one_line, stanzas] {
        let mirrors = apt::mirrors(sources, Some("bookworm"));
        assert_eq!(mirrors, ["http://mirror.example/debian"], "{sources}");
    }
    assert_eq!(apt::mirrors(one_line, None), Vec::<String>::new());
}

#[test]
fn only_a_package_of_the_very_version_is_picked() {
    let madison = " rust-src | 1.96.1+dfsg1-2~bpo13+1 | http://mirror.example trixie-backports/main\n \
                   rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://mirror.example trixie-backports/main\n";
    assert_eq!(
        apt::pick(madison, "1.95.0").as_deref(),
        Some("1.95.0+dfsg1-2~bpo13+1")
    );
    assert_eq!(apt::pick(madison, "1.95"), None);
    assert_eq!(apt::pick("", "1.95.0"), None);
}

#[test]
fn the_release_has_a_name() {
    let text = "ID=debian\nVERSION_CODENAME=bookworm\n";
    assert_eq!(apt::codename(text).as_deref(), Some("bookworm"));
    assert_eq!(apt::codename("ID=other\n"), None);
}
