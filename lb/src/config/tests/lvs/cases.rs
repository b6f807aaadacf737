//! What is read: a sentence, where the lines stand, and the lines.

/// What surrounds the lines of a case, so that they alone are what there is to say something about.
#[derive(Clone, Copy, Debug)]
pub(super) enum In {
    /// Nothing: the lines are the file.
    Top,
    /// A `virtual_server_group` and its `virtual_server`.
    Group,
    /// A good `virtual_server`.
    Server,
    /// A `virtual_server` with one real server and nothing else.
    EmptyServer,
    /// A good `virtual_server` of a firewall mark.
    Fwmark,
    /// The `real_server` of a good `virtual_server`.
    RealServer,
    /// The same in another `virtual_server`.
    Other,
    /// The `real_server` of a `virtual_server` by direct routing.
    DirectRoute,
    /// A block of this name in a `real_server`.
    Check(&'static str),
    /// A `url` with a path in a block of this name.
    Url(&'static str),
}

pub(super) type Case = (&'static str, In, &'static str);

impl In {
    pub(super) fn file(self, lines: &str) -> String {
        let server = |head: &str, how: &str, body: &str| {
            format!("virtual_server {head} {{\n{how}{body}\n}}\n")
        };
        let how = "lb_algo rr\nlb_kind NAT\nprotocol TCP\n";
        let real = |body: &str| format!("real_server 192.0.2.21 80 {{\n{body}\n}}\n");
        match self {
            Self::Top => format!("{lines}\n"),
            Self::Group => format!(
                "virtual_server_group g {{\n192.0.2.1 80\n{lines}\n}}\n{}",
                server("group g", how, &real(""))
            ),
            Self::Server => server("192.0.2.10 80", how, &format!("{}{lines}", real(""))),
            Self::EmptyServer => server("192.0.2.10 80", "", &format!("{lines}\n{}", real(""))),
            Self::Fwmark => {
                let how = "lb_algo rr\nlb_kind NAT\nreal_server 192.0.2.21 { }\n";
                server("fwmark 1", how, lines)
            }
            Self::RealServer => server("192.0.2.10 80", how, &real(lines)),
            Self::Other => server("192.0.2.11 80", how, &real(lines)),
            Self::DirectRoute => {
                let how = "lb_algo rr\nlb_kind DR\nprotocol TCP\n";
                server("192.0.2.10 80", how, &real(lines))
            }
            Self::Check(name) => server(
                "192.0.2.10 80",
                how,
                &real(&format!("{name} {{\n{lines}\n}}")),
            ),
            Self::Url(name) => {
                let url = format!("{name} {{\nurl {{\npath /\n{lines}\n}}\n}}");
                server("192.0.2.10 80", how, &real(&url))
            }
        }
    }
}

pub(super) const SERVICES: &[Case] = &[
    (
        "a service of all ports is persistent",
        In::Top,
        "virtual_server 192.0.2.10 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 { }\n}",
    ),
    (
        "port 0 is the same, and a timeout of its own is no news",
        In::Top,
        "virtual_server 192.0.2.10 0 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\npersistence_timeout 9\n\
         real_server 192.0.2.21 80 { }\n}",
    ),
    (
        "a firewall mark needs no protocol and takes the family of its real servers",
        In::Top,
        "virtual_server fwmark 7 {\nlb_algo rr\nlb_kind NAT\nreal_server 2001:db8::1 { }\n}",
    ),
    (
        "a firewall mark has no use for protocol, ports and ha_suspend",
        In::Fwmark,
        "protocol SCTP\nha_suspend\nops\nreal_server 192.0.2.22 80 { TCP_CHECK { } }",
    ),
    (
        "a check of a real server without a port needs one",
        In::Fwmark,
        "real_server 192.0.2.22 {\nTCP_CHECK { }\nTCP_CHECK { connect_port 81 }\nPING_CHECK { }\n}",
    ),
    ("a mark is not 0", In::Top, "virtual_server fwmark 0 {\n}"),
    (
        "a mark is not left out",
        In::Top,
        "virtual_server fwmark {\n}",
    ),
    ("a service is not left out", In::Top, "virtual_server {\n}"),
    (
        "a port is a number",
        In::Top,
        "virtual_server 192.0.2.1 http {\n}\nvirtual_server 192.0.2.1 65536 {\n}",
    ),
    (
        "a group that is not there gets the nearest",
        In::Top,
        "virtual_server_group web {\n192.0.2.1 80\n}\n\
         virtual_server group wbe {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 80 { }\n}",
    ),
    (
        "the same service twice is an error, another protocol or family is another service",
        In::Top,
        "virtual_server fwmark 1 {\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.21 { }\n}\n\
         virtual_server fwmark 1 {\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.22 { }\n}\n\
         virtual_server fwmark 1 {\nlb_algo rr\nlb_kind NAT\nreal_server 2001:db8::1 { }\n}",
    ),
    (
        "a QUIC server id is whole bytes, for UDP that is not translated",
        In::Top,
        "virtual_server 192.0.2.10 443 {\nlb_algo mh\nlb_kind DR\nprotocol UDP\n\
         real_server 192.0.2.21 443 {\nquic_server_id 00a1\n}\n\
         real_server 192.0.2.22 443 {\nquic_server_id A2\n}\n\
         real_server 192.0.2.23 443 {\nquic_server_id 00A1\n}\n\
         real_server 192.0.2.24 443 {\nlvs_method NAT\nquic_server_id 00a4\n}\n\
         real_server 192.0.2.25 443 {\nquic_server_id a\n}\n\
         real_server 192.0.2.26 443 {\nquic_server_id\n}\n\
         real_server 192.0.2.27 443 { }\n}\n\
         virtual_server 192.0.2.10 443 {\nlb_algo mh\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 443 {\nquic_server_id 1122334455667788\n}\n}",
    ),
    (
        "with IPVS alone no instance may refuse what is for virtual servers",
        In::Top,
        "global_defs {\ndata_plane ipvs\n}\n\
         vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\npriority 100\nno_accept\n\
         virtual_ipaddress {\n192.0.2.10\n}\n}\n\
         virtual_server 192.0.2.10 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 8080 { }\n}",
    ),
    (
        "full NAT needs a port and flows",
        In::Top,
        "virtual_server 192.0.2.10 80 {\nlb_algo rr\nlb_kind FULLNAT\nprotocol TCP\nreal_server 192.0.2.21 8080 { }\n\
         real_server 2001:db8::21 8080 { }\n}\n\
         virtual_server 192.0.2.11 53 {\nlb_algo rr\nops\nprotocol UDP\n\
         real_server 192.0.2.21 53 {\nlvs_method FULLNAT\n}\n}\n\
         virtual_server 192.0.2.12 0 {\nlb_algo rr\nlb_kind FULLNAT\npersistence_timeout 60\nprotocol TCP\nreal_server 192.0.2.21 { }\n}\n\
         virtual_server fwmark 7 {\nlb_algo rr\nlb_kind FULLNAT nocsum\nprotocol TCP\nreal_server 192.0.2.21 { }\n}",
    ),
    (
        "ip_family is for marks and groups",
        In::Server,
        "ip_family inet6",
    ),
    ("families have two names", In::Server, "ip_family inet4"),
];

pub(super) const VIRTUAL_SERVERS: &[Case] = &[
    (
        "without a scheduler, a method and a protocol there are keepalived's",
        In::EmptyServer,
        "",
    ),
    (
        "a scheduler that nobody knows",
        In::EmptyServer,
        "lb_algo mhh\nlb_kind NAT\nprotocol TCP",
    ),
    (
        "a method that nobody knows",
        In::EmptyServer,
        "lb_algo rr\nlb_kind FOO\nprotocol TCP",
    ),
    (
        "only a tunnel has options",
        In::EmptyServer,
        "lb_algo rr\nlb_kind DR csum\nprotocol TCP",
    ),
    (
        "a tunnel is of type ipip",
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN\nprotocol TCP",
    ),
    (
        "options of a tunnel stand in any order",
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN csum port 6080 type gue\nprotocol TCP",
    ),
    (
        "a gue tunnel needs a port",
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN type gue\nprotocol TCP",
    ),
    (
        "an ipip tunnel has no checksum",
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN csum\nprotocol TCP",
    ),
    (
        "a gre tunnel has no remote checksum and no port",
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN type gre remcsum\nlvs_method TUN type gre port 1\nprotocol TCP",
    ),
    (
        "a tunnel of a type that nobody knows",
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN type geneve\nlb_kind TUN type\nprotocol TCP",
    ),
    (
        "a flag may stand before its scheduler",
        In::EmptyServer,
        "mh-port\nmh-fallback\nlb_algo mh\nlb_kind NAT\nprotocol TCP",
    ),
    (
        "mh-port is how the data plane hashes anyway",
        In::EmptyServer,
        "lb_algo mh\nmh-port\nlb_kind NAT\nprotocol TCP",
    ),
    (
        "a flag of another scheduler does nothing",
        In::Server,
        "mh-port\nsh-fallback",
    ),
    (
        "a flag of sh is none of mh",
        In::EmptyServer,
        "lb_algo mh\nlb_kind NAT\nprotocol TCP\nsh-port",
    ),
    ("hashed is no option any more", In::Server, "hashed"),
    ("one-packet scheduling is for datagrams", In::Server, "ops"),
    (
        "persistence is 360 s by the bare word",
        In::Server,
        "persistence_timeout",
    ),
    (
        "persistence ends within 31 days",
        In::Server,
        "persistence_timeout 2678401",
    ),
    (
        "granularity is a netmask in IPv4",
        In::Server,
        "persistence_timeout 5\npersistence_granularity 255.255.240.0\npersistence_engine sip",
    ),
    (
        "granularity is no prefix length in IPv4",
        In::Server,
        "persistence_timeout 5\npersistence_granularity 24",
    ),
    (
        "a netmask has no holes",
        In::Server,
        "persistence_timeout 5\npersistence_granularity 255.0.255.0",
    ),
    (
        "without a timeout nothing is persistent",
        In::Server,
        "persistence_granularity 255.255.255.0\npersistence_engine sip",
    ),
    (
        "there is one persistence engine",
        In::Server,
        "persistence_engine foo",
    ),
    (
        "a quorum above the total weight is lowered, and so is the hysteresis",
        In::Server,
        "quorum 9\nhysteresis 5",
    ),
    (
        "a quorum that can be reached stays",
        In::Server,
        "quorum 3\nhysteresis 1\nweight 2\nreal_server 192.0.2.22 80 { weight 1 }",
    ),
    ("a quorum is not 0", In::Server, "quorum 0\nhysteresis -1"),
    (
        "the default quorum changes nothing",
        In::Server,
        "quorum 1\nhysteresis 0",
    ),
    (
        "commands have a user and a group",
        In::Server,
        "quorum_up \"/bin/up --all\" nobody nogroup\nquorum_down /bin/down nobody",
    ),
    (
        "a command in pieces is one with a user",
        In::Server,
        "quorum_up /bin/up a b c",
    ),
    (
        "a comment sign within a command cuts it",
        In::Server,
        "quorum_up /bin/up#1\nquorum_down /bin/down # a comment",
    ),
    (
        "single quotes do not protect a comment sign",
        In::Server,
        "quorum_up '/bin/up #1'",
    ),
    (
        "a command is not left out",
        In::Server,
        "quorum_up\nquorum_down \"\"",
    ),
    (
        "a sorry server takes port and method of the virtual server",
        In::Server,
        "sorry_server 192.0.2.99",
    ),
    (
        "a sorry server by direct routing keeps the port",
        In::Server,
        "sorry_server 192.0.2.99 81\nsorry_server_inhibit\nsorry_server_lvs_method DR",
    ),
    (
        "words about a sorry server that is not there",
        In::Server,
        "sorry_server_inhibit\nsorry_server_lvs_method DR",
    ),
    (
        "a sorry server is of the same family",
        In::Server,
        "sorry_server 2001:db8::1 80",
    ),
    ("a sorry server has an address", In::Server, "sorry_server"),
    (
        "flags take no boolean",
        In::Server,
        "alpha no\nomega yes\ninhibit_on_failure",
    ),
    (
        "what only informs is noted",
        In::Server,
        "smtp_alert\nvirtualhost www.example.net\nsnmp_name \"a b\"\nomega",
    ),
];

pub(super) const GROUPS: &[Case] = &[
    (
        "addresses and marks that another has already",
        In::Top,
        "virtual_server_group wide {\n192.0.2.0/24 80\nfwmark 7\n}\n\
         virtual_server 192.0.2.10 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 198.51.100.1 80 {\n}\n}\n\
         virtual_server group wide {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 198.51.100.1 80 {\n}\n}\n\
         virtual_server 192.0.2.20 80 {\nlb_algo rr\nlb_kind NAT\nprotocol UDP\nreal_server 198.51.100.1 80 {\n}\n}\n\
         virtual_server 192.0.2.30 81 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 198.51.100.1 80 {\n}\n}\n\
         virtual_server fwmark 7 {\nlb_algo rr\nlb_kind NAT\nreal_server 198.51.100.1 80 {\n}\n}",
    ),
    (
        "addresses, ranges, prefixes and marks",
        In::Group,
        "192.0.2.2\n192.0.2.10-20 80\n192.0.2.40-192.0.3.4 0\n192.0.2.64/28 443\nfwmark 4\nfwmark 5 inet",
    ),
    (
        "ranges go upwards",
        In::Group,
        "192.0.2.10-5 80\n192.0.2.10-192.0.1.1 80\n192.0.2.10-300 80\n192.0.2.1-2001:db8::1 80",
    ),
    (
        "a prefix has no host bits",
        In::Group,
        "192.0.2.1/24 80\n192.0.2.0/33 80\n2001:db8::1/64",
    ),
    (
        "families do not mix without tunnels",
        In::Group,
        "2001:db8::1 80\nfwmark 4 inet6",
    ),
    (
        "lines that are none",
        In::Group,
        "foo\nfwmark\nfwmark 0\nfwmark 3 inet7\n192.0.2.9 80 81\n192.0.2.9 x\n192.0.2.9 { }",
    ),
    (
        "a group has a name of its own and lines",
        In::Top,
        "virtual_server_group {\n}\nvirtual_server_group a {\n}\nvirtual_server_group a {\n192.0.2.1\n}",
    ),
    (
        "a range in IPv6 ends with a hexadecimal number",
        In::Top,
        "virtual_server_group a {\n2001:db8::10-1f 80\n2001:db8::10-2001:db8::1:0 80\n2001:db8::10-0\n}",
    ),
];

pub(super) const REAL_SERVERS: &[Case] = &[
    (
        "a method of its own is acted on",
        In::RealServer,
        "lvs_method DR",
    ),
    (
        "by direct routing the port stays",
        In::Server,
        "real_server 192.0.2.22 81 { lvs_method DR }",
    ),
    (
        "behind a tunnel it is left out",
        In::RealServer,
        "lvs_method TUN type gre",
    ),
    (
        "without a port it has that of the virtual server",
        In::Server,
        "real_server 192.0.2.22 { }",
    ),
    (
        "thresholds are not acted on, and 0 is none",
        In::RealServer,
        "uthreshold 10\nlthreshold 0",
    ),
    (
        "booleans that change nothing are fine",
        In::RealServer,
        "alpha no\ninhibit_on_failure off",
    ),
    (
        "booleans that change something are not acted on",
        In::RealServer,
        "alpha\ninhibit_on_failure",
    ),
    (
        "a boolean is lower case",
        In::RealServer,
        "alpha YES\nsmtp_alert maybe",
    ),
    (
        "limits of numbers",
        In::RealServer,
        "weight 2147483648\nuthreshold 4294967296\nretry 0\nwarmup -1",
    ),
    (
        "who is told",
        In::RealServer,
        "notify_up \"/bin/up 'a b'\" nobody\nnotify_down /bin/down\nsmtp_alert no\nvirtualhost a\nsnmp_name b",
    ),
    (
        "a command may not end in a quote that is open",
        In::RealServer,
        "notify_up \"/bin/up 'a\"",
    ),
    (
        "a real server needs an address",
        In::Server,
        "real_server {\n}\nreal_server 192.0.2.22 99999 {\n}",
    ),
    (
        "families mix in tunnels",
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN\nprotocol TCP\nreal_server 2001:db8::1 80 { }",
    ),
    (
        "families do not mix elsewhere",
        In::Server,
        "real_server 2001:db8::1 80 { }",
    ),
    (
        "timing of the virtual server is a default",
        In::Server,
        "retry 7\ndelay_loop 8\nrise 3\nfall 4\nreal_server 192.0.2.22 80 {\nretry 3\nfall 5\nTCP_CHECK { retry 2 }\nTCP_CHECK {\nconnect_port 81\nrise 1\n}\n}",
    ),
    (
        "a round at least must pass or fail",
        In::Check("MISC_CHECK"),
        "misc_path /bin/true\nrise 0\nfall 2147483648",
    ),
    (
        "a slow start is inherited, and takes no longer than an hour",
        In::Server,
        "slow_start 60\nreal_server 192.0.2.22 80 {\n}\nreal_server 192.0.2.23 80 {\nslow_start 0\n}\nreal_server 192.0.2.24 80 {\nslow_start 3601\n}",
    ),
    (
        "jitter is inherited, and no longer than an hour",
        In::Server,
        "jitter 0.5\nreal_server 192.0.2.22 80 {\nTCP_CHECK { }\nPING_CHECK {\njitter 0\n}\n}\nreal_server 192.0.2.23 80 {\njitter 3600.1\n}",
    ),
];

pub(super) const CHECKS: &[Case] = &[
    ("a TCP check is acted on", In::Check("TCP_CHECK"), "retry 0"),
    (
        "where it comes from is not acted on",
        In::Check("TCP_CHECK"),
        "bindto 192.0.2.1\nbind_port 1024\nbind_if eth0\nfwmark 3",
    ),
    (
        "no mark is fine",
        In::Check("TCP_CHECK"),
        "fwmark 0\nalpha off\nlog_all_failures",
    ),
    (
        "it comes from an address of the same family",
        In::Check("TCP_CHECK"),
        "bindto 2001:db8::1",
    ),
    (
        "a link-local address needs an interface",
        In::Check("TCP_CHECK"),
        "connect_ip fe80::1",
    ),
    (
        "the interface is there",
        In::Check("TCP_CHECK"),
        "connect_ip fe80::1\nbind_if eth7",
    ),
    ("a ping", In::Check("PING_CHECK"), ""),
    (
        "HTTP waits 3 s and takes the names above it",
        In::RealServer,
        "virtualhost a\nHTTP_GET {\nurl { path / }\nurl {\npath /b\nvirtualhost b\n}\n}",
    ),
    (
        "HTTP without a url checks nothing",
        In::Check("HTTP_GET"),
        "",
    ),
    ("a url has a path", In::Check("HTTP_GET"), "url {\n}"),
    (
        "a path starts with a slash",
        In::Check("HTTP_GET"),
        "url { path index.html }",
    ),
    (
        "versions of HTTP",
        In::Check("HTTP_GET"),
        "http_protocol 2\nurl { path / }",
    ),
    (
        "tls_compliant is for SSL",
        In::Check("HTTP_GET"),
        "tls_compliant\nurl {\npath /\ntls_compliant\n}",
    ),
    (
        "nb_get_retry is retry",
        In::Check("HTTP_GET"),
        "nb_get_retry 4\nurl { path / }",
    ),
    (
        "SSL does not verify without certificates, which is said once",
        In::RealServer,
        "SSL_GET {\ntls_compliant\nurl { path / }\n}\nSSL_GET {\nconnect_port 443\nurl { path / }\n}",
    ),
    (
        "status codes and ranges",
        In::Url("HTTP_GET"),
        "status_code 200 301-302 404",
    ),
    (
        "status codes that are none",
        In::Url("HTTP_GET"),
        "status_code 99 600 300-200 200,201",
    ),
    (
        "a digest has 32 digits",
        In::Url("HTTP_GET"),
        "digest 9b3a0c85a887a256d6939da88aabd8c",
    ),
    (
        "a digest is hexadecimal",
        In::Url("HTTP_GET"),
        "digest +b3a0c85a887a256d6939da88aabd8cd",
    ),
    (
        "a regular expression with options",
        In::Url("HTTP_GET"),
        "regex 'a\\\\.b'\" c\"\nregex_options caseless utf caseless\nregex_no_match\nregex_min_offset 1\n\
         regex_max_offset 9\nregex_stack 1000 2000",
    ),
    (
        "an option that PCRE2 does not have",
        In::Url("HTTP_GET"),
        "regex a\nregex_options caselss x",
    ),
    (
        "options without a regular expression",
        In::Url("HTTP_GET"),
        "regex_no_match",
    ),
    (
        "offsets and sizes go upwards",
        In::Url("HTTP_GET"),
        "regex a\nregex_min_offset 9\nregex_max_offset 1\nregex_stack 9 1",
    ),
    (
        "an expression with blanks is in quotes",
        In::Url("HTTP_GET"),
        "regex a b",
    ),
    (
        "bytes in hexadecimal, in words of any length",
        In::Check("UDP_CHECK"),
        "payload Ab12f 3 456 546443123\nrequire_reply 1x Xf x 123",
    ),
    (
        "bytes that are none",
        In::Check("UDP_CHECK"),
        "payload 1x\nrequire_reply zz",
    ),
    (
        "lengths that no answer has",
        In::Check("UDP_CHECK"),
        "min_reply_length 5\nmax_reply_length 4",
    ),
    (
        "hosts of a mail server are checks of their own",
        In::Check("SMTP_CHECK"),
        "retry 5\nhost { connect_ip 192.0.2.5 }\nhost {\nconnect_port 26\nretry 6\n}",
    ),
    ("a DNS question by default", In::Check("DNS_CHECK"), ""),
    (
        "types of questions in any letter case",
        In::Check("DNS_CHECK"),
        "type rrsig\nname example.net",
    ),
    (
        "a question that nobody can ask",
        In::Check("DNS_CHECK"),
        "type HINFO\nname a..b",
    ),
    (
        "a question without its words",
        In::Check("DNS_CHECK"),
        "type\nname",
    ),
    (
        "a program with its user",
        In::Check("MISC_CHECK"),
        "misc_path \"/bin/check a b\"\nmisc_timeout 2\nmisc_dynamic\nuser nobody nogroup",
    ),
    (
        "a program without quotes loses its arguments",
        In::Check("MISC_CHECK"),
        "misc_path /bin/check a b",
    ),
    ("a service of gRPC", In::Check("GRPC_CHECK"), ""),
    (
        "its names fit into a request, and with TLS nobody is verified",
        In::Check("GRPC_CHECK"),
        "tls\nvirtualhost \"not a name\"",
    ),
    (
        "HTTP/2 asks for what is written as in a URL",
        In::Check("HTTP_GET"),
        "http_protocol 2\nurl { path /a%20b?c=d }\nurl { path index.html }\nurl {\npath \"/a b\"\nvirtualhost a/b\n}",
    ),
    (
        "HTTP/2 does not end with TLS",
        In::Check("SSL_GET"),
        "http_protocol 2\ntls_compliant\nurl { path / }",
    ),
    (
        "a connection that lasts, by default",
        In::Check("KEEPALIVE_CHECK"),
        "",
    ),
    (
        "a connection that lasts",
        In::Check("KEEPALIVE_CHECK"),
        "idle 60\ninterval 10\nprobes 5\nuser_timeout 90.5\nretry 2",
    ),
    (
        "keepalive beyond what the kernel takes",
        In::Check("KEEPALIVE_CHECK"),
        "idle 0\ninterval 32768\nprobes 128\nuser_timeout soon",
    ),
    ("no program", In::Check("MISC_CHECK"), ""),
    (
        "a program connects to nothing",
        In::Check("MISC_CHECK"),
        "misc_path /bin/check\nconnect_ip 192.0.2.1",
    ),
    (
        "a file with a weight",
        In::Check("FILE_CHECK"),
        "track_file load\nweight -5 reverse",
    ),
    (
        "no file, a weight out of range",
        In::Check("FILE_CHECK"),
        "weight 2147483648\ndynamic",
    ),
    (
        "a BFD session once",
        In::RealServer,
        "BFD_CHECK { name a }\nBFD_CHECK {\nname a\nalpha\n}",
    ),
    ("no BFD session", In::Check("BFD_CHECK"), ""),
    (
        "direct routing with checks",
        In::DirectRoute,
        "TCP_CHECK { }",
    ),
];
