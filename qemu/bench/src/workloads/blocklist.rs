// SPDX-License-Identifier: GPL-2.0

//! A list of source addresses whose packets are dropped: one rule each, as scripts write them.

use std::fmt::Write;
use std::net::IpAddr;

use super::addresses::{addresses, flow, misses, packets};
use crate::case::{Case, Family, Form, Packets};
use crate::plan::{Peer, Tool};
use crate::random::Random;

const SEED: u64 = 0xb10c;

/// A list of this many addresses.
pub(crate) fn case(family: Family, rules: u64) -> Case {
    let mut random = Random::new(SEED);
    let list = addresses(&mut random, family, rules as usize);
    let mut case = Case::new("blocklist", rules, family);
    case.as_written(&plain(family, &list));
    case.forms
        .push(Form::new(Peer::NftHand, Tool::Nft, by_hand(family, &list)));
    case.forms.push(Form::new(
        Peer::Iptables,
        family.iptables(),
        iptables(&list),
    ));
    case.forms.push(ipset(family, &list));
    let misses = misses(&mut random, family, &list);
    case.traffic
        .push(Packets::new("miss-one-flow", flow(&misses)));
    case.traffic.push(Packets::new("miss", misses));
    let hits = packets(&mut random, family, true, |random| *random.pick(&list));
    case.traffic.push(Packets::new("hit", hits));
    let first = packets(&mut random, family, true, |_| list[0]);
    case.traffic.push(Packets::new("first", first));
    case
}

fn plain(family: Family, list: &[IpAddr]) -> String {
    let name = family.name();
    let mut text = format!("table {name} bench {{\n\tchain forward {{\n");
    text += "\t\ttype filter hook forward priority filter; policy accept;\n";
    for address in list {
        let _ = writeln!(text, "\t\t{name} saddr {address} drop");
    }
    text + "\t}\n}\n"
}

fn by_hand(family: Family, list: &[IpAddr]) -> String {
    let name = family.name();
    let mut text = format!("table {name} bench {{\n\tset blocked {{\n");
    let _ = writeln!(text, "\t\ttype {}", family.address_type());
    text += "\t\telements = {\n";
    for address in list {
        let _ = writeln!(text, "\t\t\t{address},");
    }
    text += "\t\t}\n\t}\n\tchain forward {\n";
    text += "\t\ttype filter hook forward priority filter; policy accept;\n";
    let _ = writeln!(text, "\t\t{name} saddr @blocked drop\n\t}}\n}}");
    text
}

fn iptables(list: &[IpAddr]) -> String {
    let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n".to_owned();
    for address in list {
        let _ = writeln!(text, "-A FORWARD -s {address} -j DROP");
    }
    text + "COMMIT\n"
}

fn ipset(family: Family, list: &[IpAddr]) -> Form {
    let mut set = format!(
        "create blocked hash:ip family {} maxelem {}\n",
        family.ipset(),
        list.len().max(65536)
    );
    for address in list {
        let _ = writeln!(set, "add blocked {address}");
    }
    let rule = "*filter\n:FORWARD ACCEPT [0:0]\n\
                -A FORWARD -m set --match-set blocked src -j DROP\nCOMMIT\n";
    let mut form = Form::new(Peer::Ipset, Tool::Ipset, set);
    form.loads.push((family.iptables(), rule.to_owned()));
    form
}
