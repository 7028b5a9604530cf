// SPDX-License-Identifier: GPL-2.0

//! The smallest rulesets: base chains at the three hooks that a forwarded packet passes, without a rule
//! (`chains`) or with one at forward (`chains-rule`); every packet misses it.

use std::fmt::Write;

use super::addresses::{addresses, flow, misses};
use crate::case::{Case, Family, Form, Packets};
use crate::plan::Peer;
use crate::random::Random;

const SEED: u64 = 0xc4a1;

/// Three base chains, with this many rules at forward.
pub(crate) fn case(family: Family, rules: u64) -> Case {
    let mut random = Random::new(SEED);
    let list = addresses(&mut random, family, rules as usize);
    let name = family.name();
    let mut text = format!("table {name} bench {{\n");
    let mut iptables = "*filter\n:FORWARD ACCEPT [0:0]\n".to_owned();
    for hook in ["prerouting", "forward", "postrouting"] {
        let _ = writeln!(text, "\tchain {hook} {{");
        let _ = writeln!(
            text,
            "\t\ttype filter hook {hook} priority filter; policy accept;"
        );
        for address in list.iter().filter(|_| hook == "forward") {
            let _ = writeln!(text, "\t\t{name} saddr {address} drop");
            let _ = writeln!(iptables, "-A FORWARD -s {address} -j DROP");
        }
        text += "\t}\n";
    }
    let mut case = Case::new("chains", rules, family);
    case.as_written(&(text + "}\n"));
    case.forms.retain(|form| form.peer != Peer::NftOptimised);
    iptables += "COMMIT\n";
    case.forms
        .push(Form::new(Peer::Iptables, family.iptables(), iptables));
    let misses = misses(&mut random, family, &list);
    case.traffic
        .push(Packets::new("miss-one-flow", flow(&misses)));
    case.traffic.push(Packets::new("miss", misses));
    case
}
