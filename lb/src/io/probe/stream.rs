//! A dialogue over a stream.

use std::{io, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{failed, in_time};
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
        let first = dialogue.start();
        write(&mut stream, &first).await?;
        let mut buffer = [0; BUFFER];
        loop {
            let length = match stream.read(&mut buffer).await {
                Ok(0) => return dialogue.handle_end(true),
                // rustls says so where close_notify is missing.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return dialogue.handle_end(false);
                }
                Err(error) => return Err(failed(&error)),
                Ok(length) => length,
            };
            match dialogue.handle_bytes(&buffer[..length]) {
                Progress::Wait => {}
                Progress::Send(bytes) => write(&mut stream, &bytes).await?,
                Progress::Done(result) => return result,
            }
        }
    })
    .await
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> Result<(), crate::checker::ProbeError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let written = stream.write_all(bytes).await;
    written.map_err(|error| failed(&error))?;
    stream.flush().await.map_err(|error| failed(&error))
}
