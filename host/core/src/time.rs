//! Points in time. Who reads the clock is elsewhere: in the core, `now` is always an argument.

use crate::proto::Json;
use core::{fmt, time::Duration};
use serde::{Deserialize, Serialize};

/// A point in time, in nanoseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The last point in time that can be said; nothing is ever due then.
    pub const NEVER: Timestamp = Timestamp(i64::MAX);

    /// Later by `duration`, at most [`Timestamp::NEVER`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(nanos))
    }

    /// How long after `earlier` it is; nothing if it is not.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As protobuf has it.
    #[must_use]
    pub fn to_seconds_and_nanos(self) -> (i64, i32) {
        (self.0.div_euclid(1_000_000_000), self.0.rem_euclid(1_000_000_000) as i32)
    }

    /// From protobuf; `None` if it is out of range.
    #[must_use]
    pub fn from_seconds_and_nanos(seconds: i64, nanos: i32) -> Option<Timestamp> {
        if !(0..1_000_000_000).contains(&nanos) {
            return None;
        }
        seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(nanos)).map(Timestamp)
    }

    /// Seconds since the Unix epoch, as the WIT has them.
    #[must_use]
    pub fn as_seconds_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// RFC 3339 in UTC, as proto3 JSON has it: `2026-11-22T10:26:51.594272309Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = self.to_seconds_and_nanos();
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            rest / 3600,
            rest / 60 % 60,
            rest % 60
        )?;
        if let Some(digits) = crate::proto::fraction(nanos as u32) {
            write!(f, ".{digits}")?;
        }
        f.write_str("Z")
    }
}

/// The proleptic Gregorian date of a day since the epoch, by eras of 400 years that begin in March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A duration in proto3 JSON: `3.500s`.
#[must_use]
pub fn show_duration(duration: Duration) -> impl Serialize {
    struct Shown(Option<Duration>);
    impl Serialize for Shown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Json(&self.0).serialize(serializer)
        }
    }
    Shown(Some(duration))
}

#[cfg(test)]
mod tests {
    use super::Timestamp;
    use alloc::string::ToString;

    #[test]
    fn shows_dates() {
        let show =
            |seconds, nanos| Timestamp::from_seconds_and_nanos(seconds, nanos).unwrap().to_string();
        assert_eq!(show(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(show(951_782_400, 500_000_000), "2000-02-29T00:00:00.500Z");
        assert_eq!(show(1_795_343_211, 594_272_309), "2026-11-22T10:26:51.594272309Z");
        assert_eq!(show(-1, 0), "1969-12-31T23:59:59Z");
    }
}
