//! `DNS_CHECK`: a question, and an answer to it without an error. What the answer says does not count, as with keepalived.

use std::str::FromStr as _;

use hickory_proto::{
    op::{Header, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType},
    serialize::binary::{BinDecodable as _, BinDecoder},
};

use crate::{
    checker::{Answer, ProbeError, ProbeResult},
    config::model::check::{Dns, DnsType},
};

/// The datagram that asks; `id` is in the answer.
///
/// # Errors
/// When the name is none of the DNS.
pub fn question(dns: &Dns, id: u16) -> Result<Vec<u8>, ProbeError> {
    let name = Name::from_str(&dns.name.to_string()).map_err(illegal)?;
    let kind = match dns.kind {
        DnsType::A => RecordType::A,
        DnsType::Ns => RecordType::NS,
        DnsType::Cname => RecordType::CNAME,
        DnsType::Soa => RecordType::SOA,
        DnsType::Mx => RecordType::MX,
        DnsType::Txt => RecordType::TXT,
        DnsType::Aaaa => RecordType::AAAA,
        DnsType::Rrsig => RecordType::RRSIG,
        DnsType::Dnskey => RecordType::DNSKEY,
    };
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, kind));
    message.to_vec().map_err(illegal)
}

fn illegal(error: impl std::fmt::Display) -> ProbeError {
    ProbeError::because(format!("the question cannot be written: {error}"))
}

/// What a datagram says to the question `id`; `None` for one that is no answer to it.
#[must_use]
pub fn answer(datagram: &[u8], id: u16) -> Option<ProbeResult> {
    let header = Header::read(&mut BinDecoder::new(datagram)).ok()?;
    if header.metadata.id != id || header.metadata.message_type != MessageType::Response {
        return None;
    }
    Some(match header.metadata.response_code {
        ResponseCode::NoError => Ok(Answer::Well),
        code => Err(ProbeError::because(format!("answer {code}"))),
    })
}
