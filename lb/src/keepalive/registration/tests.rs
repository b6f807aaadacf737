use super::{file::keys, *};

fn one(text: &str) -> Registration {
    let mut all = read("f", text).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn error(text: &str) -> String {
    read("f", text).unwrap_err().to_string()
}

const LINES: &str = r#"
# every key there is
path /usr/sbin/web
name front
args -c "/etc/a file" -x
user www-data
group adm
instances 2
probation_period 60
error_limit 3
term_wait 0.5
respawn_time 4
back_off 8
retry_after 600
group_name site
critical
favored_node a
backup_nodes b c
move_policy round_robin
run_on master VI_1
start_delay 2.5
track_file /run/web.down
restart_script /etc/keepalive.d/again now
down_script /etc/keepalive.d/down
down_codes 3 4
reject_codes 5
daemonize yes
readiness tcp 127.0.0.1:80
ready_timeout 10
watchdog 20
environment A=1
environment B=two words
working_directory /srv
limits nofile 1024
limits core 0
output none
"#;

const TOML: &str = r#"
path = "/usr/sbin/web"
name = "front"
args = ["-c", "/etc/a file", "-x"]
user = "www-data"
group = "adm"
instances = 2
probation_period = 60
error_limit = 3
term_wait = 0.5
respawn_time = 4
back_off = 8
retry_after = 600
group_name = "site"
critical = true
favored_node = "a"
backup_nodes = ["b", "c"]
move_policy = "round_robin"
run_on = "master VI_1"
start_delay = 2.5
track_file = "/run/web.down"
restart_script = "/etc/keepalive.d/again now"
down_script = ["/etc/keepalive.d/down"]
down_codes = [3, 4]
reject_codes = [5]
daemonize = true
readiness = "tcp 127.0.0.1:80"
ready_timeout = 10
watchdog = 20
working_directory = "/srv"
output = "none"
[environment]
A = "1"
B = "two words"
[limits]
nofile = 1024
core = 0
"#;

#[test]
fn both_forms_of_a_file_mean_the_same() {
    assert_eq!(one(LINES), one(TOML));
}

#[test]
fn every_key_is_in_the_file_with_all_keys_and_in_the_docs() {
    let docs = include_str!("../../../../docs/keepalive.md");
    for key in keys().filter(|key| !["nodes", "pid_file"].contains(key)) {
        assert!(LINES.lines().any(|line| line.starts_with(key)), "{key}");
    }
    for key in keys() {
        assert!(
            docs.contains(&format!("| `{key}` |")),
            "{key} is not in docs/keepalive.md"
        );
    }
}

#[test]
fn what_is_not_said_has_the_original_s_defaults() {
    let registration = one("path /bin/sleep\nargs 5");
    assert_eq!(registration.name, "sleep");
    assert_eq!(registration.probation_period, Duration::from_secs(300));
    assert_eq!(registration.error_limit, 10);
    assert_eq!(registration.term_wait, Duration::from_secs(2));
    assert_eq!(registration.instances, 1);
}

#[test]
fn a_group_file_gives_its_members_in_order() {
    let lines = read(
        "f",
        "group_name g\nprocess\npath /bin/a\ncritical\nprocess\npath /bin/b\n",
    );
    let toml = read(
        "f",
        "group_name = 'g'\n[[process]]\npath='/bin/a'\ncritical=true\n[[process]]\npath='/bin/b'\n",
    );
    assert_eq!(lines, toml);
    let members = lines.unwrap();
    let names: Vec<_> = members
        .iter()
        .map(|one| (&*one.name, one.group_name.as_deref()))
        .collect();
    assert_eq!(names, [("a", Some("g")), ("b", Some("g"))]);
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_to_do() {
    for (text, expected) in [
        (
            "path /bin/a\nerror_limt 3",
            "f:2: there is no keyword `error_limt`; did you mean `error_limit`?",
        ),
        (
            "path /bin/a\nfoo 3",
            "f:2: there is no keyword `foo`; docs/keepalive.md has them all",
        ),
        ("path /bin/a\npath /bin/b", "f:2: `path` stands twice"),
        ("path", "f:1: `path` has no value"),
        (
            "path /bin/a\ninstances x",
            "f:2: `instances x`: a whole number",
        ),
        (
            "path /bin/a\nargs \"b",
            "f:2: `args \"b`: words; a quote is not closed",
        ),
        (
            "path /bin/a\ncritical maybe",
            "f:2: `critical maybe`: `yes` or `no`",
        ),
        (
            "path bin/a",
            "f: bin/a: path `bin/a`: a program is named from the root, as /usr/sbin/NAME",
        ),
        (
            "path /bin/a\ninstances 0",
            "f: /bin/a: instances 0: from 1 to 4096",
        ),
        (
            "path /bin/a\nerror_limit 33",
            "f: /bin/a: error_limit 33: from 0 to 32",
        ),
        (
            "path = '/bin/a'\n\ninstances = 'x'",
            "f:3: invalid type: string \"x\", expected u32",
        ),
        (
            "path = '/bin/a'\nterm_wait = -1",
            "f:2: invalid value: floating point `-1.0`, expected seconds, from 0 to ten years",
        ),
        (
            "path /bin/a\nbackup_nodes b",
            "f: /bin/a: backup_nodes needs run_on: which of several nodes has the process is for a virtual router to decide",
        ),
        (
            "path /bin/a\npid_file /run/a",
            "f: /bin/a: pid_file needs daemonize: a process that stays in the foreground is known by its pid",
        ),
        (
            "process\npath /bin/a",
            "f:1: before the first `process` stands `group_name NAME`, and nothing else",
        ),
        (
            "path /bin/a\nreadiness soon",
            "f:1: `soon` is none of `none`, `notify`, `tcp ADDRESS:PORT`, `command /PROGRAM ARGUMENT…`",
        ),
        (
            "path /bin/a\nenvironment NOTIFY_SOCKET=x",
            "f: /bin/a: environment `NOTIFY_SOCKET`: a name without `=`, other than those that keepalive sets itself",
        ),
        (
            "path /bin/a\ndown_codes 3\nreject_codes 3\nrun_on master a\ntrack_file /x",
            "f: /bin/a: an exit code for down and the same one for reject exclude each other",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    let long = format!("path /bin/a\nargs {}", "x".repeat(BYTES_MAX));
    assert!(error(&long).contains("bytes of the table"));
}

#[test]
fn what_is_written_is_read_as_the_same() {
    for registration in [
        one(LINES),
        one("path /bin/a\nreadiness command /bin/b \"a b\" 'c\"d'"),
    ] {
        let text = serde_json::to_string(&registration).unwrap();
        let back: Registration = serde_json::from_str(&text).unwrap();
        assert_eq!(back, registration);
    }
}
