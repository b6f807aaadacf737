//! Files. What is checked is checked by programs, so that nothing has to answer.

/// What each is about, and its blocks.
pub(crate) const CASES: &[(&str, &str)] = &[
    (
        "in turn by weight, by NAT with other ports",
        "virtual_server 192.0.2.100 80 {\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\n\
         real_server 198.51.100.21 8080 {\nweight 3\n}\nreal_server 198.51.100.22 8081 {\nweight 1\n}\n}",
    ),
    (
        "the same with other weights, and one more",
        "virtual_server 192.0.2.100 80 {\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\n\
         real_server 198.51.100.21 8080 {\nweight 0\n}\nreal_server 198.51.100.22 8081 {\nweight 9\n}\n\
         real_server 198.51.100.23 8081 {\nweight 2\n}\n}",
    ),
    (
        "another scheduler, and another method",
        "virtual_server 192.0.2.100 80 {\nlb_algo lc\nlb_kind DR\nprotocol TCP\n\
         real_server 198.51.100.21 80 {\nweight 1\n}\nreal_server 198.51.100.22 80 {\nweight 1\n}\n}",
    ),
    (
        "IPv6, by direct routing",
        "virtual_server 2001:db8::100 443 {\nlb_algo wlc\nlb_kind DR\nprotocol TCP\n\
         real_server 2001:db8::21 443 {\nweight 1\n}\nreal_server 2001:db8::22 443 {\nweight 5\n}\n}",
    ),
    (
        "Maglev with its flags",
        "virtual_server 192.0.2.100 80 {\nlb_algo mh\nmh-port\nmh-fallback\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nweight 1\n}\n}\n\
         virtual_server 192.0.2.101 80 {\nlb_algo mh\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nweight 1\n}\n}",
    ),
    (
        "source hashing with its flags, destination hashing without",
        "virtual_server 192.0.2.100 80 {\nlb_algo sh\nsh-port\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nweight 1\n}\n}\n\
         virtual_server 192.0.2.100 81 {\nlb_algo sh\nsh-fallback\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 81 {\nweight 1\n}\n}\n\
         virtual_server 192.0.2.100 82 {\nlb_algo dh\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 82 {\nweight 1\n}\n}",
    ),
    (
        "the other schedulers",
        "virtual_server 192.0.2.100 1 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 2 {\nlb_algo sed\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 3 {\nlb_algo nq\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 4 {\nlb_algo fo\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 5 {\nlb_algo ovf\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}",
    ),
    (
        "tunnels of every kind",
        "virtual_server 192.0.2.100 1 {\nlb_algo rr\nlb_kind TUN\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 2 {\nlb_algo rr\nlb_kind TUN type gue port 6080\nprotocol TCP\n\
         real_server 192.0.2.21 2 {\n}\n}\n\
         virtual_server 192.0.2.100 3 {\nlb_algo rr\nlb_kind TUN type gue port 6080 csum\nprotocol TCP\n\
         real_server 192.0.2.21 3 {\n}\n}\n\
         virtual_server 192.0.2.100 4 {\nlb_algo rr\nlb_kind TUN type gre\nprotocol TCP\nreal_server 192.0.2.21 4 {\n}\n}",
    ),
    (
        "a method for each real server, and one of the other family",
        "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nlvs_method NAT\n}\nreal_server 192.0.2.22 80 {\nlvs_method TUN\n}\n\
         real_server 2001:db8::23 80 {\nlvs_method TUN\n}\nreal_server 192.0.2.23 80 {\n}\n}",
    ),
    (
        "persistence, of single clients and of networks",
        "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\npersistence_timeout 50\n\
         real_server 192.0.2.21 80 {\n}\n}\n\
         virtual_server 192.0.2.100 81 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\npersistence_timeout 600\n\
         persistence_granularity 255.255.255.0\nreal_server 192.0.2.21 81 {\n}\n}\n\
         virtual_server 2001:db8::100 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\npersistence_timeout 60\n\
         persistence_granularity 64\nreal_server 2001:db8::21 80 {\n}\n}",
    ),
    (
        "every port",
        "virtual_server 192.0.2.100 0 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\npersistence_timeout 300\n\
         real_server 192.0.2.21 0 {\n}\nreal_server 192.0.2.22 0 {\n}\n}",
    ),
    (
        "datagrams, one by one and not, and SCTP",
        "virtual_server 192.0.2.100 53 {\nlb_algo rr\nops\nlb_kind DR\nprotocol UDP\nreal_server 192.0.2.21 53 {\n}\n}\n\
         virtual_server 192.0.2.100 54 {\nlb_algo rr\nlb_kind NAT\nprotocol UDP\nreal_server 192.0.2.21 53 {\n}\n}\n\
         virtual_server 192.0.2.100 55 {\nlb_algo rr\nlb_kind NAT\nprotocol SCTP\nreal_server 192.0.2.21 55 {\n}\n}",
    ),
    (
        "thresholds",
        "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nuthreshold 100\nlthreshold 50\n}\nreal_server 192.0.2.22 80 {\nuthreshold 7\n}\n}",
    ),
    (
        "no scheduler, no method and no weight",
        "virtual_server 192.0.2.100 80 {\nprotocol TCP\nreal_server 192.0.2.21 80 {\n}\n}",
    ),
    (
        "schedulers and engines of the kernel alone",
        "virtual_server 192.0.2.100 1 {\nlb_algo lblc\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 2 {\nlb_algo lblcr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 3 {\nlb_algo wrr\nflag-2\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 1 {\n}\n}\n\
         virtual_server 192.0.2.100 5060 {\nlb_algo rr\nlb_kind NAT\nprotocol UDP\nops\npersistence_timeout 60\n\
         persistence_engine sip\nreal_server 192.0.2.21 5060 {\n}\n}",
    ),
    (
        "firewall marks of both families",
        "virtual_server fwmark 7 {\nlb_algo rr\nlb_kind DR\nreal_server 192.0.2.21 0 {\n}\nreal_server 192.0.2.22 0 {\nweight 2\n}\n\
         real_server 192.0.2.23 80 {\n}\nsorry_server 192.0.2.99 81\n}\n\
         virtual_server fwmark 8 {\nlb_algo wlc\nlb_kind NAT\nip_family inet6\nreal_server 2001:db8::21 80 {\n}\n}",
    ),
    (
        "a group of an address, a range and a mark",
        "virtual_server_group g {\n192.0.2.100 80\n192.0.2.101-103 443\nfwmark 9\n}\n\
         virtual_server group g {\nlb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 192.0.2.21 80 {\n}\nreal_server 192.0.2.22 80 {\n}\n}",
    ),
    (
        "groups by mark, of addresses, ranges, prefixes and either family",
        "global_defs {\nnftables_ipvs\n}\n\
         virtual_server_group one {\n192.0.2.10 80\n192.0.2.20-25 80\n198.51.100.0/28 443\n}\n\
         virtual_server_group six {\n2001:db8::1 80\n2001:db8::10-2f 80\n}\n\
         virtual_server group one {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 80 {\n}\n}\n\
         virtual_server group one {\nlb_algo rr\nlb_kind NAT\nprotocol UDP\nreal_server 192.0.2.21 80 {\n}\n}\n\
         virtual_server group six {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 2001:db8::21 80 {\n}\n}",
    ),
    (
        "the same with a name, a priority, counters and marks of their own",
        "global_defs {\nnftables_ipvs mine\nnftables_ipvs_start_fwmark 50\nnftables_ipvs_priority 7\nnftables_counters\n}\n\
         virtual_server_group two {\n192.0.2.100 80\n192.0.2.100 443\n}\n\
         virtual_server group two {\nlb_algo rr\nlb_kind NAT\nprotocol SCTP\nreal_server 192.0.2.21 80 {\n}\n}\n\
         virtual_server group two {\nlb_algo wrr\nlb_kind DR\nprotocol TCP\nreal_server 192.0.2.21 80 {\n}\n}",
    ),
    (
        "a group by NAT, without one of its addresses",
        "virtual_server_group g {\n192.0.2.100 80\n192.0.2.102-103 443\n}\n\
         virtual_server group g {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 8080 {\n}\nreal_server 192.0.2.22 8080 {\n}\n}",
    ),
    (
        "a quorum that is lost without a sorry server",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nquorum 2\n\
         real_server 192.0.2.21 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n\
         real_server 192.0.2.22 80 {\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n}",
    ),
    (
        "a quorum that is lost with one",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nquorum 2\n\
         sorry_server 192.0.2.99 81\nreal_server 192.0.2.21 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n\
         real_server 192.0.2.22 80 {\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n}",
    ),
    (
        "a quorum that is there, with a sorry server that keeps its place and a method of its own",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind DR\nprotocol TCP\nsorry_server 192.0.2.99 80\n\
         sorry_server_inhibit\nsorry_server_lvs_method NAT\nreal_server 192.0.2.21 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n}",
    ),
    (
        "who inhibits without a quorum",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nquorum 2\ninhibit_on_failure\n\
         sorry_server 192.0.2.99 81\nsorry_server_inhibit\nreal_server 192.0.2.21 80 {\nweight 3\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n\
         real_server 192.0.2.22 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n}",
    ),
    (
        "who inhibits with one",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nweight 3\ninhibit_on_failure\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n\
         real_server 192.0.2.22 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n}",
    ),
    (
        "alpha, with checks that fail and a sorry server",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nalpha\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nsorry_server 192.0.2.99 81\n\
         real_server 192.0.2.21 80 {\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n}",
    ),
    (
        "alpha of one real server, which passes, and of one that does not",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nalpha\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n\
         real_server 192.0.2.22 80 {\nalpha\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\nreal_server 192.0.2.23 80 {\n}\n}",
    ),
    (
        "a weight that a program gives",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nweight 5\nMISC_CHECK {\nmisc_path \"/bin/sh -c 'exit 12'\"\nmisc_dynamic\n}\n}\n\
         real_server 192.0.2.22 80 {\nweight 5\nMISC_CHECK {\nmisc_path \"/bin/sh -c 'exit 2'\"\nmisc_dynamic\n}\n}\n\
         real_server 192.0.2.23 80 {\nweight 5\nMISC_CHECK {\nmisc_path \"/bin/sh -c 'exit 1'\"\nmisc_dynamic\n}\n}\n}",
    ),
    (
        "a quorum of weights that programs give",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\nquorum 9\nsorry_server 192.0.2.99 81\n\
         real_server 192.0.2.21 80 {\nweight 5\nMISC_CHECK {\nmisc_path \"/bin/sh -c 'exit 4'\"\nmisc_dynamic\n}\n}\n\
         real_server 192.0.2.22 80 {\nweight 5\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n}",
    ),
    (
        "a sorry server that is a real server too",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\nquorum 2\nsorry_server 192.0.2.22 80\n\
         real_server 192.0.2.21 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n\
         real_server 192.0.2.22 80 {\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n}",
    ),
    (
        "several checks, one of which fails",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n\
         real_server 192.0.2.22 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}\n}",
    ),
    (
        "a real server that fails and is the only one",
        "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nwarmup 0\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nMISC_CHECK {\nmisc_path /bin/false\n}\n}\n}",
    ),
];

/// Two virtual servers whose three real servers are checked.
pub(crate) const SERVICES: &str = "virtual_server 192.0.2.100 80 {\ndelay_loop 1\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
    real_server 192.0.2.21 80 {\nTCP_CHECK {\nconnect_timeout 2\n}\n}\n\
    real_server 192.0.2.22 80 {\nTCP_CHECK {\nconnect_timeout 2\n}\n}\n\
    real_server 192.0.2.23 80 {\nTCP_CHECK {\nconnect_timeout 2\n}\n}\n}\n\
    virtual_server 192.0.2.101 80 {\ndelay_loop 1\nlb_algo wlc\nlb_kind NAT\nprotocol TCP\n\
    real_server 192.0.2.21 80 {\nTCP_CHECK {\nconnect_timeout 2\n}\n}\n\
    real_server 192.0.2.22 80 {\nTCP_CHECK {\nconnect_timeout 2\n}\n}\n\
    real_server 192.0.2.23 80 {\nTCP_CHECK {\nconnect_timeout 2\n}\n}\n}\n";
