//! The bytes that the codec is tested with, as this kernel takes them and gives them.

use std::{fmt::Write as _, io, os::fd::AsRawFd as _};

use lb::ipvs::message::{family_name, read_family};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};

use super::Director;

const RECORDED: &str = include_str!("../../../lb/src/ipvs/tests/recorded.txt");
/// `GENL_ID_CTRL`, and its `CTRL_CMD_GETFAMILY`.
const CONTROL: (u16, u8) = (0x10, 3);
/// `NLM_F_REQUEST | NLM_F_ACK`, and the same with `NLM_F_DUMP`.
const FLAGS: [u16; 2] = [0x005, 0x305];
/// `IPVS_CMD_GET_SERVICE`, `IPVS_CMD_GET_DEST`, `IPVS_CMD_GET_DAEMON`.
const DUMPS: [u8; 3] = [4, 8, 11];
/// `NLMSG_ERROR`, `NLMSG_DONE`.
const ENDS: [u16; 2] = [2, 3];
/// Bytes of `struct nlmsghdr` and of `struct genlmsghdr`.
const HEADERS: (usize, usize) = (16, 4);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// Says one thing to a family; what comes back, in order: command and attributes, or how it ended.
fn ask(family: u16, command: u8, attributes: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkGeneric,
    )?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    let is_dump = family != CONTROL.0 && DUMPS.contains(&command);
    let length = u32::try_from(HEADERS.0 + HEADERS.1 + attributes.len()).unwrap();
    let said = [
        &length.to_ne_bytes()[..],
        &family.to_ne_bytes(),
        &FLAGS[usize::from(is_dump)].to_ne_bytes(),
        // Sequence, port; command, version, reserved.
        &[0; 8],
        &[command, 1, 0, 0],
        attributes,
    ]
    .concat();
    send(socket.as_raw_fd(), &said, MsgFlags::empty())?;
    let mut answers = Vec::new();
    let mut received = vec![0; 1 << 16];
    loop {
        let length = recv(socket.as_raw_fd(), &mut received, MsgFlags::empty())?;
        let mut rest = &received[..length];
        while let Some(head) = rest.first_chunk::<4>() {
            let length = u32::from_ne_bytes(*head) as usize;
            let kind = u16::from_ne_bytes([rest[4], rest[5]]);
            let body = &rest[HEADERS.0..length];
            if ENDS.contains(&kind) {
                let code = i32::from_ne_bytes(*body.first_chunk().unwrap());
                answers.sort();
                if code != 0 {
                    answers.push((format!("error {}", -code), Vec::new()));
                } else if answers.is_empty() && !is_dump {
                    answers.push(("ack".to_owned(), Vec::new()));
                }
                return Ok(answers);
            }
            answers.push((format!("{:02x}", body[0]), body[HEADERS.1..].to_vec()));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// The same text with what this kernel answers; services and dests are in the order of their bytes.
fn record() -> io::Result<String> {
    let (control, get_family) = CONTROL;
    let found = ask(control, get_family, &family_name())?;
    let family = found.iter().find_map(|(_, it)| read_family(it));
    let family = family.ok_or(io::ErrorKind::NotFound)?;
    let mut text = String::new();
    for line in RECORDED.lines().filter(|line| !line.starts_with('<')) {
        let _infallible = writeln!(text, "{line}");
        let Some(said) = line.strip_prefix("> ") else {
            continue;
        };
        let (command, attributes) = said.split_once(' ').unwrap_or((said, ""));
        for (what, attributes) in ask(family, bytes(command)[0], &bytes(attributes))? {
            let answer = format!("< {what} {}", hex(&attributes));
            let _infallible = writeln!(text, "{}", answer.trim_end());
        }
    }
    Ok(text)
}

#[test]
fn the_kernel_takes_and_gives_the_bytes_that_the_codec_is_tested_with() {
    let director = Director::new(false);
    let namespace = director.lab.director(1).namespace();
    let found = namespace.run(|| Ok(record()?)).unwrap();
    assert_eq!(director.table(), Vec::<String>::new(), "the last step");
    assert!(found == RECORDED, "this kernel has\n{found}");
    let count = found.lines().filter(|line| line.starts_with('<')).count();
    println!("{count} answers");
}
