//! What is checked, and what should come of it.

/// A real server with a check.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) port: u16,
    pub(super) check: &'static str,
    pub(super) is_up: bool,
    /// What keepalived says where that is something else.
    pub(super) keepalived: Option<bool>,
}

const fn up(name: &'static str, port: u16, check: &'static str) -> Case {
    Case {
        name,
        port,
        check,
        is_up: true,
        keepalived: None,
    }
}

const fn down(name: &'static str, port: u16, check: &'static str) -> Case {
    Case {
        is_up: false,
        ..up(name, port, check)
    }
}

/// It is up for us, and down for keepalived.
const fn only_here(name: &'static str, port: u16, check: &'static str) -> Case {
    Case {
        keepalived: Some(false),
        ..up(name, port, check)
    }
}

/// It is down for us, and up for keepalived.
const fn only_there(name: &'static str, port: u16, check: &'static str) -> Case {
    Case {
        keepalived: Some(true),
        ..down(name, port, check)
    }
}

pub(super) const CASES: &[Case] = &[
    up("a port that is open", 80, "TCP_CHECK {\n}"),
    down("a port that is closed", 81, "TCP_CHECK {\n}"),
    down("nobody there", 80, "TCP_CHECK {\nconnect_ip 192.0.2.77\n}"),
    up(
        "from another address",
        80,
        "TCP_CHECK {\nbindto 192.0.2.11\nbind_if eth0\n}",
    ),
    up("a page", 80, "HTTP_GET {\nurl {\npath /\n}\n}"),
    up(
        "a page, HTTP/1.0 with close",
        80,
        "HTTP_GET {\nhttp_protocol 1.0C\nurl {\npath /\n}\n}",
    ),
    up(
        "a page, HTTP/1.1",
        80,
        "HTTP_GET {\nhttp_protocol 1.1\nurl {\npath /\n}\n}",
    ),
    only_here(
        "a page in chunks",
        1007,
        "HTTP_GET {\nhttp_protocol 1.1\nurl {\npath /\nregex ^hello$\n}\n}",
    ),
    down(
        "a page that is not there",
        80,
        "HTTP_GET {\nurl {\npath /none\n}\n}",
    ),
    up(
        "one that should not be there",
        80,
        "HTTP_GET {\nurl {\npath /none\nstatus_code 404\n}\n}",
    ),
    up(
        "a range of codes",
        80,
        "HTTP_GET {\nurl {\npath /none\nstatus_code 200-299 400-410\n}\n}",
    ),
    up(
        "its digest",
        80,
        "HTTP_GET {\nurl {\npath /\ndigest 519f03d7d7d9a62db27918deb6d8a24d\n}\n}",
    ),
    down(
        "another digest",
        80,
        "HTTP_GET {\nurl {\npath /\ndigest 519f03d7d7d9a62db27918deb6d8a24e\n}\n}",
    ),
    up(
        "an expression",
        80,
        "HTTP_GET {\nurl {\npath /\nregex s[0-9]\n}\n}",
    ),
    only_here(
        "an expression at the beginning",
        80,
        "HTTP_GET {\nurl {\npath /\nregex ^s[0-9]\n}\n}",
    ),
    down(
        "another one",
        80,
        "HTTP_GET {\nurl {\npath /\nregex ^t[0-9]\n}\n}",
    ),
    down(
        "one that must not be",
        80,
        "HTTP_GET {\nurl {\npath /\nregex S1\nregex_options caseless\nregex_no_match\n}\n}",
    ),
    down(
        "one too far",
        80,
        "HTTP_GET {\nurl {\npath /\nregex 1\nregex_options use_offset_limit\nregex_max_offset 0\n}\n}",
    ),
    up(
        "two pages",
        80,
        "HTTP_GET {\nfast_recovery\nurl {\npath /\n}\nurl {\npath /?\n}\n}",
    ),
    down(
        "two pages of which one is missing",
        80,
        "HTTP_GET {\nfast_recovery\nurl {\npath /\n}\nurl {\npath /none\n}\n}",
    ),
    up(
        "three pages one after the other",
        80,
        "HTTP_GET {\nurl {\npath /\n}\nurl {\npath /?\n}\nurl {\npath /none\nstatus_code 404\n}\n}",
    ),
    down(
        "three pages of which the last is missing",
        80,
        "HTTP_GET {\nurl {\npath /\n}\nurl {\npath /?\n}\nurl {\npath /none\n}\n}",
    ),
    only_here(
        "a page of a connection that lasts",
        1012,
        "HTTP_GET {\nhttp_protocol 1.1\nurl {\npath /\nregex hello\n}\n}",
    ),
    up(
        "the page of a virtual host",
        83,
        "HTTP_GET {\nvirtualhost one.example\nurl {\npath /\nregex \"page of one\"\n}\n}",
    ),
    up(
        "the page of a virtual host that its url names",
        83,
        "HTTP_GET {\nvirtualhost two.example\nurl {\npath /\nvirtualhost one.example\nregex \"page of one\"\n}\n}",
    ),
    down(
        "that page of another",
        83,
        "HTTP_GET {\nvirtualhost two.example\nurl {\npath /\nregex \"page of one\"\n}\n}",
    ),
    up(
        "an expression not too early",
        83,
        "HTTP_GET {\nurl {\npath /\nregex page|nobody\nregex_min_offset 5\n}\n}",
    ),
    // There it is counted from the head.
    only_there(
        "an expression too early",
        83,
        "HTTP_GET {\nurl {\npath /\nregex page\nregex_min_offset 1\n}\n}",
    ),
    down(
        "a page at a closed port",
        81,
        "HTTP_GET {\nurl {\npath /\n}\n}",
    ),
    up("a page over TLS", 443, "SSL_GET {\nurl {\npath /\n}\n}"),
    up(
        "with a name",
        443,
        "SSL_GET {\nenable_sni\nsni_name checks.example\nurl {\npath /\n}\n}",
    ),
    up(
        "with the name of another",
        443,
        "SSL_GET {\nenable_sni\nvirtualhost other.example\nurl {\npath /\n}\n}",
    ),
    // 2.2.7 does not know `sni_name`, nor `tls_compliant`.
    only_here(
        "whoever is named in the handshake",
        446,
        "SSL_GET {\nenable_sni\nsni_name checks.example\nurl {\npath /\nregex <checks.example>\n}\n}",
    ),
    up(
        "the virtual host in the handshake",
        446,
        "SSL_GET {\nenable_sni\nvirtualhost other.example\nurl {\npath /\nregex <other.example>\n}\n}",
    ),
    up(
        "nobody in the handshake",
        446,
        "SSL_GET {\nvirtualhost other.example\nurl {\npath /\nregex <>\n}\n}",
    ),
    up(
        "TLS that ends without a word",
        447,
        "SSL_GET {\nurl {\npath /\n}\n}",
    ),
    only_there(
        "TLS that ends without a word where that counts",
        447,
        "SSL_GET {\nurl {\npath /\ntls_compliant\n}\n}",
    ),
    only_there(
        "one that nobody vouches for",
        444,
        "SSL_GET {\nurl {\npath /\n}\n}",
    ),
    down("TLS that is none", 80, "SSL_GET {\nurl {\npath /\n}\n}"),
    up("mail", 25, "SMTP_CHECK {\nhelo_name lb.example\n}"),
    only_here("mail with a greeting of two lines", 1008, "SMTP_CHECK {\n}"),
    down("mail that is none", 80, "SMTP_CHECK {\n}"),
    up("a name", 53, "DNS_CHECK {\ntype A\nname known.example\n}"),
    up(
        "who takes mail for a name",
        53,
        "DNS_CHECK {\ntype MX\nname known.example\n}",
    ),
    down(
        "a name that nobody knows",
        53,
        "DNS_CHECK {\ntype A\nname unknown.example\n}",
    ),
    down(
        "names where nobody knows any",
        54,
        "DNS_CHECK {\ntype A\nname known.example\n}",
    ),
    up(
        "a datagram that comes back",
        7,
        "UDP_CHECK {\nrequire_reply\n}",
    ),
    up(
        "one as it should",
        7,
        "UDP_CHECK {\npayload 6869\nrequire_reply 68X9\n}",
    ),
    down(
        "one as it should not",
        7,
        "UDP_CHECK {\npayload 6869\nrequire_reply 6868\n}",
    ),
    up("one that nobody answers", 9, "UDP_CHECK {\n}"),
    down(
        "one that nobody answers though he should",
        9,
        "UDP_CHECK {\nrequire_reply\n}",
    ),
    down("one to a closed port", 81, "UDP_CHECK {\n}"),
    up("an echo", 80, "PING_CHECK {\n}"),
    down(
        "an echo of nobody",
        80,
        "PING_CHECK {\nconnect_ip 192.0.2.77\n}",
    ),
    up("a program", 80, "MISC_CHECK {\nmisc_path /bin/true\n}"),
    down(
        "one that fails",
        80,
        "MISC_CHECK {\nmisc_path /bin/false\n}",
    ),
    down(
        "one that takes too long",
        80,
        "MISC_CHECK {\nmisc_path \"/bin/sleep 9\"\nmisc_timeout 1\n}",
    ),
    down(
        "one that heeds no signal and has no end of words",
        80,
        "MISC_CHECK {\nmisc_path \"/bin/sh -c 'trap : TERM; while :; do echo x >&2; done'\"\nmisc_timeout 1\n}",
    ),
    up(
        "one as somebody else",
        80,
        "MISC_CHECK {\nmisc_path \"/usr/bin/test -w /dev/null\"\nuser nobody\n}",
    ),
    down(
        "one as somebody who may not",
        80,
        "MISC_CHECK {\nmisc_path \"/usr/bin/test -w /etc/passwd\"\nuser nobody\n}",
    ),
    up(
        "a number in a file",
        80,
        "FILE_CHECK {\ntrack_file good\nweight 2\n}",
    ),
    down(
        "a file that says no",
        80,
        "FILE_CHECK {\ntrack_file bad\nweight 0\n}",
    ),
    down(
        "all of several",
        80,
        "TCP_CHECK {\n}\nMISC_CHECK {\nmisc_path /bin/false\n}",
    ),
    up(
        "somebody who never speaks has an open port",
        1004,
        "TCP_CHECK {\n}",
    ),
    down(
        "a page of somebody who never speaks",
        1004,
        "HTTP_GET {\nurl {\npath /\n}\n}",
    ),
    down(
        "TLS of somebody who never speaks",
        1004,
        "SSL_GET {\nurl {\npath /\n}\n}",
    ),
    down("mail of somebody who never speaks", 1004, "SMTP_CHECK {\n}"),
    down("a page that drips", 1001, "HTTP_GET {\nurl {\npath /\n}\n}"),
    down(
        "a page without end",
        1002,
        "HTTP_GET {\nurl {\npath /\n}\n}",
    ),
    down(
        "a head of a gigabyte",
        1003,
        "HTTP_GET {\nurl {\npath /\n}\n}",
    ),
    down(
        "a connection that is reset",
        1005,
        "HTTP_GET {\nurl {\npath /\n}\n}",
    ),
    down(
        "noise in place of TLS",
        1006,
        "SSL_GET {\nurl {\npath /\n}\n}",
    ),
    down("noise in place of mail", 1006, "SMTP_CHECK {\n}"),
];

/// What keepalived does not know.
pub(super) const OURS: &[Case] = &[
    up(
        "a page over HTTP/2, with prior knowledge",
        82,
        "HTTP_GET {\nhttp_protocol 2\nurl {\npath /\nregex ^HTTP/2.0$\n}\n}",
    ),
    up(
        "a page over HTTP/2 and TLS, with its name",
        445,
        "SSL_GET {\nhttp_protocol 2\nenable_sni\nvirtualhost checks.example\nurl {\npath /\nregex \"^HTTP/2.0 checks.example$\"\n}\n}",
    ),
    down(
        "a page that is not there, over HTTP/2",
        82,
        "HTTP_GET {\nhttp_protocol 2\nurl {\npath /\nstatus_code 404\n}\n}",
    ),
    down(
        "HTTP/2 asked of a server of HTTP/1",
        80,
        "HTTP_GET {\nhttp_protocol 2\nurl {\npath /\n}\n}",
    ),
    down(
        "HTTP/2 asked over TLS of a server of HTTP/1",
        443,
        "SSL_GET {\nhttp_protocol 2\nurl {\npath /\n}\n}",
    ),
    up(
        "a service of gRPC that is well",
        1009,
        "GRPC_CHECK {\nservice well\n}",
    ),
    down(
        "a service of gRPC that is not",
        1009,
        "GRPC_CHECK {\nservice ill\n}",
    ),
    down(
        "a service of gRPC that is not known",
        1009,
        "GRPC_CHECK {\n}",
    ),
    up(
        "a service of gRPC behind nginx and TLS",
        445,
        "GRPC_CHECK {\ntls\nservice well\nvirtualhost checks.example\n}",
    ),
    down(
        "one that is not well, behind nginx and TLS",
        445,
        "GRPC_CHECK {\ntls\nservice ill\n}",
    ),
    down("gRPC asked of a web server", 82, "GRPC_CHECK {\n}"),
    down("gRPC and headers without end", 1010, "GRPC_CHECK {\n}"),
    down("gRPC and settings without end", 1011, "GRPC_CHECK {\n}"),
    down("gRPC and silence", 1004, "GRPC_CHECK {\n}"),
    down("gRPC and noise", 1006, "GRPC_CHECK {\n}"),
    down("gRPC, TLS and noise", 1006, "GRPC_CHECK {\ntls\n}"),
];
