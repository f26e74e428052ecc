//! Lists, pipelines and compound commands.

use super::super::language::{Body, Item, Link, List, Place, Sense, Stage, Word};
use super::{Done, MAX_DEPTH, Shell, Sink, Source, Stop, Streams, World, matches};

impl World<'_, '_> {
    /// Runs a list to its end.
    pub(in crate::logic::shell) fn run_list(
        &mut self,
        shell: &mut Shell,
        list: &List,
        streams: Streams,
    ) -> Done {
        self.deeper(shell, |world, shell| {
            for item in &list.0 {
                world.run_item(shell, item, streams)?;
                if shell.strict && shell.status != 0 && item.link == Link::Always {
                    return Err(Stop::Exit(shell.status));
                }
            }
            Ok(shell.status)
        })
    }

    /// Runs one pipeline of a list, when the status before it lets it.
    pub(in crate::logic::shell) fn run_item(
        &mut self,
        shell: &mut Shell,
        item: &Item,
        streams: Streams,
    ) -> Result<(), Stop> {
        match item.link {
            Link::And if shell.status != 0 => return Ok(()),
            Link::Or if shell.status == 0 => return Ok(()),
            _ => {}
        }
        self.step()?;
        let status = if item.place == Place::Background {
            self.in_background(shell, item, streams)?
        } else {
            self.pipeline(shell, &item.stages, streams)?
        };
        shell.status = match item.sense {
            Sense::Kept => status,
            Sense::Turned => u8::from(status == 0),
        };
        Ok(())
    }

    fn in_background(&mut self, shell: &mut Shell, item: &Item, streams: Streams) -> Done {
        shell.jobs = shell.jobs.saturating_add(1);
        let (job, pid) = (shell.jobs, super::super::process::pid(self, shell.jobs));
        shell.set("!", &pid.to_string());
        if shell.is_interactive() {
            self.write(streams.errors, format!("[{job}] {pid}\n").as_bytes());
        }
        let before = std::mem::replace(&mut self.hurry, true);
        let mut child = self.fork(shell);
        let streams = Streams { input: Source::Empty, ..streams };
        let done = self.pipeline(&mut child, &item.stages, streams);
        self.hurry = before;
        match done {
            Err(stop @ Stop::Spent) => Err(stop),
            _ => Ok(0),
        }
    }

    fn pipeline(&mut self, shell: &mut Shell, stages: &[Stage], streams: Streams) -> Done {
        let [stage] = stages else { return self.pipe(shell, stages, streams) };
        self.stage(shell, stage, streams)
    }

    /// Several stages, each of them in a shell of its own, one after the other.
    fn pipe(&mut self, shell: &Shell, stages: &[Stage], streams: Streams) -> Done {
        let mut input = streams.input;
        let mut status = 0;
        for (index, stage) in stages.iter().enumerate() {
            let last = index + 1 == stages.len();
            let output = if last { streams.output } else { self.buffer() };
            let mut child = self.fork(shell);
            let streams = Streams { input, output, errors: streams.errors };
            status = match self.stage(&mut child, stage, streams) {
                Err(Stop::Exit(status) | Stop::Return(status)) => status,
                Err(Stop::Break(_) | Stop::Continue(_)) => 0,
                // A shell at the end of a pipe reads the pipe, not the keyboard.
                Err(Stop::Enter(_)) => 0,
                done => done?,
            };
            if let Sink::Buffer(_) = output
                && !last
            {
                let bytes = self.drain(output);
                input = self.input(bytes);
            }
        }
        Ok(status)
    }

    fn stage(&mut self, shell: &mut Shell, stage: &Stage, streams: Streams) -> Done {
        if let Body::Simple { assignments, words } = &stage.body {
            return self.simple(shell, assignments, words, &stage.redirects, streams);
        }
        let opened = match self.open(shell, &stage.redirects, streams)? {
            Ok(opened) => opened,
            Err(status) => return Ok(status),
        };
        let done = self.compound(shell, &stage.body, opened.streams);
        self.close(shell, opened);
        done
    }

    fn compound(&mut self, shell: &mut Shell, body: &Body, streams: Streams) -> Done {
        match body {
            Body::Case { word, arms } => self.case(shell, word, arms, streams),
            Body::For { name, words, body } => {
                self.for_each(shell, name, words.as_deref(), body, streams)
            }
            Body::Function { name, body } => {
                shell.define(name, body.clone());
                Ok(0)
            }
            Body::Group(list) => self.run_list(shell, list, streams),
            Body::If { arms, otherwise } => {
                for (condition, list) in arms {
                    if self.run_list(shell, condition, streams)? == 0 {
                        return self.run_list(shell, list, streams);
                    }
                }
                shell.status = 0;
                self.run_list(shell, otherwise, streams)
            }
            // A simple command has been taken before.
            Body::Simple { .. } => Ok(0),
            Body::Subshell(list) => self.subshell(shell, list, streams),
            Body::While { sense, condition, body } => {
                self.repeat(shell, *sense, condition, body, streams)
            }
        }
    }

    /// Runs a list in a shell of its own.
    pub(super) fn subshell(&mut self, shell: &Shell, list: &List, streams: Streams) -> Done {
        let mut child = self.fork(shell);
        match self.run_list(&mut child, list, streams) {
            Err(Stop::Exit(status) | Stop::Return(status)) => Ok(status),
            Err(Stop::Break(_) | Stop::Continue(_)) => Ok(0),
            done => done,
        }
    }

    fn case(
        &mut self,
        shell: &mut Shell,
        word: &Word,
        arms: &[(Vec<Word>, List)],
        streams: Streams,
    ) -> Done {
        let value = self.expand_text(shell, word)?;
        for (patterns, list) in arms {
            for pattern in patterns {
                let pattern = self.expand_pattern(shell, pattern)?;
                if matches(&pattern, &value) {
                    return self.run_list(shell, list, streams);
                }
            }
        }
        Ok(0)
    }

    fn for_each(
        &mut self,
        shell: &mut Shell,
        name: &str,
        words: Option<&[Word]>,
        body: &List,
        streams: Streams,
    ) -> Done {
        let values = match words {
            Some(words) => self.expand(shell, words)?,
            None => shell.arguments.clone(),
        };
        shell.status = 0;
        for value in values {
            self.step()?;
            shell.set(name, &value);
            if let Some(status) = around(self.run_list(shell, body, streams))? {
                return Ok(status);
            }
        }
        Ok(shell.status)
    }

    fn repeat(
        &mut self,
        shell: &mut Shell,
        sense: Sense,
        condition: &List,
        body: &List,
        streams: Streams,
    ) -> Done {
        let mut status = 0;
        loop {
            self.step()?;
            let holds = match around(self.run_list(shell, condition, streams))? {
                Some(status) => return Ok(status),
                None => shell.status == 0,
            };
            if holds == (sense == Sense::Turned) {
                shell.status = status;
                return Ok(status);
            }
            if let Some(status) = around(self.run_list(shell, body, streams))? {
                return Ok(status);
            }
            status = shell.status;
        }
    }

    /// Runs something one level deeper; too deep, and the shell cannot fork.
    pub(super) fn deeper(
        &mut self,
        shell: &mut Shell,
        run: impl FnOnce(&mut Self, &mut Shell) -> Done,
    ) -> Done {
        if self.depth >= MAX_DEPTH {
            let line = format!("{}: fork: retry: Resource temporarily unavailable\n", shell.name);
            self.write(Sink::Terminal, line.as_bytes());
            return Err(Stop::Spent);
        }
        self.depth += 1;
        let done = run(self, shell);
        self.depth -= 1;
        done
    }
}

/// What the end of an iteration means for its loop: a status when the loop ends.
fn around(done: Done) -> Result<Option<u8>, Stop> {
    match done {
        Ok(_) | Err(Stop::Continue(0)) => Ok(None),
        Err(Stop::Break(0)) => Ok(Some(0)),
        Err(Stop::Break(levels)) => Err(Stop::Break(levels - 1)),
        Err(Stop::Continue(levels)) => Err(Stop::Continue(levels - 1)),
        Err(stop) => Err(stop),
    }
}
