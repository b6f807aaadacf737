//! Arguments with a grammar of their own: commands, users, pipes, lists. Each is read here and shown again.

use std::{net::IpAddr, time::Duration};

use super::{command, value};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    model::{
        GlobalDefs,
        global::{
            AdvertBuffer, Authorities, DynamicInterfaces, ExtraAnnounce, Fifo, FlushOnStop, Owner,
            SmtpAuth, SmtpServer, SyncDaemon, Timeouts,
        },
    },
    need::{Need, SecretKind},
    show,
};
use crate::tcp_keepalive::values::Idle;

/// 31 days, the longest that IPVS takes.
const LONGEST_TIMEOUT: i64 = 2_678_400;
/// keepalived takes at most so many CPUs (`CPU_SETSIZE`).
const LAST_CPU: i64 = 1023;
/// Permission bits by the names of keepalived.conf(5).
const MODES: &[(&str, u16)] = &[
    ("IRUSR", 0o400),
    ("IWUSR", 0o200),
    ("IXUSR", 0o100),
    ("IRWXU", 0o700),
    ("IRGRP", 0o040),
    ("IWGRP", 0o020),
    ("IXGRP", 0o010),
    ("IRWXG", 0o070),
    ("IROTH", 0o004),
    ("IWOTH", 0o002),
    ("IXOTH", 0o001),
    ("IRWXO", 0o007),
];

type Lines = Vec<String>;

fn name(statement: &Statement) -> &str {
    &statement.keyword.text
}

fn optional_word(statement: &Statement, default: &str, report: &mut Report) -> String {
    value::warn_of_rest(statement, 1, report);
    let first = statement.arguments.first();
    first.map_or_else(|| default.to_owned(), |word| word.text.to_string())
}

/// The bare word, or the word with its argument.
pub(in crate::config) fn show_optional(text: Option<&str>) -> Lines {
    text.map(|text| {
        if text.is_empty() {
            String::new()
        } else {
            show::text(text)
        }
    })
    .into_iter()
    .collect()
}

pub(in crate::config) fn show_list(words: Option<&[String]>) -> Lines {
    let line = |words: &[String]| {
        let words: Vec<String> = words.iter().map(|word| show::text(word)).collect();
        words.join(" ")
    };
    words.map(line).into_iter().collect()
}

pub(in crate::config) fn startup_script(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    global.scripts.startup = command::with_owner(statement, report);
}

pub(in crate::config) fn shutdown_script(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    global.scripts.shutdown = command::with_owner(statement, report);
}

pub(super) fn owner(words: &[Word]) -> Option<Owner> {
    let (user, rest) = words.split_first()?;
    Some(Owner {
        user: user.text.to_string(),
        group: rest.first().map(|group| group.text.to_string()),
    })
}

fn note_owner(words: &[Word], need: fn(Owner) -> Need, report: &mut Report) {
    if let (Some(owner), Some(word)) = (owner(words), words.first()) {
        report.needs(need(owner), word.span);
    }
}

pub(in crate::config) fn show_owner(owner: Option<&Owner>) -> Lines {
    let line = |owner: &Owner| match &owner.group {
        Some(group) => format!("{} {}", show::text(&owner.user), show::text(group)),
        None => show::text(&owner.user),
    };
    owner.map(line).into_iter().collect()
}

pub(in crate::config) fn script_user(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 2, report);
    if value::required(statement, "USER [GROUP]", report).is_some() {
        global.scripts.user = owner(&statement.arguments);
        note_owner(&statement.arguments, Need::ScriptUser, report);
    }
}

pub(in crate::config) fn fifo(into: &mut Fifo, statement: &Statement, report: &mut Report) {
    value::warn_of_rest(statement, 3, report);
    if let Some(path) = value::required(statement, "FIFO [USER [GROUP]]", report) {
        into.path = Some(path.text.to_string());
        into.owner = owner(&statement.arguments[1..]);
        note_owner(&statement.arguments[1..], Need::PipeOwner, report);
    }
}

pub(in crate::config) fn show_fifo(fifo: &Fifo) -> Lines {
    let owner = show_owner(fifo.owner.as_ref());
    let line = |path: &String| {
        let words = std::iter::once(show::text(path)).chain(owner.clone());
        words.collect::<Vec<_>>().join(" ")
    };
    fifo.path.as_ref().map(line).into_iter().collect()
}

/// Octal digits, or names joined by `|`.
pub(in crate::config) fn umask(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    let expected = "an octal number up to 777, or names such as IRGRP|IWGRP";
    let Some(word) = value::required(statement, expected, report) else {
        return;
    };
    let text: String = statement.arguments.iter().map(|word| &*word.text).collect();
    let octal = u16::from_str_radix(&text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let bit = |name: &str| MODES.iter().find(|(known, _)| *known == name.trim());
    let named = || {
        text.split('|')
            .try_fold(0, |mode, name| Some(mode | bit(name)?.1))
    };
    match octal.or_else(named) {
        Some(mode) => global.scripts.umask = Some(mode),
        None => {
            value::report_illegal(word, "umask", report).expected(expected);
        }
    }
}

pub(in crate::config) fn show_umask(umask: Option<u16>) -> Lines {
    umask
        .map(|mode| format!("{mode:03o}"))
        .into_iter()
        .collect()
}

/// A reload is always checked first, so only the words are looked at.
pub(in crate::config) fn reload_check_config(
    _: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
}

pub(in crate::config) fn reload_file(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    global.files.reload_marker = Some(optional_word(statement, "", report));
}

pub(in crate::config) fn dynamic_interfaces(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    global.network.dynamic = match statement.arguments.first() {
        None => DynamicInterfaces::Allowed,
        Some(word) if &*word.text == "allow_if_changes" => DynamicInterfaces::Changing,
        Some(word) => {
            value::report_illegal(word, name(statement), report).expected("`allow_if_changes`");
            return;
        }
    };
}

pub(in crate::config) fn max_auto_priority(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let Some(word) = statement.arguments.first() else {
        global.auto_priority.max = 99;
        return;
    };
    let given = value::number(word, name(statement), -1..=99, report);
    if let Some(max) = given.and_then(|given| given.value.try_into().ok()) {
        global.auto_priority.max = max;
    }
}

pub(in crate::config) fn cpus(into: &mut Vec<u16>, statement: &Statement, report: &mut Report) {
    if value::required(statement, "numbers of CPUs", report).is_none() {
        return;
    }
    let given = statement
        .arguments
        .iter()
        .filter_map(|word| value::number(word, name(statement), 0..=LAST_CPU, report))
        .filter_map(|given| u16::try_from(given.value).ok());
    *into = given.collect();
}

pub(in crate::config) fn show_cpus(cpus: &[u16]) -> Lines {
    let words: Vec<String> = cpus.iter().map(ToString::to_string).collect();
    (!cpus.is_empty())
        .then(|| words.join(" "))
        .into_iter()
        .collect()
}

pub(in crate::config) fn advert_buffer(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let expected = "MTU, ADVERT or a number of bytes";
    let Some(word) = value::required(statement, expected, report) else {
        return;
    };
    global.buffers.adverts = match &*word.text {
        "MTU" => AdvertBuffer::Mtu,
        "ADVERT" => AdvertBuffer::Advert,
        text => match text.parse() {
            Ok(bytes @ 1..) => AdvertBuffer::Bytes(bytes),
            _ => {
                value::report_illegal(word, name(statement), report).expected(expected);
                return;
            }
        },
    };
}

pub(in crate::config) fn show_advert_buffer(buffer: AdvertBuffer) -> Lines {
    match buffer {
        AdvertBuffer::System => Vec::new(),
        AdvertBuffer::Mtu => vec!["MTU".to_owned()],
        AdvertBuffer::Advert => vec!["ADVERT".to_owned()],
        AdvertBuffer::Bytes(bytes) => vec![bytes.to_string()],
    }
}

fn multicast(statement: &Statement, v4: bool, report: &mut Report) -> Option<IpAddr> {
    value::warn_of_rest(statement, 1, report);
    let family = if v4 { "IPv4" } else { "IPv6" };
    let expected = format!("an {family} multicast address");
    let word = value::required(statement, &expected, report)?;
    let group = word.text.parse().ok();
    let group = group.filter(|group: &IpAddr| group.is_multicast() && group.is_ipv4() == v4);
    if group.is_none() {
        value::report_illegal(word, name(statement), report).expected(expected);
    }
    group
}

pub(in crate::config) fn group4(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(group) = multicast(statement, true, report) {
        global.vrrp.group4 = group;
    }
}

pub(in crate::config) fn group6(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(group) = multicast(statement, false, report) {
        global.vrrp.group6 = group;
    }
}

pub(in crate::config) fn extra_announce(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(extra) = read_extra_announce(statement, 1, report) {
        global.vrrp.announce.extra = Some(extra);
    }
}

/// `[all] SECONDS`, of `min` to a day.
pub(in crate::config) fn read_extra_announce(
    statement: &Statement,
    min: i64,
    report: &mut Report,
) -> Option<ExtraAnnounce> {
    let all = statement
        .arguments
        .first()
        .is_some_and(|word| &*word.text == "all");
    value::warn_of_rest(statement, 1 + usize::from(all), report);
    let Some(word) = statement.arguments.get(usize::from(all)) else {
        value::report_missing(statement, "[all] SECONDS", report);
        return None;
    };
    let seconds = value::number(word, name(statement), min..=86_400, report)?;
    let interval = Duration::from_secs(seconds.value.unsigned_abs());
    Some(ExtraAnnounce { all, interval })
}

pub(in crate::config) fn show_extra_announce(extra: Option<ExtraAnnounce>) -> Lines {
    let line = |extra: ExtraAnnounce| {
        let all = if extra.all { "all " } else { "" };
        format!("{all}{}", extra.interval.as_secs())
    };
    extra.map(line).into_iter().collect()
}

pub(in crate::config) fn iptables(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 2, report);
    let chains: Lines = statement
        .arguments
        .iter()
        .map(|word| word.text.to_string())
        .collect();
    global.firewall.iptables = Some(if chains.is_empty() {
        vec!["INPUT".to_owned(), "OUTPUT".to_owned()]
    } else {
        chains
    });
}

pub(in crate::config) fn ipsets(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 6, report);
    let names = statement.arguments.iter().take(6);
    global.firewall.ipsets = names.map(|word| word.text.to_string()).collect();
}

pub(in crate::config) fn nftables(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    global.firewall.nftables = Some(optional_word(statement, "keepalived", report));
}

pub(in crate::config) fn nftables_ipvs(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    global.firewall.nftables_ipvs = Some(optional_word(statement, "keepalived_ipvs", report));
}

/// `KEYWORD VALUE` pairs after `skip` words; each keyword goes to `take`, which says whether it knows it.
fn pairs(
    statement: &Statement,
    skip: usize,
    known: &str,
    report: &mut Report,
    mut take: impl FnMut(&str, &Word, &mut Report) -> bool,
) {
    for pair in statement.arguments[skip..].chunks(2) {
        let [word, value] = pair else {
            let text = quote(&pair[0].text);
            report
                .error(Kind::Missing, pair[0].span, format!("{text} needs a value"))
                .expected(known);
            return;
        };
        if !take(&word.text, value, report) {
            value::report_illegal(word, name(statement), report).expected(known);
        }
    }
}

pub(in crate::config) fn lvs_timeouts(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    let known = "tcp, tcpfin or udp, each with seconds";
    if value::required(statement, known, report).is_none() {
        return;
    }
    let timeouts = &mut global.lvs.timeouts;
    pairs(statement, 0, known, report, |word, given, report| {
        let into = match word {
            "tcp" => &mut timeouts.tcp,
            "tcpfin" => &mut timeouts.tcpfin,
            "udp" => &mut timeouts.udp,
            _ => return false,
        };
        *into = value::number(given, word, 0..=LONGEST_TIMEOUT, report)
            .and_then(|seconds| seconds.value.try_into().ok());
        true
    });
}

pub(in crate::config) fn tcp_keepalive_time(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    let bounds = i64::from(Idle::LEAST)..=i64::from(Idle::MOST);
    let Some(word) = value::required(statement, "seconds", report) else {
        return;
    };
    value::warn_of_rest(statement, 1, report);
    let keyword = &statement.keyword.text;
    let Some(seconds) = value::number(word, keyword, bounds, report) else {
        return;
    };
    report.needs(Need::KeepaliveTime, word.span);
    global.network.tcp_keepalive.time = Idle::try_from(seconds.value).ok();
}

pub(in crate::config) fn show_lvs_timeouts(timeouts: Timeouts) -> Lines {
    let all = [
        ("tcp", timeouts.tcp),
        ("tcpfin", timeouts.tcpfin),
        ("udp", timeouts.udp),
    ];
    let given = all
        .iter()
        .filter_map(|(word, time)| Some(format!("{word} {}", (*time)?)));
    let given: Lines = given.collect();
    (!given.is_empty())
        .then(|| given.join(" "))
        .into_iter()
        .collect()
}

pub(in crate::config) fn lvs_flush_on_stop(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    global.lvs.flush_on_stop = match statement.arguments.first() {
        None => FlushOnStop::All,
        Some(word) if &*word.text == "VS" => FlushOnStop::VirtualServers,
        Some(word) => {
            value::report_illegal(word, name(statement), report).expected("`VS` or nothing");
            return;
        }
    };
}

pub(in crate::config) fn lvs_sync_daemon(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    const OPTIONS: &[&str] = &["id", "maxlen", "port", "ttl", "group"];
    let known = "id, maxlen, port, ttl or group, each with a value";
    let Some(word) = value::required(statement, "INTERFACE [INSTANCE]", report) else {
        return;
    };
    let Some(interface) = value::interface(word, report) else {
        return;
    };
    let second = statement.arguments.get(1);
    let instance = second.filter(|word| !OPTIONS.contains(&&*word.text));
    let mut daemon = SyncDaemon {
        interface: interface.value,
        instance: instance.map(|word| word.text.to_string()),
        id: None,
        maxlen: None,
        port: None,
        ttl: None,
        group: None,
    };
    let mut skip = 1 + usize::from(instance.is_some());
    if let Some(word) = statement.arguments.get(skip)
        && word.text.bytes().all(|byte| byte.is_ascii_digit())
    {
        report
            .warning(
                Kind::Deprecated,
                word.span,
                format!("{} without `id` before it is deprecated", quote(&word.text)),
            )
            .help(format!("write `id {}`", word.text));
        let id = value::number(word, "id", 0..=255, report);
        daemon.id = id.and_then(|id| id.value.try_into().ok());
        skip += 1;
    }
    pairs(statement, skip, known, report, |word, given, report| {
        let mut number =
            |min, max| value::number(given, word, min..=max, report).map(|number| number.value);
        match word {
            "id" => daemon.id = number(0, 255).and_then(|n| n.try_into().ok()),
            "maxlen" => daemon.maxlen = number(1, 65_507).and_then(|n| n.try_into().ok()),
            "port" => daemon.port = number(1, 65_535).and_then(|n| n.try_into().ok()),
            "ttl" => daemon.ttl = number(1, 255).and_then(|n| n.try_into().ok()),
            "group" => {
                daemon.group = given.text.parse().ok().filter(IpAddr::is_multicast);
                if daemon.group.is_none() {
                    value::report_illegal(given, word, report).expected("a multicast address");
                }
            }
            _ => return false,
        }
        true
    });
    report.needs(Need::SyncDaemon, word.span);
    global.lvs.sync_daemon = Some(daemon);
}

pub(in crate::config) fn show_lvs_sync_daemon(daemon: Option<&SyncDaemon>) -> Lines {
    let line = |daemon: &SyncDaemon| {
        let mut line = daemon.interface.to_string();
        let instance = daemon.instance.as_deref().map(show::text);
        let options = [
            instance,
            daemon.id.map(|id| format!("id {id}")),
            daemon.maxlen.map(|maxlen| format!("maxlen {maxlen}")),
            daemon.port.map(|port| format!("port {port}")),
            daemon.ttl.map(|ttl| format!("ttl {ttl}")),
            daemon.group.map(|group| format!("group {group}")),
        ];
        for option in options.into_iter().flatten() {
            line.push(' ');
            line.push_str(&option);
        }
        line
    };
    daemon.map(line).into_iter().collect()
}

pub(in crate::config) fn recipients(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let lines = statement.statements().iter();
    let words = lines.flat_map(|line| std::iter::once(&line.keyword).chain(&line.arguments));
    global
        .mail
        .to
        .extend(words.map(|word| word.text.to_string()));
}

pub(in crate::config) fn smtp_server(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 2, report);
    let Some(host) = value::required(statement, "HOST [PORT]", report) else {
        return;
    };
    let port = match statement.arguments.get(1) {
        None => Some(25),
        Some(word) => value::number(word, "port", 1..=65_535, report)
            .and_then(|port| port.value.try_into().ok()),
    };
    global.mail.server = port.map(|port| SmtpServer {
        host: host.text.to_string(),
        port,
    });
}

pub(in crate::config) fn show_smtp_server(server: Option<&SmtpServer>) -> Lines {
    server
        .map(|server| format!("{} {}", show::text(&server.host), server.port))
        .into_iter()
        .collect()
}

pub(in crate::config) fn smtp_starttls(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let file = statement.arguments.first();
    global.mail.starttls = Some(file.map_or(Authorities::System, |file| {
        Authorities::File(file.text.to_string())
    }));
}

pub(in crate::config) fn show_smtp_starttls(authorities: Option<&Authorities>) -> Lines {
    let file = authorities.map(|authorities| match authorities {
        Authorities::System => "",
        Authorities::File(file) => file,
    });
    show_optional(file)
}

pub(in crate::config) fn smtp_auth(
    global: &mut GlobalDefs,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 2, report);
    let [user, file, ..] = &statement.arguments[..] else {
        value::report_missing(statement, "USER FILE", report);
        return;
    };
    let path = file.text.to_string();
    let need = Need::SecretFile {
        secret: SecretKind::MailPassword,
        path: path.clone(),
    };
    report.needs(need, file.span);
    global.mail.auth = Some(SmtpAuth {
        user: user.text.to_string(),
        password_file: path,
    });
}

pub(in crate::config) fn show_smtp_auth(auth: Option<&SmtpAuth>) -> Lines {
    auth.map(|auth| {
        format!(
            "{} {}",
            show::text(&auth.user),
            show::text(&auth.password_file)
        )
    })
    .into_iter()
    .collect()
}
