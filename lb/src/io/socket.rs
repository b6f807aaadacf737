//! Raw sockets: VRRP adverts, gratuitous ARP, unsolicited neighbour advertisements.
