use super::*;

const ADDRESS: [u8; 4] = [10, 0, 0, 9];
const GATEWAY: [u8; 4] = [10, 0, 0, 1];
const LOCAL: [u8; 4] = [10, 0, 0, 2];

fn link(index: u32, kind: LinkLayerType) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.link_layer_type = kind;
    message.attributes = vec![
        LinkAttribute::IfName(format!("eth{index}")),
        LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
    ];
    message
}

fn neighbour(address: [u8; 4], state: NeighbourState) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = 2;
    message.header.state = state;
    message.attributes = vec![
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address.into())),
        NeighbourAttribute::LinkLayerAddress(vec![2, 0, 0, 0, 0, 9]),
    ];
    message
}

fn message(kind: RouteType, attributes: Vec<RouteAttribute>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.kind = kind;
    message.attributes = attributes;
    message
}

#[test]
fn routes_lead_to_a_neighbour_or_say_why_not() {
    let address = IpAddr::from(ADDRESS);
    let via = |neighbour: [u8; 4]| LinkRoute {
        path: Path {
            ifindex: 2,
            neighbour: neighbour.into(),
        },
        local: None,
        mtu: None,
    };
    let source = RouteAttribute::PrefSource(RouteAddress::Inet(LOCAL.into()));
    let metrics = RouteAttribute::Metrics(vec![RouteMetric::Hoplimit(9), RouteMetric::Mtu(1400)]);
    let gateway = RouteAttribute::Gateway(RouteAddress::Inet(GATEWAY.into()));
    let table = [
        (
            RouteType::Unicast,
            vec![RouteAttribute::Oif(2)],
            Ok(Route::Link(via(ADDRESS))),
        ),
        (
            RouteType::Unicast,
            vec![RouteAttribute::Oif(2), gateway],
            Ok(Route::Link(via(GATEWAY))),
        ),
        (
            RouteType::Unicast,
            vec![RouteAttribute::Oif(2), source, metrics],
            Ok(Route::Link(LinkRoute {
                local: Some(LOCAL.into()),
                mtu: Some(1400),
                ..via(ADDRESS)
            })),
        ),
        (RouteType::Unicast, vec![], Err(Unreachable::NoRoute)),
        (
            RouteType::Local,
            vec![RouteAttribute::Oif(1)],
            Ok(Route::Host),
        ),
        (RouteType::BlackHole, vec![], Err(Unreachable::NoRoute)),
    ];
    for (kind, attributes, expected) in table {
        let message = message(kind, attributes);
        assert_eq!(route(address, &message), expected);
    }
}

#[test]
fn a_next_hop_needs_a_route_an_ethernet_link_and_an_answer() {
    let address = IpAddr::from(ADDRESS);
    let on_link = LinkRoute {
        path: Path {
            ifindex: 2,
            neighbour: address,
        },
        local: None,
        mtu: None,
    };
    let mut table = Table::default();
    table.routes.insert(address, Ok(Route::Link(on_link)));
    let mut now = |change: fn(&mut Table)| {
        change(&mut table);
        match table.next_hops().remove(&address) {
            Some(Ok(found)) => found.to_string(),
            Some(Err(why)) => why.to_string(),
            None => String::new(),
        }
    };
    let silent = "10.0.0.9 does not answer on eth2";
    let answers = "eth2 02:00:00:00:00:09";
    assert_eq!(now(|_| {}), "no route");
    assert_eq!(
        now(|t| _ = t.set_link(&link(2, LinkLayerType::Ether))),
        silent
    );
    assert_eq!(
        now(|t| _ = t.set_neighbour(&neighbour(ADDRESS, NeighbourState::Incomplete))),
        silent
    );
    assert_eq!(
        now(|t| _ = t.set_neighbour(&neighbour(ADDRESS, NeighbourState::Reachable))),
        answers
    );
    assert_eq!(
        now(|t| _ = t.set_neighbour(&neighbour(ADDRESS, NeighbourState::Stale))),
        answers
    );
    assert_eq!(
        now(|t| _ = t.set_neighbour(&neighbour(ADDRESS, NeighbourState::Failed))),
        silent
    );
    assert_eq!(
        now(|t| _ = t.set_link(&link(2, LinkLayerType::Tunnel))),
        "eth2 has no Ethernet address"
    );
}

#[test]
fn who_does_not_answer_on_ethernet_is_asked_again_and_no_news_are_none() {
    let path = |ifindex| Path {
        ifindex,
        neighbour: ADDRESS.into(),
    };
    let on_link = |ifindex| {
        Ok(Route::Link(LinkRoute {
            path: path(ifindex),
            local: None,
            mtu: None,
        }))
    };
    let mut table = Table::default();
    table.set_link(&link(2, LinkLayerType::Ether));
    table.set_link(&link(3, LinkLayerType::Tunnel));
    let routes = [
        (ADDRESS, on_link(2)),
        (GATEWAY, on_link(3)),
        (LOCAL, Ok(Route::Host)),
    ];
    table.routes = routes
        .into_iter()
        .map(|(address, route)| (address.into(), route))
        .collect();
    assert_eq!(table.silent(), BTreeSet::from([path(2)]));
    let mut heard = |state| table.set_neighbour(&neighbour(ADDRESS, state));
    assert_eq!(heard(NeighbourState::Reachable), Effect::Neighbours);
    assert_eq!(heard(NeighbourState::Stale), Effect::None);
    assert_eq!(heard(NeighbourState::Probe), Effect::None);
    assert_eq!(table.silent(), BTreeSet::new());
    assert_eq!(
        table.set_neighbour(&neighbour(ADDRESS, NeighbourState::Failed)),
        Effect::Neighbours
    );
    assert_eq!(table.silent(), BTreeSet::from([path(2)]));
}
