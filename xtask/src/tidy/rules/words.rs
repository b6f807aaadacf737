//! Rules about words that stand where they may not.

use super::{super::source, Breach, Source};

/// The folders and files of `lb/src` without input and output.
const CORE: [&str; 11] = [
    "bfd",
    "checker",
    "config",
    "keepalive",
    "mirror",
    "notify",
    "outputs",
    "pool",
    "tcp_keepalive",
    "track",
    "vrrp",
];

/// Words that bring input, output, time or a random order, each with what core does instead.
const IMPURE: [(&str, &str); 17] = [
    ("tokio", "runtime drives core"),
    ("aya", "io::xdp applies what core puts out"),
    ("rtnetlink", "io::netlink applies what core puts out"),
    (
        "netlink_packet_core",
        "io::netlink applies what core puts out",
    ),
    ("nix", "io calls the system"),
    ("socket2", "io owns the sockets"),
    ("libc", "io calls the system"),
    ("fs", "io reads files; core takes their text"),
    ("env", "core takes values, not the environment"),
    ("process", "io starts processes"),
    ("thread", "core is one state machine, its timers are values"),
    ("TcpStream", "io owns the sockets"),
    ("TcpListener", "io owns the sockets"),
    ("UdpSocket", "io owns the sockets"),
    ("SystemTime", "core takes `now` as an argument"),
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
];

const VERDICTS: [&str; 6] = [
    "xdp_action",
    "XDP_ABORTED",
    "XDP_DROP",
    "XDP_PASS",
    "XDP_REDIRECT",
    "XDP_TX",
];

const VERDICT_FILE: &str = "lb-ebpf/src/verdict.rs";

const MAP_FILE: &str = "lb-common/src/maps.rs";

/// Who could be tempted to spell a map's name.
const MAP_USERS: [&str; 4] = [
    "lb-ebpf/",
    "lb/src/io/xdp",
    "lb/src/mirror",
    "lb/src/supervisor",
];

fn breaches<'a>(
    source: &'a Source,
    offsets: impl Iterator<Item = usize> + 'a,
    message: &'a str,
) -> impl Iterator<Item = Breach> + 'a {
    offsets.map(move |at| Breach {
        line: source.line(at),
        message: message.to_owned(),
    })
}

/// A daemon that holds addresses does not die of a surprise.
pub(super) fn no_unwrap(source: &Source, _: &[Source]) -> Vec<Breach> {
    let found = source.code.match_indices(".unwrap()").map(|(at, _)| at);
    let found = found.filter(|&at| !source.is_test_at(at));
    breaches(
        source,
        found,
        "say why it cannot fail with `expect`, or return the error",
    )
    .collect()
}

/// A test that does not run proves nothing and looks as if it did.
pub(super) fn no_ignored_tests(source: &Source, _: &[Source]) -> Vec<Breach> {
    let found = source.code.match_indices("#[ignore").map(|(at, _)| at);
    breaches(
        source,
        found,
        "a test runs or goes; its tier says what it needs",
    )
    .collect()
}

/// What is left to do has a reason or is done now.
pub(super) fn no_bare_todo(source: &Source, _: &[Source]) -> Vec<Breach> {
    let word = concat!("TO", "DO");
    let comments = source::words(&source.comments, word)
        .filter(|&at| !has_reason(&source.comments[at + word.len()..]));
    let macros = source.words("todo").filter(|&at| {
        let call = source.text[at + 4..].strip_prefix('!');
        call.is_some_and(|call| !has_reason(call))
    });
    breaches(
        source,
        comments.chain(macros),
        "give the reason in parentheses, or do it",
    )
    .collect()
}

/// Tells whether `text` goes on with something in parentheses.
fn has_reason(text: &str) -> bool {
    let inside = text.strip_prefix('(').and_then(|text| text.split_once(')'));
    inside.is_some_and(|(reason, _)| !reason.trim().is_empty())
}

/// The tree works in any folder of any machine.
pub(super) fn no_machine_paths(source: &Source, _: &[Source]) -> Vec<Breach> {
    let folders = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/fa", "rm/"),
    ];
    let found = folders
        .iter()
        .flat_map(|folder| source.text.match_indices(folder));
    let found = found.map(|(at, _)| at).filter(|&at| {
        // `src/work/` is a folder of the tree, `https://host/work/` one of a site.
        at == 0 || !source.text.as_bytes()[at - 1].is_ascii_alphanumeric()
    });
    breaches(
        source,
        found,
        "a path of one machine: derive it or take it as an argument",
    )
    .collect()
}

/// Core takes values and returns values, so that a simulation runs the real code.
pub(super) fn core_is_pure(source: &Source, _: &[Source]) -> Vec<Breach> {
    if !is_core(source) {
        return Vec::new();
    }
    let found = IMPURE.iter().flat_map(|(word, instead)| {
        let places = source.words(word).filter(|&at| {
            !source.is_test_at(at) && (is_type(word) || is_path(&source.code, at, word))
        });
        places.map(move |at| Breach {
            line: source.line(at),
            message: format!("`{word}` in core: {instead}"),
        })
    });
    found.collect()
}

fn is_core(source: &Source) -> bool {
    let below = source.path.strip_prefix("lb/src/").unwrap_or_default();
    below
        .split(['/', '.'])
        .next()
        .is_some_and(|room| CORE.contains(&room))
}

fn is_type(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Tells whether the word at `at` is a crate or a module of `std`, not a field or a variable.
fn is_path(code: &str, at: usize, word: &str) -> bool {
    let (before, after) = (code[..at].trim_end(), code[at + word.len()..].trim_start());
    let statement = before
        .rsplit([';', '}'])
        .next()
        .unwrap_or_default()
        .trim_start();
    let imported = statement.starts_with("use std::") || statement.starts_with("pub use std::");
    let is_crate = !["fs", "env", "process", "thread"].contains(&word);
    let named = before.ends_with("std::") || (is_crate && before.ends_with("use"));
    named || (imported && !before.ends_with("::")) || (is_crate && is_root(before, after))
}

/// Tells whether a path starts here: `word::…` with nothing before it.
fn is_root(before: &str, after: &str) -> bool {
    after.starts_with("::") && !before.ends_with("::")
}

/// Start is a reload from nothing: a mode would make two ways to the same state.
pub(super) fn no_reload_flag(source: &Source, _: &[Source]) -> Vec<Breach> {
    if !is_core(source) {
        return Vec::new();
    }
    let found = source
        .code
        .match_indices(": bool")
        .map(|(at, _)| at)
        .filter(|&at| {
            let name = source.code[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            name.take(1).any(|name| name.contains("reload")) && !source.is_test_at(at)
        });
    breaches(
        source,
        found,
        "start, reload and stop are one diff without a mode",
    )
    .collect()
}

/// Whoever asks why a packet was dropped reads one file.
pub(super) fn verdicts_in_one_file(source: &Source, _: &[Source]) -> Vec<Breach> {
    let kernel_side = ["lb-ebpf/", "lb-common/", "lb/src/"];
    if source.path == VERDICT_FILE || !kernel_side.iter().any(|p| source.path.starts_with(p)) {
        return Vec::new();
    }
    let xdp = VERDICTS.iter().flat_map(|word| source.words(word));
    let tc = source.code.match_indices("TC_ACT_").map(|(at, _)| at);
    let found = xdp.chain(tc).filter(|&at| !source.is_test_at(at));
    let message = format!("return an outcome; {VERDICT_FILE} turns it into a verdict");
    breaches(source, found, &message).collect()
}

/// A map's name is an interface: programs, daemon and `bpftool` must agree on it.
pub(super) fn map_names_in_one_file(source: &Source, tree: &[Source]) -> Vec<Breach> {
    if source.is_test() || !MAP_USERS.iter().any(|user| source.path.starts_with(user)) {
        return Vec::new();
    }
    let names = tree.iter().filter(|source| source.path == MAP_FILE);
    let names: Vec<&str> = names
        .flat_map(|source| &source.strings)
        .map(|(_, name)| name.as_str())
        .collect();
    let found = source
        .strings
        .iter()
        .filter(|(at, text)| names.contains(&text.as_str()) && !source.is_test_at(*at));
    let message = format!("take the map's name from {MAP_FILE}");
    breaches(source, found.map(|(at, _)| *at), &message).collect()
}
