//! Netlink attributes: a length, a type and a value, at multiples of four bytes (`include/uapi/linux/netlink.h`).

/// Bytes of a header: length and type, native byte order.
const HEADER: usize = 4;
/// Bits of a type that are not flags (`NLA_TYPE_MASK`).
const TYPE: u16 = 0x3fff;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;

/// Attributes under construction.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<u8>);

impl Attributes {
    /// Adds one of these bytes.
    pub(super) fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = u16::try_from(HEADER + value.len()).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn byte(&mut self, kind: u16, value: u8) -> &mut Self {
        self.bytes(kind, &[value])
    }

    /// Native byte order.
    pub(super) fn short(&mut self, kind: u16, value: u16) -> &mut Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Network byte order.
    pub(super) fn port(&mut self, kind: u16, value: u16) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// Native byte order.
    pub(super) fn word(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Ends with a zero.
    pub(super) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        self.bytes(kind, &[value.as_bytes(), &[0]].concat())
    }

    pub(super) fn nested(&mut self, kind: u16, inner: &Self) -> &mut Self {
        self.bytes(kind | NESTED, &inner.0)
    }

    /// All of them.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The attributes in `bytes`, as far as they are whole.
pub(super) fn read(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (header, _) = bytes.split_at_checked(HEADER)?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & TYPE;
        let value = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number in native byte order.
pub(super) fn word(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// A number in native byte order.
pub(super) fn short(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

/// A number in network byte order.
pub(super) fn port(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Text up to its end, or to its zero.
pub(super) fn text(value: &[u8]) -> Option<String> {
    let end = value
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(value.len());
    String::from_utf8(value[..end].to_vec()).ok()
}
