//! What guests write: lines of a log, and the end of stderr that is kept for the message of a failure.

use super::limits::{LimitHit, Limits};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For who looks for a fault.
    Debug,
    /// In the normal course.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
}

/// A line that a guest wrote.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// The workflow.
    pub workflow_id: &'a str,
    /// Which run of it.
    pub run_id: &'a str,
    /// The workflow's or the activity's type.
    pub type_name: &'a str,
    /// Which attempt of the workflow task or of the activity.
    pub attempt: u32,
    /// Whether the guest wrote it before, and now only again. Such lines go nowhere, unless
    /// [`WorkerOptions::log_replays`](crate::wasm::WorkerOptions) asks for them.
    pub is_replay: bool,
    /// How much it matters.
    pub level: Level,
    /// `log`, `stdout` or `stderr`.
    pub source: &'static str,
    /// The line, without its end.
    pub text: &'a str,
}

/// Where guests' lines go.
pub type LogSink = Arc<dyn Fn(&LogLine<'_>) + Send + Sync>;

/// A sink that hands the lines to `tracing`, as events of the target `sandglass::guest`.
#[must_use]
pub fn tracing_sink() -> LogSink {
    Arc::new(|line| {
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "sandglass::guest",
                    tracing::Level::$level,
                    workflow_id = line.workflow_id,
                    run_id = line.run_id,
                    r#type = line.type_name,
                    attempt = line.attempt,
                    is_replay = line.is_replay,
                    source = line.source,
                    "{}",
                    line.text
                )
            };
        }
        match line.level {
            Level::Debug => event!(DEBUG),
            Level::Info => event!(INFO),
            Level::Warn => event!(WARN),
            Level::Error => event!(ERROR),
        }
    })
}

/// Who writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer {
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    pub(super) type_name: String,
    pub(super) attempt: u32,
}

/// Which of a process's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Takes what a guest writes.
pub(super) struct Output {
    sink: LogSink,
    pub(super) writer: Writer,
    /// On replay nothing is counted, and nothing is shown unless that is asked for.
    pub(super) silent: bool,
    pub(super) replays_shown: bool,
    bytes: usize,
    lines: usize,
    bytes_max: usize,
    lines_max: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The end of stderr.
    kept: Vec<u8>,
    kept_max: usize,
    /// Of an activity, which has no tasks: since when it is counted.
    counted_since: Option<Instant>,
}

/// For so long what an activity writes is counted together; then it may write as much again.
const ACTIVITY_LOG_WINDOW: Duration = Duration::from_secs(10);

/// A longer line of stdout or stderr is cut into several.
const LINE_BYTES_MAX: usize = 8 * 1024;

impl Output {
    pub(super) fn new(sink: LogSink, limits: &Limits) -> Output {
        Output {
            sink,
            writer: Writer::default(),
            silent: false,
            replays_shown: false,
            bytes: 0,
            lines: 0,
            bytes_max: limits.log_bytes,
            lines_max: limits.log_lines,
            stdout: Vec::new(),
            stderr: Vec::new(),
            kept: Vec::new(),
            kept_max: limits.stderr_kept_bytes,
            counted_since: None,
        }
    }

    /// An activity's: an attempt may last for hours, so what it writes is bounded by the time.
    pub(super) fn of_activity(sink: LogSink, limits: &Limits) -> Output {
        Output { counted_since: Some(Instant::now()), ..Output::new(sink, limits) }
    }

    /// A new workflow task begins: it may write as much again.
    pub(super) fn begin_task(&mut self, silent: bool) {
        self.silent = silent;
        self.bytes = 0;
        self.lines = 0;
        self.kept.clear();
    }

    /// Takes a line of the interface `log`.
    pub(super) fn log(&mut self, level: Level, text: &str) -> Result<(), LimitHit> {
        self.line(level, "log", text)
    }

    /// Takes bytes of a stream.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), LimitHit> {
        if stream == Stream::Stderr {
            self.keep(bytes);
        }
        let (level, source) = match stream {
            Stream::Stdout => (Level::Info, "stdout"),
            Stream::Stderr => (Level::Warn, "stderr"),
        };
        let mut pending = std::mem::take(self.pending(stream));
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            pending.extend_from_slice(piece);
            if pending.ends_with(b"\n") || pending.len() >= LINE_BYTES_MAX {
                let text = String::from_utf8_lossy(&pending);
                self.line(level, source, text.trim_end_matches(['\n', '\r']))?;
                pending.clear();
            }
        }
        *self.pending(stream) = pending;
        Ok(())
    }

    fn pending(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(self.kept_max)..];
        let surplus = (self.kept.len() + bytes.len()).saturating_sub(self.kept_max);
        self.kept.drain(..surplus.min(self.kept.len()));
        self.kept.extend_from_slice(bytes);
    }

    /// The end of what was written to stderr in this task, cut at a line if it is cut.
    pub(super) fn stderr_tail(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        let whole = match self.kept.len() == self.kept_max {
            true => text.split_once('\n').map_or(&*text, |(_, rest)| rest),
            false => &*text,
        };
        whole.trim().to_owned()
    }

    fn line(&mut self, level: Level, source: &'static str, text: &str) -> Result<(), LimitHit> {
        if self.silent {
            // What is written again was counted when it was written first.
            if self.replays_shown {
                self.tell(level, source, text);
            }
            return Ok(());
        }
        if self.counted_since.is_some_and(|since| since.elapsed() >= ACTIVITY_LOG_WINDOW) {
            self.counted_since = Some(Instant::now());
            (self.bytes, self.lines) = (0, 0);
        }
        self.bytes += text.len();
        self.lines += 1;
        if self.bytes > self.bytes_max {
            return Err(LimitHit::LogBytes { max: self.bytes_max });
        }
        if self.lines > self.lines_max {
            return Err(LimitHit::LogLines { max: self.lines_max });
        }
        self.tell(level, source, text);
        Ok(())
    }

    fn tell(&self, level: Level, source: &'static str, text: &str) {
        let Writer { workflow_id, run_id, type_name, attempt } = &self.writer;
        let (attempt, is_replay) = (*attempt, self.silent);
        (self.sink)(&LogLine {
            workflow_id,
            run_id,
            type_name,
            attempt,
            is_replay,
            level,
            source,
            text,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Output, Stream};
    use parking_lot::Mutex;
    use std::sync::Arc;

    fn output(limits: &Limits) -> (Output, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let output = Output::new(
            Arc::new(move |line| sink.lock().push(format!("{} {}", line.source, line.text))),
            limits,
        );
        (output, lines)
    }

    #[test]
    fn lines_are_put_together() {
        let (mut output, lines) = output(&Limits::default());
        output.write(Stream::Stdout, b"one\ntw").unwrap();
        output.write(Stream::Stderr, b"oops\n").unwrap();
        output.write(Stream::Stdout, b"o\r\nthree").unwrap();
        assert_eq!(*lines.lock(), ["stdout one", "stderr oops", "stdout two"]);
        assert_eq!(output.stderr_tail(), "oops");
    }

    #[test]
    fn replay_is_silent_and_not_counted() {
        let (mut output, lines) = output(&Limits { log_lines: 1, ..Limits::default() });
        output.begin_task(true);
        output.write(Stream::Stderr, b"a\nb\nc\n").unwrap();
        assert!(lines.lock().is_empty());
        assert_eq!(output.stderr_tail(), "a\nb\nc");
        output.begin_task(false);
        output.write(Stream::Stderr, b"d\n").unwrap();
        let hit = output.write(Stream::Stderr, b"e\n").unwrap_err();
        assert!(hit.to_string().contains("limit log_lines"), "{hit}");
    }

    #[test]
    fn a_line_says_who_wrote_it_and_whether_again() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let tell = move |line: &super::LogLine<'_>| {
            sink.lock().push(format!("{} {} {}", line.attempt, line.is_replay, line.text));
        };
        let limits = Limits { log_lines: 1, ..Limits::default() };
        let mut output = Output::new(Arc::new(tell), &limits);
        output.replays_shown = true;
        output.writer.attempt = 2;
        output.begin_task(true);
        output.write(Stream::Stdout, b"once\ntwice\n").unwrap();
        output.begin_task(false);
        output.write(Stream::Stdout, b"new\n").unwrap();
        assert_eq!(*lines.lock(), ["2 true once", "2 true twice", "2 false new"]);
    }

    #[test]
    fn the_end_of_stderr_is_kept() {
        let (mut output, _) = output(&Limits { stderr_kept_bytes: 8, ..Limits::default() });
        output.write(Stream::Stderr, b"first\nsec").unwrap();
        output.write(Stream::Stderr, b"ond\n").unwrap();
        assert_eq!(output.stderr_tail(), "second");
        output.write(Stream::Stderr, b"a very long line\nend\n").unwrap();
        assert_eq!(output.stderr_tail(), "end");
    }
}
