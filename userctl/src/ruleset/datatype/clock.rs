// SPDX-License-Identifier: GPL-2.0
//! Times: dates, hours of the day and lengths of time, as nft writes them.
//!
//! Rules are written in local time (`TZ`, else `/etc/localtime`), the kernel compares UTC. As in nft, an
//! hour of the day is moved by the offset of the moment at which the rule is read.

use std::fmt::Write;

use tz::{DateTime, TimeZone, UtcDateTime};

const DAY: i64 = 86_400;
const NANOS: i128 = 1_000_000_000;

/// The local time zone; UTC if it cannot be found out.
fn zone() -> TimeZone {
    TimeZone::local().unwrap_or_else(|_| TimeZone::utc())
}

/// Seconds that local time is ahead of UTC now.
fn offset() -> i64 {
    let zone = zone();
    let now = zone.find_current_local_time_type();
    now.map_or(0, |kind| i64::from(kind.ut_offset()))
}

/// `HH:MM` or `HH:MM:SS` as seconds since midnight.
fn seconds(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|part| {
        let digits =
            !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<i64>().ok().filter(|_| digits)
    });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = match parts.next() {
        Some(second) => second?,
        None => 0,
    };
    let fits = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    fits.then_some(hour * 3600 + minute * 60 + second)
}

/// Local time of the day to seconds since midnight, UTC. A bare number is taken as it is.
pub(super) fn read_hour(text: &str) -> Option<u128> {
    if let Ok(number) = text.parse::<u32>() {
        return Some(number.into());
    }
    let utc = (seconds(text)? - offset()).rem_euclid(DAY);
    u128::try_from(utc).ok()
}

/// Seconds since midnight, UTC, to local time of the day, in quotes.
pub(super) fn write_hour(value: u128) -> String {
    let local = ((value % DAY as u128) as i64 + offset()).rem_euclid(DAY);
    let (hour, minute, second) = (local / 3600, local / 60 % 60, local % 60);
    match second {
        0 => format!("\"{hour:02}:{minute:02}\""),
        _ => format!("\"{hour:02}:{minute:02}:{second:02}\""),
    }
}

/// Local date, and time of the day if there is one, to nanoseconds since the epoch. A bare number is seconds.
pub(super) fn read_time(text: &str) -> Option<u128> {
    if let Ok(number) = text.parse::<u64>() {
        return u128::from(number).checked_mul(NANOS as u128);
    }
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse::<i32>().ok()?;
    let month = parts.next()?.parse::<u8>().ok()?;
    let day = parts.next()?.parse::<u8>().ok()?;
    let second = seconds(time.trim())?;
    let [hour, minute, second] =
        [second / 3600, second / 60 % 60, second % 60].map(|number| number as u8);
    let zone = zone();
    let found = DateTime::find(year, month, day, hour, minute, second, 0, zone.as_ref()).ok()?;
    let moment = found.earliest()?.total_nanoseconds();
    u128::try_from(moment).ok()
}

/// Nanoseconds since the epoch to local date and time, in quotes.
pub(super) fn write_time(value: u128) -> String {
    let seconds = i64::try_from(value / NANOS as u128).unwrap_or(i64::MAX);
    let Ok(utc) = UtcDateTime::from_timespec(seconds, 0) else {
        return value.to_string();
    };
    let zone = zone();
    let Ok(local) = utc.project(zone.as_ref()) else {
        return value.to_string();
    };
    format!(
        "\"{:04}-{:02}-{:02} {:02}:{:02}:{:02}\"",
        local.year(),
        local.month(),
        local.month_day(),
        local.hour(),
        local.minute(),
        local.second()
    )
}

/// Milliseconds as `1d2h3m4s5ms`.
pub(crate) fn write_duration(millis: u128) -> String {
    const UNITS: [(u128, &str); 5] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
        (1, "ms"),
    ];
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut left = millis;
    let mut out = String::new();
    for (size, unit) in UNITS {
        if left / size > 0 {
            // Formatting into a string does not fail.
            let _ = write!(out, "{}{unit}", left / size);
            left %= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_dates_come_back_as_they_were_written() {
        let hour = read_hour("17:30").unwrap();
        assert_eq!(write_hour(hour), "\"17:30\"");
        let time = read_time("2020-06-21 17:00:05").unwrap();
        assert_eq!(write_time(time), "\"2020-06-21 17:00:05\"");
        assert_eq!(read_time("5"), Some(5_000_000_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["25:00", "17:60", "17", "1:2:3:4", "x"] {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(read_time("2020-13-01"), None);
        assert_eq!(read_time("2020-02-30 10:00"), None);
    }

    #[test]
    fn lengths_of_time_are_written_in_the_largest_units() {
        assert_eq!(write_duration(90_061_001), "1d1h1m1s1ms");
        assert_eq!(write_duration(30_000), "30s");
    }
}
