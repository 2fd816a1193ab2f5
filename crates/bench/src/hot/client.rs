//! A client as light as one can be: it is to leave the two cores to what is measured.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use kernel::Result;
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::ground::raw;

/// What a load did.
pub struct Loaded {
    /// Answered requests a second.
    pub rate: f64,
    /// What each waited for its answer.
    pub times: Vec<Duration>,
}

/// How the end of an answer is known.
#[derive(Clone, Copy)]
pub enum Speaks {
    /// HTTP/1.1 with `Content-Length`; anything but 200 is an error.
    Http,
    /// Redis: one line.
    Redis,
}

/// One connection that asks again as soon as it is answered.
pub struct Line {
    stream: TcpStream,
    speaks: Speaks,
    asked: Vec<u8>,
    heard: Vec<u8>,
}

impl Line {
    pub async fn open(address: &str, speaks: Speaks) -> Result<Self> {
        let stream = TcpStream::connect(address).await.map_err(raw)?;
        stream.set_nodelay(true).map_err(raw)?;
        Ok(Self { stream, speaks, asked: Vec::new(), heard: Vec::with_capacity(1 << 16) })
    }

    /// Send what `write` writes; the body of the answer.
    pub async fn ask(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<&[u8]> {
        self.asked.clear();
        write(&mut self.asked);
        self.stream.write_all(&self.asked).await.map_err(raw)?;
        self.heard.clear();
        loop {
            if self.stream.read_buf(&mut self.heard).await.map_err(raw)? == 0 {
                return Err(raw("the connection was closed"));
            }
            if let Some(body) = self.body()? {
                return Ok(&self.heard[body..]);
            }
        }
    }

    /// Where the body begins of an answer that is there as a whole.
    fn body(&self) -> Result<Option<usize>> {
        let heard = &self.heard;
        if let Speaks::Redis = self.speaks {
            return match heard.first() {
                Some(b'-') => Err(raw(String::from_utf8_lossy(heard))),
                _ => Ok(heard.ends_with(b"\r\n").then_some(0)),
            };
        }
        let Some(end) = memmem::find(heard, b"\r\n\r\n") else { return Ok(None) };
        let head = &heard[..end];
        if !head.starts_with(b"HTTP/1.1 200 ") {
            return Err(raw(String::from_utf8_lossy(heard)));
        }
        // Both servers write their names of headers small.
        let length = memmem::find(head, b"content-length: ").map(|at| &head[at + 16..]);
        let length = length.ok_or_else(|| raw("an answer without its length"))?;
        let digits = length.iter().map_while(|digit| char::from(*digit).to_digit(10));
        let length = digits.fold(0, |length, digit| length * 10 + digit as usize);
        Ok((heard.len() >= end + 4 + length).then_some(end + 4))
    }
}

/// Ask on so many connections at once for a time. `write` writes the request with this number of a connection.
pub async fn load(
    address: &str,
    speaks: Speaks,
    connections: usize,
    time: Duration,
    write: impl Fn(usize, usize, &mut Vec<u8>) + Clone + Send + Sync + 'static,
) -> Result<Loaded> {
    let mut lines = Vec::new();
    for _ in 0..connections {
        lines.push(Line::open(address, speaks).await?);
    }
    let began = Instant::now();
    let tasks: Vec<_> = lines
        .into_iter()
        .enumerate()
        .map(|(connection, mut line)| {
            let write = write.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while began.elapsed() < time {
                    let asked = Instant::now();
                    line.ask(|request| write(connection, times.len(), request)).await?;
                    times.push(asked.elapsed());
                }
                Ok::<_, kernel::Error>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(raw)??);
    }
    Ok(Loaded { rate: times.len() as f64 / began.elapsed().as_secs_f64(), times })
}

/// A request with a JSON body of this media type.
pub fn post(request: &mut Vec<u8>, path: &str, secret: &str, media: &str, body: &[u8]) {
    head(request, "POST ", path, secret);
    // Writing to memory does not fail.
    let _ = write!(request, "\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n", body.len());
    request.extend_from_slice(body);
}

/// A request for what stands at a path.
pub fn get(request: &mut Vec<u8>, path: &str, secret: &str) {
    head(request, "GET ", path, secret);
    request.extend_from_slice(b"\r\n\r\n");
}

fn head(request: &mut Vec<u8>, method: &str, path: &str, secret: &str) {
    for part in [method, path, " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ", secret] {
        request.extend_from_slice(part.as_bytes());
    }
}
