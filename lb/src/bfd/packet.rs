//! The BFD Control packet (RFC 5880 §4.1): bytes in, values out, and back.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
//! |vers.|  diag   |sta|P|F|C|A|D|M|  detect mult  |    length     |
//! +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
//! |                       my discriminator                        |
//! |                      your discriminator                       |
//! |                    desired min TX interval                    |
//! |                   required min RX interval                    |
//! |                 required min echo RX interval                 |
//! +---------------------------------------------------------------+
//! |           authentication section, where A is set              |
//! ```

use std::{fmt, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

/// Bytes without an authentication section.
pub const HEADER_LEN: usize = 24;
/// Bytes of the shortest packet with one.
const AUTHENTICATED_LEN: usize = 26;
const VERSION: u8 = 1;

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const INDEPENDENT: u8 = 0x08;
/// The A bit.
pub(super) const AUTHENTICATED: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// State of a session (RFC 5880 §4.1, `Sta`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum State {
    /// Held down by an operator.
    AdminDown,
    /// Nothing is heard, or the other end says so.
    #[default]
    Down,
    /// The other end is heard, and may not hear us.
    Init,
    /// Both hear each other.
    Up,
}

impl State {
    const fn of(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }
}

/// The RFC's name, which is keepalived's too.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// Why a session left Up last (RFC 5880 §4.1, `Diag`); five bits, of which 9 to 31 are reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnostic(u8);

impl Diagnostic {
    /// Nothing to say.
    pub const NONE: Self = Self(0);
    /// No packet came within the detection time.
    pub const EXPIRED: Self = Self(1);
    /// The other end says that it is down.
    pub const NEIGHBOR_DOWN: Self = Self(3);
    /// An operator took the session down.
    pub const ADMIN_DOWN: Self = Self(7);
}

/// keepalived's words.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "No Diagnostic",
            1 => "Control Detection Time Expired",
            2 => "Echo Function Failed",
            3 => "Neighbor Signaled Session Down",
            4 => "Forwarding Plane Reset",
            5 => "Path Down",
            6 => "Concatenated Path Down",
            7 => "Administratively Down",
            8 => "Reverse Concatenated Path Down",
            number => return write!(f, "Diagnostic {number}"),
        })
    }
}

/// What a BFD Control packet says, without its authentication. Intervals are microseconds on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Why the sender's session left Up last.
    pub diagnostic: Diagnostic,
    /// State of the sender's session.
    pub state: State,
    /// `P`: the sender waits for a packet with `F`.
    pub poll: bool,
    /// `F`: the answer to a packet with `P`.
    pub is_final: bool,
    /// `C`: the sender's BFD does not share the fate of its control plane.
    pub is_independent: bool,
    /// `D`: the sender wants no packets while both ends are Up.
    pub demand: bool,
    /// Packets missing in a row that end the session; not 0.
    pub detect_mult: u8,
    /// The sender's name for the session.
    pub my_discriminator: NonZeroU32,
    /// The receiver's name for the session, as far as the sender knows it.
    pub your_discriminator: Option<NonZeroU32>,
    /// The shortest time between two packets that the sender wants to send.
    pub desired_min_tx: Duration,
    /// The shortest time between two packets that the sender takes; zero where it wants none.
    pub required_min_rx: Duration,
    /// The same for Echo packets; zero where it takes none.
    pub required_min_echo_rx: Duration,
}

/// Why bytes are no BFD Control packet (RFC 5880 §6.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than a header.
    #[error("it has {0} bytes")]
    Short(usize),
    /// Another version than 1.
    #[error("BFD version {0}")]
    Version(u8),
    /// The length field is less than the header, or more than there is.
    #[error("it says that it has {0} bytes")]
    Length(u8),
    /// The multiplier is 0.
    #[error("its detection multiplier is 0")]
    DetectMult,
    /// The M bit is set.
    #[error("it is for multipoint networks")]
    Multipoint,
    /// The sender has no name for the session.
    #[error("its discriminator is 0")]
    MyDiscriminator,
    /// The sender claims to hear us, and does not know our name for the session.
    #[error("it is {0} without our discriminator")]
    YourDiscriminator(State),
    /// P and F are both set.
    #[error("it has both Poll and Final")]
    PollAndFinal,
}

impl Malformed {
    /// Name of the counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short(_) => "packet_short",
            Self::Version(_) => "packet_version",
            Self::Length(_) => "packet_length",
            Self::DetectMult => "packet_detect_mult",
            Self::Multipoint => "packet_multipoint",
            Self::MyDiscriminator => "packet_my_discriminator",
            Self::YourDiscriminator(_) => "packet_your_discriminator",
            Self::PollAndFinal => "packet_poll_and_final",
        }
    }
}

/// A packet taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// What it says.
    pub control: Control,
    /// All of it, without what follows the length that it tells.
    pub bytes: &'a [u8],
    /// The authentication section, where the A bit is set; at least two bytes.
    pub authentication: Option<&'a [u8]>,
}

impl Control {
    /// Takes a UDP payload apart.
    ///
    /// # Errors
    /// When it is no BFD Control packet of version 1.
    pub fn parse(payload: &[u8]) -> Result<Parsed<'_>, Malformed> {
        let header = payload
            .first_chunk::<HEADER_LEN>()
            .ok_or(Malformed::Short(payload.len()))?;
        let version = header[0] >> 5;
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        let flags = header[1];
        let (length, is_authenticated) = (header[3], flags & AUTHENTICATED != 0);
        let least = if is_authenticated {
            AUTHENTICATED_LEN
        } else {
            HEADER_LEN
        };
        let bytes = payload
            .get(..usize::from(length))
            .filter(|bytes| bytes.len() >= least)
            .ok_or(Malformed::Length(length))?;
        let state = State::of(flags >> 6);
        let (poll, is_final) = (flags & POLL != 0, flags & FINAL != 0);
        if header[2] == 0 {
            return Err(Malformed::DetectMult);
        }
        if flags & MULTIPOINT != 0 {
            return Err(Malformed::Multipoint);
        }
        let my_discriminator =
            NonZeroU32::new(word(header, 4)).ok_or(Malformed::MyDiscriminator)?;
        let your_discriminator = NonZeroU32::new(word(header, 8));
        if your_discriminator.is_none() && matches!(state, State::Init | State::Up) {
            return Err(Malformed::YourDiscriminator(state));
        }
        if poll && is_final {
            return Err(Malformed::PollAndFinal);
        }
        let interval = |at| Duration::from_micros(word(header, at).into());
        let control = Self {
            diagnostic: Diagnostic(header[0] & 0x1f),
            state,
            poll,
            is_final,
            is_independent: flags & INDEPENDENT != 0,
            demand: flags & DEMAND != 0,
            detect_mult: header[2],
            my_discriminator,
            your_discriminator,
            desired_min_tx: interval(12),
            required_min_rx: interval(16),
            required_min_echo_rx: interval(20),
        };
        Ok(Parsed {
            control,
            bytes,
            authentication: is_authenticated.then(|| bytes.get(HEADER_LEN..).unwrap_or_default()),
        })
    }

    /// The bytes of a packet without authentication.
    #[must_use]
    pub fn emit(&self) -> [u8; HEADER_LEN] {
        let flag = |is_set, bit| if is_set { bit } else { 0 };
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION << 5 | self.diagnostic.0;
        bytes[1] = self.state.bits() << 6
            | flag(self.poll, POLL)
            | flag(self.is_final, FINAL)
            | flag(self.is_independent, INDEPENDENT)
            | flag(self.demand, DEMAND);
        bytes[2] = self.detect_mult;
        bytes[3] = 24;
        let words = [
            self.my_discriminator.get(),
            self.your_discriminator.map_or(0, NonZeroU32::get),
            micros(self.desired_min_tx),
            micros(self.required_min_rx),
            micros(self.required_min_echo_rx),
        ];
        for (at, word) in bytes[4..].chunks_exact_mut(4).zip(words) {
            at.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

fn word(header: &[u8; HEADER_LEN], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

fn micros(interval: Duration) -> u32 {
    u32::try_from(interval.as_micros()).unwrap_or(u32::MAX)
}
