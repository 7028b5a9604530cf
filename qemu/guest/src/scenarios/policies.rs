// SPDX-License-Identifier: GPL-2.0
//! What a base chain's policy decides, and what it does not.

use anyhow::{ensure, Result};
use ferrule_uapi::hook::{Family, Hook};

use crate::ferrule;
use crate::filter::Filter;
use crate::lab::{Lab, Path};
use crate::packet::Packet;
use crate::runner::Scenario;

use super::hooks::{path_to, send, FAMILIES};

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list = vec![
        Scenario::new("policy-accept-passes-what-no-rule-names", policy_accept),
        Scenario::new("a-chain-without-a-policy-accepts", no_policy),
        Scenario::new("what-a-policy-drops-is-counted", policy_is_counted),
    ];
    for &hook in Hook::ALL {
        let name = format!("policy-drop-at-{}-drops-what-no-rule-accepts", hook.name());
        list.push(Scenario::new(name, move |lab| policy_drop(lab, hook)));
    }
    list
}

fn chain(hook: Hook, policy: &str, rules: &str) -> String {
    format!(
        "table inet t {{\n chain c {{\n type filter hook {} priority filter; {policy}\n {rules}\n }}\n}}\n",
        hook.name()
    )
}

fn policy_accept(lab: &mut Lab) -> Result<()> {
    let rules = chain(Hook::Forward, "policy accept;", "udp dport 9 drop");
    Filter::Ferrule.load(lab.router(), &rules)?;
    for family in FAMILIES {
        ensure!(
            lab.send(Path::Forward, &Packet::udp(family, 1, 10))?,
            "dropped"
        );
        ensure!(
            !lab.send(Path::Forward, &Packet::udp(family, 1, 9))?,
            "not dropped"
        );
    }
    Ok(())
}

fn no_policy(lab: &mut Lab) -> Result<()> {
    let rules = chain(Hook::Forward, "", "udp dport 9 drop");
    Filter::Ferrule.load(lab.router(), &rules)?;
    ensure!(
        lab.send(Path::Forward, &Packet::udp(Family::Ip, 1, 10))?,
        "dropped"
    );
    Ok(())
}

fn policy_drop(lab: &mut Lab, hook: Hook) -> Result<()> {
    let rules = chain(hook, "policy drop;", "udp dport 10 accept");
    for filter in Filter::ALL {
        filter.load(lab.router(), &rules)?;
        for family in FAMILIES {
            let accepted = send(lab, path_to(hook), &Packet::udp(family, 1, 10))?;
            ensure!(accepted, "{filter:?} dropped what a rule accepts");
            for packet in [Packet::udp(family, 1, 11), Packet::tcp(family, 1, 10)] {
                let passed = send(lab, path_to(hook), &packet)?;
                ensure!(!passed, "{filter:?} passed what no rule accepts");
            }
        }
        filter.flush(lab.router())?;
    }
    Ok(())
}

fn policy_is_counted(lab: &mut Lab) -> Result<()> {
    let rules = chain(Hook::Forward, "policy drop;", "udp dport 10 accept");
    Filter::Ferrule.load(lab.router(), &rules)?;
    let packet = Packet::udp(Family::Ip, 1, 11);
    for _ in 0..3 {
        lab.send(Path::Forward, &packet)?;
    }
    lab.send(Path::Forward, &Packet::udp(Family::Ip, 1, 10))?;
    let tallies = ferrule::tallies(lab.router())?;
    let counted = tallies
        .iter()
        .find(|tally| tally.policy)
        .map(|tally| (tally.packets, tally.bytes));
    ensure!(counted == Some((3, 3 * packet.len())), "{tallies:?}");
    Ok(())
}
