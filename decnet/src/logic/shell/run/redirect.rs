//! Redirections: opened before a command, written out behind it.

use super::super::language::{Redirect, Stream, Target};
use super::super::text::decode;
use super::world::Way;
use super::{Shell, Sink, Source, Stop, Streams, World};
use crate::logic::files::{Fault, absolute};

/// What a command's redirections have opened.
pub(super) struct Opened {
    pub(super) streams: Streams,
    files: Vec<Output>,
}

/// A file that is written when the command has ended.
struct Output {
    sink: Sink,
    path: String,
}

impl World<'_, '_> {
    /// Opens what the redirections name, in their order. The inner error is the status after a
    /// complaint.
    pub(super) fn open(
        &mut self,
        shell: &mut Shell,
        redirects: &[Redirect],
        streams: Streams,
    ) -> Result<Result<Opened, u8>, Stop> {
        let mut opened = Opened { streams, files: Vec::new() };
        for redirect in redirects {
            self.step()?;
            if let Err(fault) = self.open_one(shell, redirect, &mut opened)? {
                let name = shell.complaint();
                self.write(streams.errors, format!("{name}: {fault}\n").as_bytes());
                self.close(shell, opened);
                return Ok(Err(1));
            }
        }
        Ok(Ok(opened))
    }

    fn open_one(
        &mut self,
        shell: &mut Shell,
        redirect: &Redirect,
        opened: &mut Opened,
    ) -> Result<Result<(), String>, Stop> {
        let streams = &mut opened.streams;
        match &redirect.to {
            Target::Append(word) | Target::Write(word) => {
                let name = self.expand_text(shell, word)?;
                let whole = matches!(redirect.to, Target::Write(_));
                match self.open_output(shell, &name, if whole { Way::Whole } else { Way::Added }) {
                    Ok(sink) => {
                        put(streams, redirect.from, sink);
                        if sink != Sink::Null {
                            let path = absolute(&shell.cwd, &name);
                            opened.files.push(Output { sink, path });
                        }
                    }
                    Err(fault) => return Ok(Err(format!("{name}: {fault}"))),
                }
            }
            Target::Close => match redirect.from {
                Stream::Input => streams.input = Source::Empty,
                from => put(streams, from, Sink::Null),
            },
            Target::Copy(of) => {
                let sink = match of {
                    Stream::Errors => streams.errors,
                    Stream::Output => streams.output,
                    _ => return Ok(Ok(())),
                };
                put(streams, redirect.from, sink);
            }
            Target::Document(word) => {
                let mut bytes = decode(&self.expand_text(shell, word)?);
                if !bytes.ends_with(b"\n") && !bytes.is_empty() {
                    bytes.push(b'\n');
                }
                streams.input = self.input(bytes);
            }
            Target::Read(word) => {
                let name = self.expand_text(shell, word)?;
                let path = absolute(&shell.cwd, &name);
                if path == "/dev/tty" {
                    return Ok(Ok(()));
                }
                let content = self.files(shell.owner()).read(&path);
                match content {
                    Ok(content) => {
                        self.spend_bytes(content.len());
                        streams.input = self.input(content);
                    }
                    Err(fault) => return Ok(Err(format!("{name}: {fault}"))),
                }
            }
        }
        Ok(Ok(()))
    }

    fn open_output(&mut self, shell: &Shell, name: &str, way: Way) -> Result<Sink, Fault> {
        if name.is_empty() {
            return Err(Fault::NotFound);
        }
        let path = absolute(&shell.cwd, name);
        match path.as_str() {
            "/dev/null" => return Ok(Sink::Null),
            "/dev/tty" | "/dev/stdout" | "/dev/stderr" => return Ok(Sink::Terminal),
            _ => {}
        }
        let mut files = self.files(shell.owner());
        match way {
            Way::Added => files.append(&path, b"")?,
            Way::Whole => files.write(&path, b"")?,
        }
        self.wrote(path, way);
        Ok(self.buffer())
    }

    /// Writes out what the command has written to files.
    pub(super) fn close(&mut self, shell: &mut Shell, opened: Opened) {
        for Output { sink, path } in opened.files {
            let bytes = self.drain(sink);
            if bytes.is_empty() {
                continue;
            }
            if let Err(fault) = self.files(shell.owner()).append(&path, &bytes) {
                let name = shell.complaint();
                let line = format!("{name}: write error: {fault}\n");
                self.write(opened.streams.errors, line.as_bytes());
                shell.status = 1;
            }
        }
    }
}

fn put(streams: &mut Streams, from: Stream, sink: Sink) {
    match from {
        Stream::Both => {
            streams.output = sink;
            streams.errors = sink;
        }
        Stream::Errors => streams.errors = sink,
        Stream::Output => streams.output = sink,
        Stream::Input | Stream::Other => {}
    }
}
