//! What Ctrl-C means: the first asks the run to stop, the second ends it, the third leaves it alone.

use super::progress::Progress;
use anyhow::{Context, Result};
use sandglass_host::WorkflowHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// As shells have it for a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Listens from the first to the last, so that none is missed while another is carried out.
pub(super) struct Interrupts {
    listener: Signal,
    pressed: u32,
}

impl Interrupts {
    pub(super) fn listen() -> Result<Interrupts> {
        let listener = signal(SignalKind::interrupt()).context("Ctrl-C cannot be listened to")?;
        Ok(Interrupts { listener, pressed: 0 })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        if self.listener.recv().await.is_none() {
            // The listener is gone, and nothing more will come of it.
            std::future::pending::<()>().await;
        }
        self.pressed += 1;
    }

    /// Whether this process has asked for the run's end.
    pub(super) fn cancels(&self) -> bool {
        self.pressed > 0
    }

    /// Does what the last one meant.
    pub(super) async fn carry_out(&self, handle: &WorkflowHandle, progress: &Progress) {
        let asked = match self.pressed {
            1 => {
                progress.say("canceling… (Ctrl-C again terminates)");
                handle.cancel("Ctrl-C").await
            }
            2 => {
                progress.say("terminating…");
                handle.terminate("Ctrl-C, a second time").await
            }
            _ => {
                progress.say("left as it is");
                std::process::exit(INTERRUPTED);
            }
        };
        if let Err(error) = asked {
            progress.say(&format!("that did not succeed: {error}"));
        }
    }
}
