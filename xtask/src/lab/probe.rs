//! Watching the segment from outside the directors.

mod advert;
mod arp;
mod capture;
mod frames;
mod packet;
mod ping;

pub use self::{
    advert::{Advert, AdvertWatch},
    arp::{ArpProbe, ArpReport, Mac},
    capture::{Capture, CaptureReport},
    frames::Frames,
    ping::{Gap, PingProbe, PingReport},
};
