//! The language of sd_notify(3), as far as it is acted on.

/// One line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// `READY=1`.
    Ready,
    /// `WATCHDOG=1`.
    Alive,
    /// `MAINPID=`.
    MainPid(u32),
}

/// Reads a message; what is not acted on is for others (`STATUS=`, `STOPPING=1`, …).
#[must_use]
pub fn parse(message: &[u8]) -> Vec<Notice> {
    let lines = message.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| match line {
            b"READY=1" => Some(Notice::Ready),
            b"WATCHDOG=1" => Some(Notice::Alive),
            _ => {
                let pid = str::from_utf8(line.strip_prefix(b"MAINPID=")?).ok()?;
                pid.parse().ok().filter(|pid| *pid > 1).map(Notice::MainPid)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acted_on_is_picked_out_of_a_message() {
        let cases: [(&[u8], &[Notice]); 5] = [
            (b"READY=1", &[Notice::Ready]),
            (
                b"STATUS=fine\nREADY=1\nMAINPID=77\n",
                &[Notice::Ready, Notice::MainPid(77)],
            ),
            (b"WATCHDOG=1\nREADY=0", &[Notice::Alive]),
            (b"MAINPID=1\nMAINPID=-4\nMAINPID=x\nMAINPID=\xff", &[]),
            (b"", &[]),
        ];
        for (message, expected) in cases {
            assert_eq!(parse(message), expected);
        }
    }
}
