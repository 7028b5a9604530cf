// SPDX-License-Identifier: GPL-2.0
//! Ports and what else is in the headers of TCP, UDP and DCCP: `tcp udp dccp multiport`.
//!
//! Such a match does not hold for fragments other than the first, as they have no such header. Where
//! none of its options tests the header, a test that every header passes says so.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::protocol::{name, DCCP, SCTP, TCP, UDP, UDPLITE};
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{disjoint, equals, not, number, one_of, ports, Range};
use crate::import::words::Word;

const SPORT: Opt = Opt::value("source-port").also(&["sport"]).not();
const DPORT: Opt = Opt::value("destination-port").also(&["dport"]).not();

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "tcp",
        &[
            SPORT,
            DPORT,
            Opt::flag("syn").not().group(1),
            Opt::pair("tcp-flags").not().group(1),
            Opt::value("tcp-option").not(),
        ],
        tcp,
    )
    .protocols(&[TCP]),
    Extension::new("udp", &[SPORT, DPORT], |used, rule| {
        header(used, rule, "udp")
    })
    .protocols(&[UDP, UDPLITE]),
    Extension::new(
        "dccp",
        &[
            SPORT,
            DPORT,
            Opt::value("dccp-types").not(),
            Opt::value("dccp-option").not(),
        ],
        dccp,
    )
    .protocols(&[DCCP]),
    Extension::new(
        "multiport",
        &[
            Opt::value("source-ports")
                .also(&["sports"])
                .not()
                .required()
                .group(1),
            Opt::value("destination-ports")
                .also(&["dports"])
                .not()
                .group(1),
            Opt::value("ports").not().group(1),
        ],
        multiport,
    )
    .protocols(&[TCP, UDP, UDPLITE, SCTP, DCCP]),
];

/// Tests the ports, and gives whether there was anything to test.
pub(super) fn port_tests(used: &Use, rule: &mut Rule<'_>, header: &str) -> Result<bool> {
    let mut any = false;
    for (option, field) in [("source-port", "sport"), ("destination-port", "dport")] {
        let Some(given) = used.get(option) else {
            continue;
        };
        let range = ports(&given.word())?;
        if range.low == 0 && range.high == 65535 && !given.negated {
            continue;
        }
        any = true;
        rule.transport(format!("{header} {field} {}{range}", not(given.negated)));
    }
    Ok(any)
}

/// A match of nothing but ports.
fn header(used: &Use, rule: &mut Rule<'_>, _: &str) -> Result<()> {
    let header = match rule.has_protocol(&[UDPLITE]) {
        true => "udplite",
        false => "udp",
    };
    if !port_tests(used, rule, header)? {
        rule.transport(format!("{header} sport 0-65535"));
    }
    Ok(())
}

fn tcp(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let mut any = port_tests(used, rule, "tcp")?;
    if let Some(given) = used.get("syn") {
        any = true;
        flags_test(rule, 0x17, 0x02, given.negated);
    }
    if let Some(given) = used.get("tcp-flags") {
        any = true;
        let mask = flags(&given.values[0])?;
        let set = flags(&given.values[1])?;
        flags_test(rule, mask, set, given.negated);
    }
    if !any {
        rule.transport("tcp sport 0-65535");
    }
    if let Some(given) = used.get("tcp-option") {
        let option = number(&given.word(), 255)?;
        if option < 2 {
            return Err(Refusal::new(given.span, "nft does not look for padding")
                .hint("options from 2 on can be looked for"));
        }
        let presence = match given.negated {
            true => "missing",
            false => "exists",
        };
        rule.transport(format!("tcp option {option} {presence}"));
    }
    Ok(())
}

/// The flags' names, from the lowest bit.
const FLAGS: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];

fn flags(word: &Word) -> Result<u8> {
    let mut bits = 0;
    for name in word.text.split(',') {
        let name = name.to_ascii_lowercase();
        bits |= match name.as_str() {
            "all" => 0x3f,
            "none" | "" => 0,
            _ => match FLAGS.iter().position(|flag| *flag == name) {
                Some(bit) => 1 << bit,
                None => {
                    let message = format!("`{name}` is no flag of TCP");
                    return Err(Refusal::new(word.span, message)
                        .hint("FIN SYN RST PSH ACK URG, ALL or NONE"));
                }
            },
        };
    }
    Ok(bits)
}

fn flags_test(rule: &mut Rule<'_>, mask: u8, set: u8, negated: bool) {
    let names = |bits: u8| {
        let set = FLAGS.iter().enumerate();
        let set = set.filter(|(bit, _)| bits & (1 << bit) != 0);
        let names: Vec<_> = set.map(|(_, name)| *name).collect();
        names.join(" | ")
    };
    let grouped = |bits: u8| match bits.count_ones() {
        0 => "0x0".to_owned(),
        1 => names(bits),
        _ => format!("({})", names(bits)),
    };
    let operator = equals(negated);
    rule.transport(format!(
        "tcp flags & {} {operator} {}",
        grouped(mask),
        grouped(set)
    ));
}

/// DCCP's packet types, by number.
const DCCP_TYPES: [&str; 9] = [
    "request", "response", "data", "ack", "dataack", "closereq", "close", "reset", "sync",
];

fn dccp(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let mut any = port_tests(used, rule, "dccp")?;
    if let Some(given) = used.get("dccp-types") {
        any = true;
        let mut names = Vec::new();
        for name in given.text().split(',') {
            let lower = name.to_ascii_lowercase();
            match lower.as_str() {
                "syncack" => names.push("syncack".to_owned()),
                known if DCCP_TYPES.contains(&known) => names.push(lower),
                _ => {
                    let message = format!("`{name}` is no type of DCCP that nft knows");
                    return Err(Refusal::new(given.span, message));
                }
            }
        }
        let set = match names.as_slice() {
            [one] => one.clone(),
            many => format!("{{ {} }}", many.join(", ")),
        };
        rule.transport(format!("dccp type {}{set}", not(given.negated)));
    }
    if !any {
        rule.transport("dccp sport 0-65535");
    }
    if let Some(given) = used.get("dccp-option") {
        return Err(
            Refusal::new(given.span, "DCCP's options are not in every nft")
                .hint("nft 1.1 has `dccp option N exists`"),
        );
    }
    Ok(())
}

fn multiport(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(protocol) = rule.arguments.protocol else {
        return Ok(());
    };
    let header = name(protocol.number);
    for given in &used.given {
        let list = port_list(given)?;
        let test = match given.option.name {
            "source-ports" => format!("{header} sport {}{}", not(given.negated), one_of(&list)),
            "destination-ports" => {
                format!("{header} dport {}{}", not(given.negated), one_of(&list))
            }
            _ => either_port(&header, &list, given.negated),
        };
        rule.transport(test);
    }
    Ok(())
}

fn port_list(given: &Given) -> Result<Vec<Range>> {
    let word = given.word();
    let part = |text: &str| {
        ports(&Word {
            text: text.to_owned(),
            span: word.span,
        })
    };
    let list = word.text.split(',').map(part).collect::<Result<Vec<_>>>()?;
    let places: usize = list
        .iter()
        .map(|range| 1 + usize::from(range.low != range.high))
        .sum();
    if places > 15 {
        return Err(Refusal::new(
            given.span,
            "at most 15 ports; a range counts as two",
        ));
    }
    Ok(disjoint(&list))
}

/// One of the ports is in the list: either the source's is and the destination's is any, or the
/// source's is none of them and the destination's is. The elements of a set may not overlap.
fn either_port(header: &str, list: &[Range], negated: bool) -> String {
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    let mut others = Vec::new();
    let mut next = 0;
    for range in &sorted {
        if next < range.low {
            others.push(Range {
                low: next,
                high: range.low - 1,
            });
        }
        next = range.high + 1;
    }
    if next <= 65535 {
        others.push(Range {
            low: next,
            high: 65535,
        });
    }
    let source = list.iter().map(|range| format!("{range} . 0-65535"));
    let destination = others
        .iter()
        .flat_map(|other| list.iter().map(move |range| format!("{other} . {range}")));
    let elements: Vec<_> = source.chain(destination).collect();
    let list = elements.join(", ");
    format!(
        "{header} sport . {header} dport {}{{ {list} }}",
        not(negated)
    )
}
