// SPDX-License-Identifier: GPL-2.0
//! What the packet does not say: `owner cgroup socket cpu`.

use crate::import::arguments::{Opt, Use};
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
        if given.negated && path.is_empty() {
            // Every group is below the root.
            rule.never();
            return Ok(());
        }
        let level = path.split('/').filter(|part| !part.is_empty()).count();
        if given.negated || level == 0 || !quotable(path) {
            return Err(Refusal::new(
                given.span,
                "that a socket is in no or any cgroup is not in nft",
            )
            .hint("`socket cgroupv2 level N PATH` compares the Nth part of the path"));
        }
        // iptables knows the socket that the packet has; nft looks for the one that will get it, too.
        if !["OUTPUT", "POSTROUTING"].contains(&rule.chain) {
            let message = "the group of a socket is the same in nft in OUTPUT and POSTROUTING only";
            return Err(Refusal::new(given.span, message)
                .hint("`socket cgroupv2` also finds a socket that listens"));
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
