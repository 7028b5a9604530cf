// SPDX-License-Identifier: GPL-2.0
//! How verdicts travel: jump, goto, return, continue, several base chains at one hook.
//!
//! Each case is a ruleset, ports, and which of them arrive; nftables must agree, counters included.

use anyhow::{ensure, Result};

use crate::ferrule;
use crate::filter::Filter;
use crate::lab::{Lab, Path};
use crate::packet::Packet;
use crate::runner::Scenario;

use super::hooks::FAMILIES;

/// A ruleset, and the fate of UDP packets by destination port.
struct Case {
    name: &'static str,
    rules: &'static str,
    arrive: &'static [u16],
    dropped: &'static [u16],
    /// Rules by comment, and how many packets each counts in both families together.
    counts: &'static [(&'static str, u64)],
}

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list: Vec<_> = CASES
        .iter()
        .map(|case| Scenario::new(case.name, |lab| try_case(lab, case)))
        .collect();
    list.push(Scenario::new(
        "equal-priorities-run-in-the-order-of-definition",
        definition_order,
    ));
    list.push(Scenario::new(
        "further-priorities-are-registered-while-chains-ask-for-them",
        priorities_come_and_go,
    ));
    list
}

fn try_case(lab: &mut Lab, case: &Case) -> Result<()> {
    for filter in Filter::ALL {
        filter.load(lab.router(), case.rules)?;
        for family in FAMILIES {
            for (ports, expected) in [(case.arrive, true), (case.dropped, false)] {
                for &port in ports {
                    let arrived = lab.send(Path::Forward, &Packet::udp(family, 5, port))?;
                    ensure!(
                        arrived == expected,
                        "{filter:?}: {family:?} port {port}: {arrived}"
                    );
                }
            }
        }
        let counts = filter.counts(lab.router())?;
        for (comment, packets) in case.counts {
            let got = counts.get(*comment).map(|count| count.packets);
            ensure!(
                got == Some(*packets),
                "{filter:?}: {comment}: {got:?}, expected {packets}"
            );
        }
        filter.flush(lab.router())?;
    }
    Ok(())
}

const CASES: &[Case] = &[
    Case {
        name: "jump-runs-the-chain-and-comes-back",
        rules: r#"table inet t {
            chain ports { udp dport 1 drop; udp dport 2 counter comment "inside"; }
            chain c { type filter hook forward priority filter; policy accept;
                jump ports
                counter comment "after"
                udp dport 2 drop;
            }
        }"#,
        arrive: &[3],
        dropped: &[1, 2],
        counts: &[("inside", 2), ("after", 4)],
    },
    Case {
        name: "goto-does-not-come-back",
        rules: r#"table inet t {
            chain ports { udp dport 1 drop; }
            chain c { type filter hook forward priority filter; policy accept;
                udp dport 1-2 goto ports
                counter comment "after"
                udp dport 2-3 drop;
            }
        }"#,
        arrive: &[2],
        dropped: &[1, 3],
        counts: &[("after", 2)],
    },
    Case {
        name: "goto-ends-in-the-policy",
        rules: r#"table inet t {
            chain empty { udp dport 9 accept; }
            chain c { type filter hook forward priority filter; policy drop;
                udp dport 1 goto empty
                accept;
            }
        }"#,
        arrive: &[2],
        dropped: &[1],
        counts: &[],
    },
    Case {
        name: "goto-inside-a-jump-returns-to-the-caller",
        rules: r#"table inet t {
            chain last { udp dport 1 drop; }
            chain middle { goto last; drop; }
            chain c { type filter hook forward priority filter; policy accept;
                jump middle
                counter comment "back"
                udp dport 2 drop;
            }
        }"#,
        arrive: &[3],
        dropped: &[1, 2],
        counts: &[("back", 4)],
    },
    Case {
        name: "return-leaves-a-chain-early",
        rules: r#"table inet t {
            chain ports { udp dport 1 return; udp dport 1-2 drop; }
            chain c { type filter hook forward priority filter; policy accept;
                jump ports
                udp dport 1 counter comment "returned";
            }
        }"#,
        arrive: &[1, 3],
        dropped: &[2],
        counts: &[("returned", 2)],
    },
    Case {
        name: "return-in-a-base-chain-ends-in-the-policy",
        rules: r#"table inet t {
            chain c { type filter hook forward priority filter; policy drop;
                udp dport 1 return
                counter accept comment "not returned";
            }
        }"#,
        arrive: &[2, 3],
        dropped: &[1],
        counts: &[("not returned", 4)],
    },
    Case {
        name: "continue-goes-on-to-the-next-rule",
        rules: r#"table inet t {
            chain c { type filter hook forward priority filter; policy accept;
                udp dport 1 counter continue comment "first"
                udp dport 1 counter drop comment "second";
            }
        }"#,
        arrive: &[2],
        dropped: &[1],
        counts: &[("first", 2), ("second", 2)],
    },
    Case {
        name: "jumps-nest-and-return-step-by-step",
        rules: r#"table inet t {
            chain d { counter comment "d"; udp dport 4 drop; }
            chain c3 { jump d; counter comment "c3"; udp dport 3 drop; }
            chain c2 { jump c3; counter comment "c2"; udp dport 2 drop; }
            chain c1 { jump c2; counter comment "c1"; udp dport 1 drop; }
            chain c { type filter hook forward priority filter; policy accept;
                jump c1
                counter comment "c";
            }
        }"#,
        arrive: &[5],
        dropped: &[1, 2, 3, 4],
        counts: &[("d", 10), ("c3", 8), ("c2", 6), ("c1", 4), ("c", 2)],
    },
    Case {
        name: "accept-in-a-called-chain-ends-the-base-chain",
        rules: r#"table inet t {
            chain inner { udp dport 1 accept; }
            chain c { type filter hook forward priority filter; policy drop;
                jump inner
                counter comment "after";
            }
        }"#,
        arrive: &[1],
        dropped: &[2],
        counts: &[("after", 2)],
    },
    Case {
        name: "lower-priorities-run-first",
        rules: r#"table inet t {
            chain late { type filter hook forward priority 10; policy accept;
                counter comment "late";
            }
            chain early { type filter hook forward priority -10; policy accept;
                counter comment "early"
                udp dport 1 drop;
            }
        }"#,
        arrive: &[2],
        dropped: &[1],
        counts: &[("early", 4), ("late", 2)],
    },
    Case {
        name: "accept-in-one-base-chain-does-not-shield-from-the-next",
        rules: r#"table inet t {
            chain first { type filter hook forward priority -5; policy drop;
                accept;
            }
            chain second { type filter hook forward priority 5; policy accept;
                udp dport 1 counter drop comment "second";
            }
        }"#,
        arrive: &[2],
        dropped: &[1],
        counts: &[("second", 2)],
    },
    Case {
        name: "drop-is-final",
        rules: r#"table inet t {
            chain first { type filter hook forward priority filter - 1; policy accept;
                udp dport 1 drop;
            }
            chain second { type filter hook forward priority filter + 1; policy accept;
                counter accept comment "second";
            }
        }"#,
        arrive: &[2],
        dropped: &[1],
        counts: &[("second", 2)],
    },
    Case {
        name: "named-priorities-are-netfilters",
        rules: r#"table inet t {
            chain e { type filter hook forward priority security; policy accept;
                udp dport 1-4 counter comment "security";
            }
            chain d { type filter hook forward priority filter; policy accept;
                udp dport 4 drop
                udp dport 1-4 counter comment "filter";
            }
            chain b { type filter hook forward priority mangle; policy accept;
                udp dport 3 drop
                udp dport 1-4 counter comment "mangle";
            }
            chain a { type filter hook forward priority raw; policy accept;
                udp dport 2 drop
                udp dport 1-4 counter comment "raw";
            }
        }"#,
        arrive: &[1],
        dropped: &[2, 3, 4],
        counts: &[("raw", 6), ("mangle", 4), ("filter", 2), ("security", 2)],
    },
    Case {
        name: "chains-at-several-hooks-each-see-the-packet",
        rules: r#"table inet t {
            chain a { type filter hook prerouting priority filter; policy accept;
                udp dport 1-3 counter comment "prerouting";
            }
            chain b { type filter hook forward priority filter; policy accept;
                udp dport 1-3 counter comment "forward"; udp dport 1 drop;
            }
            chain c { type filter hook postrouting priority filter; policy accept;
                udp dport 1-3 counter comment "postrouting"; udp dport 2 drop;
            }
            chain d { type filter hook input priority filter; policy accept;
                counter comment "input";
            }
        }"#,
        arrive: &[3],
        dropped: &[1, 2],
        counts: &[
            ("prerouting", 6),
            ("forward", 6),
            ("postrouting", 4),
            ("input", 0),
        ],
    },
    Case {
        name: "a-mark-set-by-one-chain-is-matched-by-the-next",
        rules: r#"table inet t {
            chain a { type filter hook prerouting priority filter; policy accept;
                udp dport 1 meta mark set 0x17
                udp dport 2 meta mark set 0x18;
            }
            chain b { type filter hook forward priority filter; policy accept;
                meta mark 0x17 counter drop comment "marked";
            }
        }"#,
        arrive: &[2, 3],
        dropped: &[1],
        counts: &[("marked", 2)],
    },
];

/// nftables leaves this undefined; Ferrule defines it.
fn definition_order(lab: &mut Lab) -> Result<()> {
    const RULES: &str = r#"table inet t {
        chain z { type filter hook forward priority filter; policy accept;
            meta mark set 1; }
        chain a { type filter hook forward priority filter; policy accept;
            meta mark 1 counter comment "after z"
            meta mark set 2; }
    }
    table ip u {
        chain b { type filter hook forward priority filter; policy accept;
            meta mark 2 counter drop comment "after a"; }
    }"#;
    Filter::Ferrule.load(lab.router(), RULES)?;
    for family in FAMILIES {
        lab.send(Path::Forward, &Packet::udp(family, 1, 1))?;
    }
    let counts = Filter::Ferrule.counts(lab.router())?;
    ensure!(counts["after z"].packets == 2, "{counts:?}");
    ensure!(counts["after a"].packets == 1, "{counts:?}");
    Ok(())
}

/// Ten hook functions stand by themselves; a base chain at another priority needs its own.
fn priorities_come_and_go(lab: &mut Lab) -> Result<()> {
    let priorities = |lab: &Lab| -> Result<Vec<i32>> {
        let mut list: Vec<_> = ferrule::hook_counts(lab.router())?
            .into_iter()
            .map(|(_, priority, _)| priority)
            .filter(|priority| *priority != 0)
            .collect();
        list.sort_unstable();
        Ok(list)
    };
    ensure!(
        ferrule::hook_counts(lab.router())?.len() == 10,
        "not ten hook functions"
    );
    let rules = "table inet t {\n chain c { type filter hook input priority -150; }\n}\n\
                 table ip u {\n chain c { type filter hook output priority 77; }\n}\n";
    Filter::Ferrule.load(lab.router(), rules)?;
    let now = priorities(lab)?;
    ensure!(now == [-150, -150, 77], "{now:?}");
    Filter::Ferrule.flush(lab.router())?;
    let now = priorities(lab)?;
    ensure!(now.is_empty(), "still registered after the flush: {now:?}");
    Ok(())
}
