//! Every bound that the worker half keeps. One that is hit fails the workflow task, never the run,
//! so that mended code can go on.

/// What a run may ask for and hold.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Commands of one workflow task.
    pub commands_max: usize,
    /// Bytes of one activity's input or one result (rule 118).
    pub payload_bytes_max: usize,
    /// Names that a run publishes (D9).
    pub published_names_max: usize,
    /// Bytes of one published value, its name included (D9).
    pub published_bytes_max: usize,
    /// Operations that were started and not taken.
    pub operations_max: usize,
    /// Signals that wait to be received.
    pub signals_max: usize,
    /// Patches that a run knows.
    pub patches_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        Limits {
            commands_max: 20_000,
            payload_bytes_max: 2 * KIB * KIB,
            published_names_max: 64,
            published_bytes_max: 64 * KIB,
            operations_max: 100_000,
            signals_max: 20_000,
            patches_max: 10_000,
        }
    }
}
