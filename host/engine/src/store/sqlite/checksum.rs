//! What tells bytes that the medium has changed from those that were written. SQLite does not: a payload with a flipped bit is a payload.
//!
//! What lives here: the sum. What does not: what becomes of a run whose bytes have changed (D18).

use super::super::Error;

/// The sum of what a row holds: its numbers, so that a row that has got to another place is noticed too, and its bytes.
pub(super) fn of(numbers: &[i64], bytes: &[u8]) -> i64 {
    let mut sum = crc32fast::Hasher::new();
    for number in numbers {
        sum.update(&number.to_le_bytes());
    }
    sum.update(bytes);
    sum.finalize().into()
}

/// Whether a row holds what was written. Rows that were written before there were sums have none, and are believed.
pub(super) fn fits(stored: Option<i64>, numbers: &[i64], bytes: &[u8]) -> bool {
    stored.is_none_or(|stored| stored == of(numbers, bytes))
}

/// What is said of a row that does not.
pub(super) fn damaged(run_id: &str, what: &str) -> Error {
    let what = format!("{what} is not what was written, its checksum says");
    Error::Corrupt { run_id: Some(run_id.into()), what }
}
