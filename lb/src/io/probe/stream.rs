//! A dialogue over a stream.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::in_time;
use crate::checker::{
    ProbeResult,
    dialogue::{Dialogue, Progress},
};

/// Bytes read at once.
const BUFFER: usize = 4096;

/// Carries a dialogue to its end, within `limit` as a whole: a server that drips is too slow.
pub(super) async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    dialogue: &mut impl Dialogue,
    limit: Duration,
) -> ProbeResult {
    in_time(limit, async {
        let mut words = dialogue.start();
        loop {
            write(&mut stream, &words).await?;
            words = match hear(&mut stream, dialogue).await {
                Progress::Wait => Vec::new(),
                Progress::Send(bytes) => bytes,
                Progress::Done(result) => return result,
            };
        }
    })
    .await
}

/// Hands what comes next to the dialogue. Nobody holds a buffer while nothing comes.
async fn hear(stream: &mut (impl AsyncRead + Unpin), dialogue: &mut impl Dialogue) -> Progress {
    poll_fn(|context| {
        let mut bytes = [0; BUFFER];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
        Poll::Ready(match (read, buffer.filled()) {
            (Ok(()), []) => Progress::Done(dialogue.handle_end(true)),
            (Ok(()), bytes) => dialogue.handle_bytes(bytes),
            // rustls says so where close_notify is missing.
            (Err(error), _) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Progress::Done(dialogue.handle_end(false))
            }
            (Err(error), _) => Progress::Done(Err(error.into())),
        })
    })
    .await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    stream.write_all(bytes).await?;
    stream.flush().await
}
