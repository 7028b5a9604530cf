// SPDX-License-Identifier: GPL-2.0
//! What IPsec did or will do: `policy`.
//!
//! Whether a packet came or goes through IPsec at all is the same question in nft. What the policy
//! looks like is not: nft looks at one transformation by its number, iptables at all of them, and at
//! protocols and modes, which nft does not tell.

use crate::import::arguments::{Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;

pub(super) const ALL: &[Extension] = &[Extension::new(
    "policy",
    &[
        Opt::value("dir").required(),
        Opt::value("pol").required(),
        Opt::flag("strict"),
        Opt::value("reqid").not().many(),
        Opt::value("spi").not().many(),
        Opt::value("proto").not().many(),
        Opt::value("mode").not().many(),
        Opt::value("tunnel-dst").not().many(),
        Opt::value("tunnel-src").not().many(),
        Opt::flag("next").many(),
    ],
    policy,
)];

fn policy(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let details = |name: &str| !["dir", "pol"].contains(&name);
    if let Some(given) = used.given.iter().find(|given| details(given.option.name)) {
        let message = format!(
            "nft does not look through all transformations for --{}",
            given.option.name
        );
        return Err(Refusal::new(given.span, message)
            .hint("if there is one only: `ipsec in spnum 0 reqid N`, or spi, or ip saddr"));
    }
    let field = match used.get("dir").map_or("", |given| given.text()) {
        "in" => "meta ipsec",
        "out" => "rt ipsec",
        _ => return Err(Refusal::new(used.span, "--dir in or out?")),
    };
    let presence = match used.get("pol").map_or("", |given| given.text()) {
        "ipsec" => "exists",
        "none" => "missing",
        _ => return Err(Refusal::new(used.span, "--pol ipsec or none?")),
    };
    rule.test(format!("{field} {presence}"));
    Ok(())
}
