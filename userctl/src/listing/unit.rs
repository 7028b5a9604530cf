// SPDX-License-Identifier: GPL-2.0
//! Lengths of time and numbers of bytes, in the units that nft takes.

use std::fmt::Write;

/// Milliseconds as nft writes them: `1d2h3m4s5ms`, without what is zero; nothing at all is `0s`.
pub fn time_text(millis: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
        (1, "ms"),
    ];
    let mut text = String::new();
    let mut left = millis;
    for (unit, name) in UNITS {
        if left >= unit {
            // Formatting into a string does not fail.
            let _ = write!(text, "{}{name}", left / unit);
            left %= unit;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// A number and its unit: the largest that divides it, of bytes, kbytes and mbytes.
pub fn bytes_text(bytes: u64) -> (u64, &'static str) {
    const UNITS: [(u64, &str); 2] = [(1 << 20, "mbytes"), (1 << 10, "kbytes")];
    for (unit, name) in UNITS {
        if bytes != 0 && bytes % unit == 0 {
            return (bytes / unit, name);
        }
    }
    (bytes, "bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_the_units_that_they_have() {
        for (millis, text) in [
            (0, "0s"),
            (999, "999ms"),
            (60_000, "1m"),
            (90_061_001, "1d1h1m1s1ms"),
            (604_800_000, "7d"),
        ] {
            assert_eq!(time_text(millis), text);
        }
    }

    #[test]
    fn bytes_are_written_in_the_largest_unit_that_divides_them() {
        for (bytes, text) in [
            (0, (0, "bytes")),
            (1023, (1023, "bytes")),
            (1024, (1, "kbytes")),
            (1025 << 10, (1025, "kbytes")),
            (3 << 30, (3072, "mbytes")),
        ] {
            assert_eq!(bytes_text(bytes), text);
        }
    }
}
