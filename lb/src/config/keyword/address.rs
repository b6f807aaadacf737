//! Options behind an address of `static_ipaddress`, `virtual_ipaddress` and `virtual_ipaddress_excluded`.

use super::{
    Keyword, Table,
    takes::{Field, Takes},
};
use crate::config::{
    lower::address::{self as lower, AddressDraft},
    model::address::AddressLine,
};

type Word = Keyword<AddressDraft, AddressLine>;

const fn flag(
    name: &'static [&'static str],
    field: Field<AddressDraft, AddressLine, bool>,
) -> Word {
    Word::new(name, Takes::Flag(field))
}

/// A flag of the address.
macro_rules! address_flag {
    ($name:literal, $field:ident, $means:literal) => {
        flag(
            &[$name],
            Field {
                set: |draft, _| draft.options.flags.$field = true,
                get: |line| Some(line.options.flags.$field),
            },
        )
        .means($means)
    };
}

const DEV: Word = Word::new(
    &["dev"],
    Takes::Interface(Field {
        set: |draft, given| draft.interface = Some(given),
        get: |line| Some(line.address.interface.clone()),
    }),
)
.means("where the address goes");

const PEER: Word = Word::new(
    &["peer"],
    Takes::Next {
        usage: "ADDRESS",
        read: lower::peer,
        show: lower::show_peer,
    },
)
.means("the other end of a point-to-point link");

const NO_PREFIX_ROUTE: Word = address_flag!(
    "noprefixroute",
    no_prefix_route,
    "no route to its network comes with the address"
);

/// What nothing depends on but this node's own traffic, and what people see.
const DETAILS: &[Word] = &[
    Word::new(
        &["brd", "broadcast"],
        Takes::Next {
            usage: "ADDRESS, + or -",
            read: lower::broadcast,
            show: lower::show_broadcast,
        },
    )
    .default("none")
    .means("the broadcast address; + sets the host bits, - clears them"),
    Word::new(
        &["scope"],
        Takes::Next {
            usage: "NAME or NUMBER",
            read: lower::scope,
            show: lower::show_scope,
        },
    )
    .default("global")
    .means("how far the address is valid (IPv4)"),
    Word::new(
        &["label"],
        Takes::Next {
            usage: "NAME",
            read: lower::label,
            show: lower::show_label,
        },
    )
    .means("an alias, as ifconfig(8) shows it (IPv4)"),
    address_flag!("home", home, "a home address of mobile IPv6"),
    address_flag!(
        "-nodad",
        detect_duplicates,
        "duplicate address detection runs for it (IPv6)"
    ),
    address_flag!(
        "mngtmpaddr",
        manage_temporary,
        "the kernel makes temporary addresses from it (IPv6)"
    ),
    address_flag!("autojoin", auto_join, "joins the multicast group"),
    Word::new(
        &["preferred_lft"],
        Takes::Next {
            usage: "SECONDS or forever",
            read: lower::preferred_lifetime,
            show: lower::show_preferred_lifetime,
        },
    )
    .default("forever; 0 for IPv6 addresses of length 128")
    .means("how long it is preferred as a source"),
    flag(
        &["no_track"],
        Field {
            set: |draft, _| draft.options.is_tracked = false,
            get: |line| Some(!line.options.is_tracked),
        },
    )
    .means("nothing happens when somebody removes it"),
];

pub(in crate::config) static STATIC: Table<AddressDraft, AddressLine> = Table {
    block: "static_ipaddress",
    groups: &[
        &[
            DEV.default("default_interface"),
            PEER,
            NO_PREFIX_ROUTE,
            Word::new(
                &["track_group"],
                Takes::Next {
                    usage: "NAME",
                    read: lower::track_group,
                    show: |line| line.options.track_group.clone().into_iter().collect(),
                },
            )
            .means("the instances that go to FAULT when it vanishes"),
        ],
        DETAILS,
    ],
};

pub(in crate::config) static VIRTUAL: Table<AddressDraft, AddressLine> = Table {
    block: "virtual_ipaddress",
    groups: &[
        &[
            DEV.default("interface"),
            PEER,
            NO_PREFIX_ROUTE,
            flag(
                &["use_vmac"],
                Field {
                    set: |draft, _| draft.options.use_vmac = true,
                    get: |line| Some(line.options.use_vmac),
                },
            )
            .means("the address goes to the interface with the virtual MAC address"),
        ],
        DETAILS,
    ],
};
