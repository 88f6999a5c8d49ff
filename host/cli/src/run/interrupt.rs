//! What Ctrl-C means: the first asks the run to stop, the second ends it, the third leaves it alone.

use super::progress::Progress;
use sandglass_host::WorkflowHandle;

/// As shells have it for a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// How often Ctrl-C was pressed.
#[derive(Default)]
pub(super) struct Interrupts {
    pressed: u32,
}

impl Interrupts {
    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals there is nothing to wait for; Ctrl-C then ends the program as usual.
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
