// SPDX-License-Identifier: GPL-2.0
//! `.txlate` files: a command of iptables-translate, and the commands of nft that it prints.

use std::fs;
use std::path::Path;

use userctl::import::Family;

use crate::spelling::normal;

/// Reads a file: commands for IPv4 and IPv6, and their translations in one spelling.
pub(crate) fn read(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).expect("a text");
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let ours = ["iptables-translate ", "ip6tables-translate "];
        if ours.iter().any(|name| line.starts_with(name)) {
            found.push((line.to_owned(), String::new()));
        } else if line.contains("tables-translate ") {
            found.push((String::new(), String::new()));
        } else if let Some(rule) = line.strip_prefix("nft ") {
            // Sets are declared in lines of their own.
            let rule = rule.trim_matches('\'');
            if let Some((_, expected)) = found.last_mut().filter(|_| !rule.starts_with("add set")) {
                *expected = normal(&without_place(rule));
            }
        }
    }
    found.retain(|(command, _)| command.contains(" -A ") || command.contains(" -I "));
    found
}

/// `add rule ip filter INPUT REST`.
fn without_place(rule: &str) -> String {
    let words: Vec<_> = rule.splitn(6, ' ').collect();
    words.get(5).copied().unwrap_or_default().to_owned()
}

/// What we make of a command, in one spelling; `None` if it is refused.
pub(crate) fn ours(command: &str) -> Option<String> {
    let family = match command.starts_with("ip6") {
        true => Family::Ip6,
        false => Family::Ip,
    };
    let (_, rule) = command.split_once(' ')?;
    let mut words: Vec<&str> = rule.split(' ').filter(|word| !word.is_empty()).collect();
    // iptables-translate does not ask which table a target is for.
    let mut tables = vec!["filter", "mangle"];
    if let Some(at) = words.iter().position(|word| *word == "-t") {
        tables = vec![words[at + 1]];
        words.drain(at..at + 2);
    }
    let at = words.iter().position(|word| ["-A", "-I"].contains(word))?;
    let chain = words.remove(at + 1);
    words.remove(at);
    let rule = format!("-A {chain} {}", words.join(" "));
    let result = tables.into_iter().find_map(|table| {
        let result = crate::import_text(&crate::save_of(table, chain, &rule), family);
        result.left_out.is_empty().then_some(result)
    })?;
    let mut lines = result.text.lines().map(str::trim);
    let rule = lines.find(|line| line.contains("counter"))?;
    Some(normal(rule))
}

/// Commands that we translate otherwise, or refuse, and why.
pub(crate) static DIFFERENT: &[(&str, &[&str])] = &[
    (
        "--ahlen is in octets, the field in units of four behind the first two",
        &[
            "ip6tables-translate -A INPUT -m ah ! --ahlen 120",
            "ip6tables-translate -A INPUT -m ah --ahspi 500 ! --ahlen 120 -j DROP",
            "ip6tables-translate -A INPUT -m ah --ahspi 500 --ahlen 120 --ahres -j ACCEPT",
        ],
    ),
    (
        "--ahres demands that the field is 0",
        &["ip6tables-translate -A INPUT -m ah --ahres"],
    ),
    (
        "nft has no `exthdr ah`",
        &["ip6tables-translate -A INPUT -m ah --ahspi 0:4294967295"],
    ),
    (
        "--hbh-len is in octets, the field in units of eight behind the first: no header has 22",
        &[
            "ip6tables-translate -t filter -A INPUT -m hbh --hbh-len 22",
            "ip6tables-translate -t filter -A INPUT -m hbh ! --hbh-len 22",
        ],
    ),
    (
        "the kernel refuses the match without -p",
        &[
            "ip6tables-translate -t filter -A INPUT -m icmp6 --icmpv6-type 1 -j LOG",
            "ip6tables-translate -t filter -A INPUT -m icmp6 --icmpv6-type neighbour-advertisement -j LOG",
            "ip6tables-translate -t filter -A INPUT -m icmp6 ! --icmpv6-type packet-too-big -j LOG",
            "iptables-translate -A INPUT -m ecn ! --ecn-tcp-ece",
            "iptables-translate -A INPUT -m ecn --ecn-tcp-cwr",
            "iptables-translate -A INPUT -m sctp -j DROP",
            "iptables-translate -A INPUT -m tcpmss --mss 42",
            "iptables-translate -A INPUT -m tcpmss ! --mss 42",
            "iptables-translate -A INPUT -m tcpmss --mss 42:1024",
            "iptables-translate -A INPUT -m tcpmss ! --mss 1461:65535",
        ],
    ),
    (
        "the match does not hold for later fragments, which have no such header",
        &[
            "iptables-translate -A INPUT -p 51 -m ah --ahspi 0:4294967295 -j DROP",
            "iptables-translate -A INPUT -p 50 -m esp --espspi 0:4294967295 -j DROP",
            "ip6tables-translate -A INPUT -p 50 -m esp --espspi 0:4294967295 -j DROP",
            "iptables-translate -A INPUT -p sctp -m sctp -j DROP",
        ],
    ),
    (
        "`and` binds tighter than `xor` in nft: theirs is no (old & ~mask) ^ value",
        &[
            "iptables-translate -t mangle -A PREROUTING -j CONNMARK --set-xmark 0x16/0x12",
            "iptables-translate -t mangle -A PREROUTING  -j CONNMARK --set-mark 0x23/0x42 --right-shift-mark 5",
        ],
    ),
    (
        "TOS is the whole octet: theirs forgets the two bits of ECN",
        &[
            "ip6tables-translate -A INPUT -j TOS --set-tos 0x1f",
            "ip6tables-translate -A INPUT -j TOS --set-tos 0xff",
            "ip6tables-translate -A INPUT -j TOS --set-tos Minimize-Delay",
            "ip6tables-translate -A INPUT -j TOS --set-tos Minimize-Cost",
            "ip6tables-translate -A INPUT -j TOS --set-tos Normal-Service",
            "ip6tables-translate -A INPUT -j TOS --and-tos 0x12",
            "ip6tables-translate -A INPUT -j TOS --or-tos 0x12",
            "ip6tables-translate -A INPUT -j TOS --xor-tos 0x12",
            "ip6tables-translate -A INPUT -j TOS --set-tos 0x12/0x34",
        ],
    ),
    (
        "`cluster` leaves the type of packets alone that are for a multicast address: refused",
        &[
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 1 --cluster-local-node 1 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 2 --cluster-local-nodemask 1 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 1 --cluster-local-nodemask 1 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 32 --cluster-local-node 32 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 32 --cluster-local-nodemask 32 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 32 --cluster-local-nodemask 5 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 7 --cluster-local-nodemask 9 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
            "iptables-translate -A PREROUTING -t mangle -i eth1 -m cluster --cluster-total-nodes 7 --cluster-local-node 5 --cluster-hash-seed 0xdeadbeef -j MARK --set-mark 0xffff",
        ],
    ),
    (
        "--set also tests whether it could set: refused",
        &["iptables-translate -A INPUT -m connlabel ! --label 40 --set"],
    ),
    (
        "theirs lets one `!` negate both tests",
        &["iptables-translate -A FORWARD -m devgroup ! --src-group 0x2 --dst-group 0xc/0xc -j ACCEPT"],
    ),
    (
        "the kernel refuses a burst of 0",
        &["iptables-translate -A INPUT -m limit --limit 10/s --limit-burst 0"],
    ),
    (
        "a packet has several chunks of data, of which nft sees the first: refused",
        &["iptables-translate -A INPUT -p sctp --chunk-types all INIT,DATA:iUbE,SACK,ABORT:T -j ACCEPT"],
    ),
    (
        "nft 1.1 has no names for some chunks, which would have to be missing",
        &["iptables-translate -A INPUT -p sctp --chunk-types only SHUTDOWN_COMPLETE -j ACCEPT"],
    ),
    (
        "a packet that no socket sent, or a connection without helper, is another's, too",
        &[
            "iptables-translate -t nat -A OUTPUT -p tcp --dport 80 -m owner ! --uid-owner 1000 -j ACCEPT",
            "iptables-translate -A FORWARD -m helper ! --helper ftp",
        ],
    ),
    (
        "nft writes a range of addresses and ports as [first]-[last]:ports",
        &["ip6tables-translate -t nat -A prerouting -p tcp -j DNAT --to-destination [fec0::1234-fec0::2000]:1-20"],
    ),
];
