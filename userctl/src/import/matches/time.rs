// SPDX-License-Identifier: GPL-2.0
//! When a packet comes: `time`.
//!
//! Times of a day, days and dates are written as numbers, of UTC as iptables means them: nft would
//! read words in the time zone of whoever loads the file. nft does not know days of the month: they are
//! written out as all the spans of time that they are, which end with iptables' dates in 2038.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::not;

pub(super) const ALL: &[Extension] = &[Extension::new(
    "time",
    &[
        Opt::value("datestart"),
        Opt::value("datestop"),
        Opt::value("timestart"),
        Opt::value("timestop"),
        Opt::value("monthdays").not(),
        Opt::value("weekdays").not(),
        Opt::flag("contiguous"),
        Opt::flag("kerneltz"),
        Opt::flag("utc"),
        Opt::flag("localtz"),
    ],
    time,
)];

const DAY: u64 = 24 * 60 * 60;

fn time(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for (option, message, hint) in [
        (
            "contiguous",
            "nft has no time that goes on past midnight",
            "use two rules",
        ),
        (
            "kerneltz",
            "nft does not know the kernel's time zone",
            "write times in UTC",
        ),
        (
            "localtz",
            "nft does not know the kernel's time zone",
            "write times in UTC",
        ),
    ] {
        if let Some(given) = used.get(option) {
            return Err(Refusal::new(given.span, message).hint(hint));
        }
    }
    if let Some(given) = used.get("datestart") {
        rule.test(format!("meta time >= {}", date(given)?));
    }
    if let Some(given) = used.get("datestop") {
        // iptables compares seconds, and the last one counts.
        rule.test(format!("meta time < {}", date(given)? + 1));
    }
    let clock = |name: &str, default: u64| used.get(name).map_or(Ok(default), clock);
    let (start, stop) = (clock("timestart", 0)?, clock("timestop", DAY - 1)?);
    if start < stop {
        if (start, stop) != (0, DAY - 1) {
            rule.test(format!("meta hour {start}-{stop}"));
        }
    } else if start > stop + 1 {
        rule.test(format!("meta hour != {}-{}", stop + 1, start - 1));
    }
    if let Some(given) = used.get("weekdays") {
        weekdays(given, rule)?;
    }
    match used.get("monthdays") {
        Some(given) => {
            let limit = |name: &str, default| used.get(name).map_or(Ok(default), date);
            let (from, to) = (limit("datestart", 0)?, limit("datestop", LAST_SECOND)?);
            rule.decide(monthdays(given, from, to)?)
        }
        None => Ok(()),
    }
}

/// The last second that iptables' dates know, unless a rule says another one.
const LAST_SECOND: u64 = i32::MAX as u64;

/// Most spans of time that a rule is written out in.
const MOST_SPANS: usize = 1000;

/// Days of the month as rules, one for each span of such days.
fn monthdays(given: &Given, from: u64, to: u64) -> Result<Vec<String>> {
    let mut listed = Vec::new();
    for text in given.text().split(',') {
        match text.parse::<u64>() {
            Ok(day @ 1..=31) => listed.push(day),
            _ => {
                let message = format!("`{text}` is no day of a month");
                return Err(Refusal::new(given.span, message).hint("1 to 31, with commas between"));
            }
        }
    }
    let spans = spans(&|day| listed.contains(&day) != given.negated, from, to);
    if spans.is_empty() || spans.len() > MOST_SPANS {
        let message = format!("these are {} spans of days between the dates", spans.len());
        let hint = format!("1 to {MOST_SPANS} can be written out: set --datestart and --datestop");
        return Err(Refusal::new(given.span, message).hint(hint));
    }
    let rules = spans
        .iter()
        .map(|(start, end)| format!("meta time >= {start} meta time < {end}"));
    Ok(rules.collect())
}

/// The days of the month that are wanted, as the seconds from the first one of such days to the first one
/// after them, between two seconds that both count: nft does not know days of the month, and iptables no
/// time before 1970 nor after January 2038.
fn spans(wanted: &dyn Fn(u64) -> bool, from: u64, to: u64) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (year, month) in (1970..=2038).flat_map(|year| (1..=12).map(move |month| (year, month))) {
        let first = days(year, month, 1);
        let length = match month {
            12 => 31,
            _ => days(year, month + 1, 1) - first,
        };
        for day in (1..=length).filter(|day| wanted(*day)) {
            let start = ((first + day - 1) * DAY).max(from);
            let end = ((first + day) * DAY).min(to + 1);
            match spans.last_mut().filter(|(_, last)| *last == start) {
                _ if start >= end => {}
                Some((_, last)) => *last = end,
                None => spans.push((start, end)),
            }
        }
    }
    spans
}

fn weekdays(given: &Given, rule: &mut Rule<'_>) -> Result<()> {
    const NAMES: [&str; 7] = ["su", "mo", "tu", "we", "th", "fr", "sa"];
    let mut days = Vec::new();
    for text in given.text().split(',') {
        let lower = text.to_ascii_lowercase();
        let named = NAMES.iter().position(|name| lower.starts_with(name));
        let numbered = text
            .parse::<usize>()
            .ok()
            .filter(|day| (1..=7).contains(day));
        match named.or(numbered.map(|day| day % 7)) {
            Some(day) if !days.contains(&day) => days.push(day),
            Some(_) => {}
            None => {
                let message = format!("`{text}` is no day");
                return Err(Refusal::new(given.span, message).hint("Mon to Sun, or 1 to 7"));
            }
        }
    }
    days.sort_unstable();
    let list: Vec<_> = days.iter().map(usize::to_string).collect();
    let set = match list.as_slice() {
        [one] => one.clone(),
        many => format!("{{ {} }}", many.join(", ")),
    };
    rule.test(format!("meta day {}{set}", not(given.negated)));
    Ok(())
}

/// Reads `HH:MM` or `HH:MM:SS`.
fn clock(given: &Given) -> Result<u64> {
    clock_seconds(given.text())
        .ok_or_else(|| Refusal::new(given.span, "a time of the day is written HH:MM:SS"))
}

fn clock_seconds(text: &str) -> Option<u64> {
    let parts: Option<Vec<u64>> = text.split(':').map(|part| part.parse().ok()).collect();
    match parts?.as_slice() {
        [h @ 0..=23, m @ 0..=59] => Some(h * 3600 + m * 60),
        [h @ 0..=23, m @ 0..=59, s @ 0..=59] => Some(h * 3600 + m * 60 + s),
        _ => None,
    }
}

/// Reads `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`, in seconds since 1970.
fn date(given: &Given) -> Result<u64> {
    date_seconds(given.text()).ok_or_else(|| {
        Refusal::new(
            given.span,
            "a date is written YYYY-MM-DDThh:mm:ss, from 1970 on",
        )
    })
}

fn date_seconds(text: &str) -> Option<u64> {
    let (date, clock) = text.split_once('T').unwrap_or((text, "0:0"));
    let clock = match clock.contains(':') {
        true => clock_seconds(clock)?,
        false => clock.parse::<u64>().ok().filter(|hour| *hour < 24)? * 3600,
    };
    let parts: Option<Vec<u64>> = date.split('-').map(|part| part.parse().ok()).collect();
    let (year, month, day) = match *parts?.as_slice() {
        [year] => (year, 1, 1),
        [year, month] => (year, month, 1),
        [year, month, day] => (year, month, day),
        _ => return None,
    };
    if !(1970..=2038).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day) * DAY + clock)
}

/// Days from 1970 on to a date of the civil calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // With March as a year's first month, so that a leap day is its last one.
    let (year, month) = match month > 2 {
        true => (year, month - 3),
        false => (year - 1, month + 9),
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    days - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        for (text, seconds) in [
            ("1970", 0),
            ("1970-01-01T02:00:00", 7200),
            ("2001-02-03T04:05:06", 981_173_106),
            ("2000-02-29", 951_782_400),
        ] {
            assert_eq!(date_seconds(text), Some(seconds), "{text}");
        }
        assert_eq!(date_seconds("1969"), None);
    }

    #[test]
    fn days_of_the_month_are_spans_of_time_up_to_the_last_second() {
        let (from, to) = (
            date_seconds("2023-12-31").unwrap(),
            date_seconds("2024-03-01T12").unwrap(),
        );
        let [december, january, leap, march] =
            ["2023-12-31", "2024-01-02", "2024-02-29", "2024-03-01T12"]
                .map(|text| date_seconds(text).unwrap());
        let february = date_seconds("2024-02-01").unwrap();
        assert_eq!(
            spans(&|day| day == 1 || day >= 29, from, to),
            [
                (december, january),
                (date_seconds("2024-01-29").unwrap(), february + DAY),
                (leap, march + 1),
            ]
        );
    }

    #[test]
    fn every_day_since_1970_has_the_number_that_counting_gives() {
        // Counted as a calendar is: month by month, with a leap day every fourth year.
        let mut expected = vec![Vec::<(u64, u64)>::new(); 32];
        let mut today = 0;
        for year in 1970..2038 {
            let leap = u64::from(year % 4 == 0);
            for length in [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                for day in 1..=length {
                    expected[day as usize].push((today * DAY, (today + 1) * DAY));
                    today += 1;
                }
            }
        }
        for day in 1..=31 {
            let found = spans(&|wanted| wanted == day, 0, today * DAY - 1);
            assert_eq!(found, expected[day as usize], "day {day}");
        }
    }
}
