//! Edits that go wrong.

use fastrand::Rng;

use super::model::{Model, Router};

/// What is broken, the whole text, and what the refusal says; a line number comes before it unless nothing in the file is wrong.
pub(super) struct Broken {
    pub(super) what: &'static str,
    pub(super) text: String,
    pub(super) says: &'static str,
    pub(super) has_line: bool,
}

/// The n-th kind, somewhere.
pub(super) fn edit(model: &Model, number: usize, rng: &mut Rng) -> Broken {
    let text = model.text();
    let somewhere = rng.usize(..model.routers.len());
    let of_router = |change: &dyn Fn(&mut Router)| {
        let mut model = model.clone();
        change(&mut model.routers[somewhere]);
        model.text()
    };
    let mut line = |from: &str, to: &str| {
        let all: Vec<usize> = text.match_indices(from).map(|(at, _)| at).collect();
        let at = all[rng.usize(..all.len())];
        format!("{}{to}{}", &text[..at], &text[at + from.len()..])
    };
    let more = |more: &str| format!("{text}{more}");
    let (what, text, says, has_line) = match number % 15 {
        0 => (
            "an unknown interface",
            of_router(&|it| it.interface = "nope7"),
            "nope7",
            true,
        ),
        1 => (
            "a VRID of nobody",
            of_router(&|it| it.vrid = 0),
            "virtual_router_id",
            true,
        ),
        2 => {
            let mut twice = model.clone();
            let (vrid, interface, is_v6) = {
                let first = &twice.routers[0];
                (first.vrid, first.interface, first.is_v6)
            };
            let last = twice.routers.len() - 1;
            twice.routers[last].vrid = vrid;
            twice.routers[last].interface = interface;
            twice.routers[last].is_v6 = is_v6;
            twice.routers[last].objects = twice.routers[0].objects.clone();
            for address in &mut twice.routers[last].objects.addresses {
                address.text = address.text.replace("10.", "11.").replace("2001:", "2002:");
            }
            twice.routers[last].excluded.clear();
            ("a VRID twice", twice.text(), "given twice", true)
        }
        3 => (
            "a priority beyond all",
            line("\npriority 1", "\npriority 25"),
            "priority",
            true,
        ),
        4 => (
            "no value",
            line("\nvirtual_router_id ", "\nvirtual_router_id\n#"),
            "virtual_router_id",
            true,
        ),
        5 => (
            "a brace that is missing",
            more("virtual_server 192.0.2.9 9 {\nlb_algo rr\n"),
            "}",
            true,
        ),
        6 => (
            "a file that is missing",
            more("includea /nonexistent/more.conf\n"),
            "/nonexistent/more.conf",
            true,
        ),
        7 => (
            "an address that is none",
            line("\nvirtual_ipaddress {", "\nvirtual_ipaddress {\n10.1.300.1"),
            "10.1.300.1",
            true,
        ),
        8 => (
            "an unknown scheduler",
            line("\nlb_algo ", "\nlb_algo un"),
            "lb_algo",
            true,
        ),
        9 => (
            "a port beyond all",
            more("virtual_server 192.0.2.9 70000 {\n}\n"),
            "70000",
            true,
        ),
        10 => (
            "a key that is missing",
            of_router(&|it| {
                it.options.retain(|it| !it.starts_with("auth_hmac"));
                it.options
                    .insert("auth_hmac {\nkey 1 file:/nonexistent/key\nactive_key 1\n}");
            }),
            "/nonexistent/key",
            true,
        ),
        11 => (
            "another instance",
            format!("instance other\n{text}"),
            "instance",
            true,
        ),
        12 => (
            "another network namespace",
            format!("net_namespace elsewhere\n{text}"),
            "net_namespace",
            true,
        ),
        13 => (
            "a weight below none",
            line("\nweight ", "\nweight -"),
            "weight",
            true,
        ),
        _ => ("nothing", "! nothing\n".to_owned(), "", false),
    };
    Broken {
        what,
        text,
        says,
        has_line,
    }
}
