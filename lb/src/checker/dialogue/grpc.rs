//! `GRPC_CHECK`: one call of `grpc.health.v1.Health/Check` (the gRPC health checking protocol), as gRPC is carried by HTTP/2
//! (PROTOCOL-HTTP2.md). Its two messages have one field each, so they are read and written here (protobuf wire format).

#[cfg(test)]
mod tests;

use http::HeaderMap;

use super::Exchange;
use crate::checker::{Answer, ProbeError, ProbeResult};

/// What is called.
pub const PATH: &str = "/grpc.health.v1.Health/Check";
/// Of both messages.
pub const CONTENT_TYPE: &str = "application/grpc";

/// Bytes in front of a message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Bytes of the longest answer: a number, and fields that later versions may add.
const LONGEST: usize = 4096;
/// Characters of a server's words that are repeated.
const WORDS: usize = 100;
/// `ServingStatus.SERVING`.
const SERVING: u64 = 1;

/// The bytes of the question whether a service is well; an empty name asks for the server as a whole.
#[must_use]
pub fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(service.len() + 3);
    if !service.is_empty() {
        // Field 1, `service`, as bytes with their length.
        message.push(0x0a);
        push_varint(&mut message, service.len() as u64);
        message.extend(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(message);
    bytes
}

/// What is answered.
#[derive(Debug, Default)]
pub struct Health {
    /// `grpc-status` of an answer that is nothing else, and what it says.
    ended: Option<(u32, String)>,
    body: Vec<u8>,
}

impl Health {
    /// Of a call whose answer is to come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Exchange for Health {
    fn handle_head(&mut self, status: u16, headers: &HeaderMap) -> Result<(), ProbeError> {
        if status != 200 {
            return Err(ProbeError::because(format!(
                "HTTP status {status} instead of 200"
            )));
        }
        let kind = headers.get(http::header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.as_bytes().strip_prefix(CONTENT_TYPE.as_bytes()));
        // `application/grpc+proto` is one, `application/grpc-web` none.
        if !matches!(kind, Some([] | [b'+' | b';', ..])) {
            return Err(ProbeError::because("this is no answer of gRPC"));
        }
        self.ended = ending(headers)?;
        Ok(())
    }

    fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(), ProbeError> {
        if self.body.len() + bytes.len() > PREFIX + LONGEST {
            return Err(ProbeError::because("the answer has no end"));
        }
        self.body.extend(bytes);
        Ok(())
    }

    fn handle_end(&mut self, trailers: Option<&HeaderMap>) -> ProbeResult {
        let ended = trailers.map(ending).transpose()?.flatten();
        match ended.or_else(|| self.ended.take()) {
            Some((0, _)) => match serving_status(&self.body)? {
                SERVING => Ok(Answer::Well),
                other => Err(ProbeError::because(format!(
                    "the service is {}",
                    name_of(other)
                ))),
            },
            Some((code, words)) => Err(ProbeError::because(refusal(code, &words))),
            None => Err(ProbeError::because("the answer ends without a grpc-status")),
        }
    }
}

/// `grpc-status` and `grpc-message` of headers or trailers, where they have some.
fn ending(headers: &HeaderMap) -> Result<Option<(u32, String)>, ProbeError> {
    let Some(code) = headers.get("grpc-status") else {
        return Ok(None);
    };
    let number = code.to_str().ok().and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| ProbeError::because("this is no grpc-status"))?;
    let words = headers.get("grpc-message");
    // Other than visible ASCII is in percent-encoding, and stays so.
    let words = words.and_then(|words| words.to_str().ok());
    let words = words.unwrap_or_default().chars().take(WORDS).collect();
    Ok(Some((number, words)))
}

fn refusal(code: u32, words: &str) -> String {
    let meaning = match code {
        4 => " (DEADLINE_EXCEEDED)",
        5 => " (NOT_FOUND: the server knows no such service)",
        7 => " (PERMISSION_DENIED)",
        12 => " (UNIMPLEMENTED: the server has no health service)",
        14 => " (UNAVAILABLE)",
        16 => " (UNAUTHENTICATED)",
        _ => "",
    };
    let colon = if words.is_empty() { "" } else { ": " };
    format!("gRPC status {code}{meaning}{colon}{words}")
}

fn name_of(status: u64) -> String {
    match status {
        0 => "UNKNOWN".to_owned(),
        2 => "NOT_SERVING".to_owned(),
        3 => "SERVICE_UNKNOWN".to_owned(),
        other => format!("in state {other}"),
    }
}

/// `HealthCheckResponse.status` of the one message there is to be.
fn serving_status(body: &[u8]) -> Result<u64, ProbeError> {
    let illegal = || ProbeError::because("this is no answer of grpc.health.v1.Health");
    let Some((&[is_compressed, a, b, c, d], mut message)) = body.split_first_chunk::<PREFIX>()
    else {
        return Err(illegal());
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    // Nothing else than identity was offered.
    if is_compressed != 0 || usize::try_from(length) != Ok(message.len()) {
        return Err(illegal());
    }
    let mut status = 0;
    while !message.is_empty() {
        let key = take_varint(&mut message).ok_or_else(illegal)?;
        let skipped = match (key >> 3, key & 7) {
            (0, _) => None,
            (1, 0) => {
                // Of several the last counts.
                status = take_varint(&mut message).ok_or_else(illegal)?;
                Some(0)
            }
            (_, 0) => take_varint(&mut message).map(|_| 0),
            (_, 1) => Some(8),
            (_, 2) => take_varint(&mut message),
            (_, 5) => Some(4),
            _ => None,
        };
        let skipped = skipped.and_then(|length| usize::try_from(length).ok());
        message = skipped
            .and_then(|length| message.get(length..))
            .ok_or_else(illegal)?;
    }
    Ok(status)
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Takes a number off the front: seven bits a byte, the lowest first, at most ten bytes.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
