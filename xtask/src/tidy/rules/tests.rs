use super::{RULES, Source};

/// Returns the lines at which the rule `name` finds a breach in a file `text` at `path`.
fn lines(name: &str, path: &str, text: &str) -> Vec<usize> {
    let (_, rule) = RULES.iter().find(|(rule, _)| *rule == name).unwrap();
    let maps = Source::new(
        "lb-common/src/maps.rs",
        "SERVICES: \"services\", 4096, Checker;",
    );
    let tree = [maps, Source::new(path, text)];
    let mut lines: Vec<usize> = rule(&tree[1], &tree)
        .iter()
        .map(|breach| breach.line)
        .collect();
    lines.sort_unstable();
    lines
}

/// Asserts for each case (rule, path, text) the lines with a breach.
fn check(cases: &[(&str, &str, &str, &[usize])]) {
    for (rule, path, text, expected) in cases {
        assert_eq!(
            lines(rule, path, text),
            *expected,
            "{rule} in {path}:\n{text}"
        );
    }
}

#[test]
fn long_files_and_functions_are_found_outside_tests() {
    let file = "// line\n".repeat(701);
    let body = "    step();\n".repeat(79);
    let function = format!("trait T {{ fn ok(); }}\nfn long<T>(f: fn(u8) -> u8) {{\n{body}}}\n");
    let test = format!("#[cfg(test)]\nmod tests {{\n{function}}}\n");
    check(&[
        ("file-length", "lb/src/a.rs", &file, &[701]),
        ("file-length", "lb/src/a.rs", &file[..file.len() - 8], &[]),
        ("file-length", "lb/src/a/tests.rs", &file, &[]),
        ("file-length", "README.md", &file, &[]),
        ("function-length", "lb/src/a.rs", &function, &[2]),
        (
            "function-length",
            "lb/src/a.rs",
            &function.replacen("    step();\n", "", 1),
            &[],
        ),
        ("function-length", "lb/src/a.rs", &test, &[]),
        ("function-length", "tests/tests/sim.rs", &function, &[]),
    ]);
}

#[test]
fn files_have_telling_names() {
    check(&[
        ("no-mod-rs", "lb/src/vrrp/mod.rs", "", &[1]),
        ("no-mod-rs", "lb/src/vrrp.rs", "", &[]),
        ("telling-file-names", "lb/src/vrrp/utils.rs", "", &[1]),
        ("telling-file-names", "lb/src/helpers/parse.rs", "", &[1]),
        ("telling-file-names", "lb-common/src/maps.rs", "", &[]),
    ]);
}

#[test]
fn words_in_strings_and_comments_are_not_code() {
    let text = "// x.unwrap()\nlet a = \"x.unwrap()\";\n/* /* */ x.unwrap() */\n\
                let b = r#\"\".unwrap()\"#;\nlet c = ('\"', b'\\'', \"\\\"\");\nx.unwrap();\n";
    check(&[
        ("no-unwrap", "lb/src/a.rs", text, &[6]),
        ("no-unwrap", "lb/src/a/tests.rs", text, &[]),
        (
            "no-unwrap",
            "lb/src/a.rs",
            "fn f<'a>(x: &'a u8) {\n x.unwrap() }",
            &[2],
        ),
        (
            "no-unwrap",
            "lb/src/a.rs",
            "#[cfg(test)]\nmod tests {\n x.unwrap() }",
            &[],
        ),
        (
            "no-unwrap",
            "lb/src/a.rs",
            "#[cfg(test)]\nmod tests;\nfn f() {\n x.unwrap() }",
            &[4],
        ),
    ]);
}

#[test]
fn nothing_is_left_out_silently() {
    let comment = concat!("// TO", "DO: later\n// TO", "DO(after 6.6): later\n");
    check(&[
        (
            "no-ignored-tests",
            "tests/tests/sim.rs",
            "#[test]\n#[ignore = \"slow\"]\n",
            &[2],
        ),
        ("no-bare-todo", "lb/src/a.rs", comment, &[1]),
        (
            "no-bare-todo",
            "lb/src/a.rs",
            "todo!();\ntodo!(\"why\");\nlet todo = 1;",
            &[1],
        ),
        (
            "no-machine-paths",
            "README.md",
            concat!("cd /wo", "rk/x\n./src/wo", "rk/x\n"),
            &[1],
        ),
    ]);
}

#[test]
fn core_has_no_input_and_output() {
    let impure = "use std::{env, fs, net::IpAddr};\nuse tokio::time;\nlet t = libc::time(0);\n\
                  std::fs::read(p);\nlet map = HashMap::new();\nstd::net::UdpSocket::bind(a);\n";
    let pure = "use std::{\n    collections::BTreeMap,\n    net::IpAddr,\n};\nlet process = 1;\n\
                self.env.get();\nlet thread = self.process(env);\ncrate::process::name();\n";
    check(&[
        (
            "core-is-pure",
            "lb/src/vrrp/instance.rs",
            impure,
            &[1, 1, 2, 3, 4, 5, 6],
        ),
        (
            "core-is-pure",
            "lb/src/vrrp.rs",
            impure,
            &[1, 1, 2, 3, 4, 5, 6],
        ),
        ("core-is-pure", "lb/src/vrrp/tests.rs", impure, &[]),
        ("core-is-pure", "lb/src/io/socket.rs", impure, &[]),
        ("core-is-pure", "lb/src/pool.rs", pure, &[]),
        (
            "no-reload-flag",
            "lb/src/pool.rs",
            "struct P {\n    is_reload: bool,\n}",
            &[2],
        ),
        (
            "no-reload-flag",
            "lb/src/pool.rs",
            "fn reload() {}\nlet up: bool = true;",
            &[],
        ),
    ]);
}

#[test]
fn verdicts_and_map_names_have_one_home() {
    let verdict = "use aya_ebpf::bindings::xdp_action;\nlet a = XDP_PASS;\nlet b = TC_ACT_OK;\n";
    let name = "let map = object.map(\"services\");\nlet other = \"a service\";\n";
    check(&[
        (
            "verdicts-in-one-file",
            "lb-ebpf/src/forward.rs",
            verdict,
            &[1, 2, 3],
        ),
        (
            "verdicts-in-one-file",
            "lb-ebpf/src/verdict.rs",
            verdict,
            &[],
        ),
        (
            "verdicts-in-one-file",
            "tests/tests/datapath.rs",
            verdict,
            &[],
        ),
        ("map-names-in-one-file", "lb/src/io/xdp/maps.rs", name, &[1]),
        ("map-names-in-one-file", "lb/src/observe/json.rs", name, &[]),
    ]);
}
