// SPDX-License-Identifier: GPL-2.0
//! What the packet does not say: `owner cgroup socket cpu time`.
//!
//! Times of a day, days and dates are written as numbers, of UTC as iptables means them: nft would
//! read words in the time zone of whoever loads the file.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::{quotable, Rule};
use crate::import::values::{not, number, range_of};

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "owner",
        &[
            Opt::value("uid-owner").not(),
            Opt::value("gid-owner").not(),
            Opt::flag("socket-exists").not(),
            Opt::flag("suppl-groups"),
        ],
        owner,
    ),
    Extension::new(
        "cgroup",
        &[
            Opt::value("cgroup").not().required().group(1),
            Opt::value("path").not().group(1),
        ],
        cgroup,
    ),
    Extension::new(
        "socket",
        &[
            Opt::flag("transparent"),
            Opt::flag("nowildcard"),
            Opt::flag("restore-skmark"),
        ],
        socket,
    ),
    Extension::new(
        "cpu",
        &[Opt::value("cpu").not().required()],
        |used, rule| {
            let Some(given) = used.get("cpu") else {
                return Ok(());
            };
            let cpu = number(&given.word(), u32::MAX.into())?;
            rule.test(format!("meta cpu {}{cpu}", not(given.negated)));
            Ok(())
        },
    ),
    Extension::new(
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
    ),
];

fn owner(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if used.given.is_empty() {
        return Err(Refusal::new(used.span, "`owner` needs an option"));
    }
    for given in &used.given {
        let field = match given.option.name {
            "uid-owner" => "meta skuid",
            "gid-owner" => "meta skgid",
            name => {
                let message = format!("nft has nothing that means --{name}");
                return Err(Refusal::new(given.span, message));
            }
        };
        let word = given.word();
        let value = match word.text.as_str() {
            "root" => "0".to_owned(),
            text if text.starts_with(|c: char| c.is_ascii_digit()) => {
                let end = |word: &_| number(word, u64::from(u32::MAX) - 1);
                range_of(&word, '-', u64::from(u32::MAX) - 1, &end)?.to_string()
            }
            text if quotable(text) => format!("\"{text}\""),
            _ => return Err(Refusal::new(given.span, "no name of a user or group")),
        };
        match given.negated {
            false => rule.test(format!("{field} {value}")),
            // What no socket sent has no owner, which is also another one.
            true => rule.unless(&format!("{field} {value}"))?,
        }
    }
    Ok(())
}

fn cgroup(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if let Some(given) = used.get("cgroup") {
        let class = number(&given.word(), u32::MAX.into())?;
        rule.test(format!("meta cgroup {}{class}", not(given.negated)));
    }
    if let Some(given) = used.get("path") {
        // A path matches what is below it, too: the ancestor at the path's own level is compared.
        let path = given.text().trim_matches('/');
        let level = path.split('/').filter(|part| !part.is_empty()).count();
        if given.negated || level == 0 || !quotable(path) {
            return Err(Refusal::new(
                given.span,
                "that a socket is in no or any cgroup is not in nft",
            )
            .hint("`socket cgroupv2 level N PATH` compares the Nth part of the path"));
        }
        rule.test(format!("socket cgroupv2 level {level} \"{path}\""));
    }
    Ok(())
}

fn socket(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    match (used.has("nowildcard"), used.has("transparent")) {
        (false, _) => rule.test("socket wildcard 0"),
        // `transparent` tells by itself that there is a socket.
        (true, true) => {}
        (true, false) => rule.test("socket wildcard <= 1"),
    }
    if used.has("transparent") {
        rule.test("socket transparent 1");
    }
    if used.has("restore-skmark") {
        rule.stateful("meta mark set socket mark");
    }
    Ok(())
}

const DAY: u64 = 24 * 60 * 60;

fn time(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for (option, message, hint) in [
        (
            "monthdays",
            "nft does not know the day of the month",
            "let cron fill a set",
        ),
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
    Ok(())
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
    // Days of the civil calendar, with March as a year's first month.
    let (year, month) = match month > 2 {
        true => (year, month - 3),
        false => (year - 1, month + 9),
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    Some((days - 719_468) * DAY + clock)
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
}
