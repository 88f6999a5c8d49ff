//! What goes to stdout, where nobody may read any more.

use std::io::{self, Write};

/// Writes a line to stdout. Where it cannot be written, the command is over: whoever reads has gone, as `head` does, or the disk is full.
pub(crate) fn print(text: &str) {
    /// As if SIGPIPE had ended it, which is how Temporal's command ends then.
    const NO_READER: i32 = 128 + 13;
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(NO_READER),
        Err(error) => {
            eprintln!("error: stdout cannot be written to: {error}");
            std::process::exit(1);
        }
    }
}
