// SPDX-License-Identifier: GPL-2.0

//! 5-tuple rules as nft and iptables have them. There is no form by hand: rules that overlap and differ in
//! their verdict cannot be one set, and their order is what they mean.

use std::fmt::Write;

use super::tuple::{protocol, Ports, Tuple, ANY};
use crate::case::Family;
use crate::packet::{TCP, UDP};

/// The rules in nft's language.
pub(super) fn nft(family: Family, list: &[Tuple]) -> String {
    let mut text = format!("table {} bench {{\n\tchain forward {{\n", family.name());
    text += "\t\ttype filter hook forward priority filter; policy accept;\n";
    for rule in list {
        text += "\t\t";
        for (word, prefix) in [("saddr", rule.src), ("daddr", rule.dst)] {
            if prefix.length > 0 {
                let _ = write!(text, "{} {word} {} ", family.name(), prefix.text(family));
            }
        }
        transport(&mut text, family, rule);
        text += if rule.drop { "drop\n" } else { "accept\n" };
    }
    text + "\t}\n}\n"
}

fn transport(text: &mut String, family: Family, rule: &Tuple) {
    let name = match rule.proto {
        Some(TCP) => "tcp",
        Some(UDP) => "udp",
        _ => "th",
    };
    if !rule.wants_ports() {
        if let Some(proto) = rule.proto {
            let _ = write!(text, "meta l4proto {} ", protocol(family, proto));
        }
        return;
    }
    if name == "th" {
        *text += "meta l4proto { tcp, udp } ";
    }
    for (word, ports) in [("sport", rule.sport), ("dport", rule.dport)] {
        if ports != ANY {
            let _ = write!(text, "{name} {word} {} ", range(ports, '-'));
        }
    }
}

fn range((low, high): Ports, between: char) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}{between}{high}")
    }
}

/// The rules in iptables' language: ports of any protocol take a rule for TCP and one for UDP.
pub(super) fn iptables(family: Family, list: &[Tuple]) -> String {
    let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n".to_owned();
    for rule in list {
        let protocols: &[Option<u8>] = match (rule.proto, rule.wants_ports()) {
            (None, true) => &[Some(TCP), Some(UDP)],
            (proto, _) => &[proto],
        };
        for proto in protocols {
            text += "-A FORWARD";
            for (word, prefix) in [("-s", rule.src), ("-d", rule.dst)] {
                if prefix.length > 0 {
                    let _ = write!(text, " {word} {}", prefix.text(family));
                }
            }
            if let Some(proto) = proto {
                let _ = write!(text, " -p {}", protocol(family, *proto));
            }
            for (word, ports) in [("--sport", rule.sport), ("--dport", rule.dport)] {
                if rule.wants_ports() && ports != ANY {
                    let _ = write!(text, " {word} {}", range(ports, ':'));
                }
            }
            text += if rule.drop {
                " -j DROP\n"
            } else {
                " -j ACCEPT\n"
            };
        }
    }
    text + "COMMIT\n"
}

#[cfg(test)]
mod tests {
    use super::super::tuple::Prefix;
    use super::*;

    fn rule() -> Tuple {
        Tuple {
            src: Prefix {
                address: 0xc000_0200,
                length: 24,
            },
            dport: (80, 90),
            drop: true,
            ..Tuple::everything()
        }
    }

    #[test]
    fn ports_of_any_protocol_are_those_of_tcp_and_udp() {
        let text = nft(Family::Ip, &[rule()]);
        let line = "ip saddr 192.0.2.0/24 meta l4proto { tcp, udp } th dport 80-90 drop";
        assert!(text.contains(line), "{text}");
        let text = iptables(Family::Ip, &[rule()]);
        for proto in [6, 17] {
            let line = format!("-A FORWARD -s 192.0.2.0/24 -p {proto} --dport 80:90 -j DROP");
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn ipv6_prefixes_are_embedded() {
        let text = nft(Family::Ip6, &[rule()]);
        assert!(text.contains("ip6 saddr 2001:db8:c000:200::/56 "), "{text}");
    }
}
