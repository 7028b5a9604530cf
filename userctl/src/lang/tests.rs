// SPDX-License-Identifier: GPL-2.0
//! Texts and the shapes that they have.

use super::syntax::{ExprKind, Kind, Names, Object, Rule, StmtKind, Verb};
use super::{parse, Entry, Script};
use crate::source::SourceMap;

fn parsed(text: &str) -> Script {
    let mut sources = SourceMap::new();
    let entry = Entry::Text { name: "t", text };
    match parse(&mut sources, entry) {
        Ok(script) => script,
        Err(errors) => panic!("{text}: {errors:?}"),
    }
}

fn refused(text: &str) -> String {
    let mut sources = SourceMap::new();
    let entry = Entry::Text { name: "t", text };
    match parse(&mut sources, entry) {
        Ok(_) => panic!("{text}: parsed"),
        Err(errors) => format!("{errors:?}"),
    }
}

fn with_rule<T>(text: &str, look: impl FnOnce(&Names, &Rule) -> T) -> T {
    let script = parsed(&format!("add rule ip t c {text}"));
    match &script.commands[0].object {
        Object::Rule(_, _, rule) => look(&script.names, rule),
        other => panic!("{text}: {other:?}"),
    }
}

/// The names of the kinds of the rule's statements, and how many there are.
fn kinds(text: &str) -> Vec<String> {
    with_rule(text, |_, rule| {
        let kinds = rule.statements.iter().map(|statement| {
            let debug = format!("{:?}", statement.kind);
            let end = debug.find([' ', '(', '{']).unwrap_or(debug.len());
            debug[..end].to_owned()
        });
        kinds.collect()
    })
}

#[test]
fn statements_are_told_apart() {
    let table: &[(&str, &[&str])] = &[
        ("ip saddr 1.2.3.4 accept", &["Match", "Accept"]),
        ("tcp flags syn / syn,ack drop", &["Masked", "Drop"]),
        ("tcp flags syn,ack / syn,ack,fin", &["Masked"]),
        ("ip saddr 10.0.0.0/8 . 1.2.3.4", &["Match"]),
        ("tcp dport vmap { 22 : accept, 80-90 : jump c }", &["Vmap"]),
        ("ip saddr . tcp dport vmap @v counter", &["Vmap", "Counter"]),
        ("ct state new,established counter", &["Match", "Counter"]),
        (
            "ct mark set ct mark | ip dscp | 0x200 counter",
            &["Set", "Counter"],
        ),
        ("ct helper set \"ftp\"", &["Object"]),
        ("ct timeout set \"x\"", &["Object"]),
        ("ct count over 10 drop", &["Connections", "Drop"]),
        ("meta secmark set tcp dport map @m", &["Object"]),
        ("meta secmark set ct secmark", &["Set"]),
        (
            "counter name \"x\" counter packets 1 bytes 2",
            &["Object", "Counter"],
        ),
        (
            "limit rate over 10 mbytes/second burst 1 mbytes",
            &["Limit"],
        ),
        ("limit rate 10/second burst 3 packets", &["Limit"]),
        ("quota over 10 mbytes used 1 kbytes", &["Quota"]),
        ("last used 1h last", &["Last", "Last"]),
        (
            "log prefix \"x\" group 2 snaplen 3 queue-threshold 4",
            &["Log"],
        ),
        ("log flags tcp sequence,options flags ip options", &["Log"]),
        ("reject with icmpx type admin-prohibited", &["Reject"]),
        (
            "reject with icmpx 3 reject with tcp reset",
            &["Reject", "Reject"],
        ),
        ("queue num 1-3 bypass,fanout", &["Queue"]),
        ("queue flags bypass to numgen inc mod 3", &["Queue"]),
        ("set add ip saddr timeout 1h @s", &["Update"]),
        (
            "update @s { ip saddr timeout 30s limit rate 1/second }",
            &["Update"],
        ),
        ("add @m { ip saddr : 5 }", &["Update"]),
        (
            "meter m size 5 { ip saddr ct count over 2 } drop",
            &["Meter", "Drop"],
        ),
        (
            "ip dscp set cs1 tcp option maxseg size set rt mtu",
            &["Set", "Set"],
        ),
        ("@th,16,16 set 5 @nh,96,32 0x01020304", &["Set", "Match"]),
        ("reset tcp option sack-perm", &["ResetOption"]),
        ("fib saddr . iif oif missing drop", &["Match", "Drop"]),
        ("socket cgroupv2 level 1 \"x\" accept", &["Match", "Accept"]),
        ("ipsec in spnum 1 ip saddr 1.1.1.1", &["Match"]),
        (
            "exthdr hbh exists tcp option @42,16,4 5",
            &["Match", "Match"],
        ),
        (
            "sctp chunk init init-tag 5 dccp option 40 exists",
            &["Match", "Match"],
        ),
        ("udp dport 4789 vxlan ip saddr 1.1.1.1", &["Match", "Match"]),
        ("dup to 1.1.1.1 device lo notrack", &["Dup", "Notrack"]),
        ("meta l4proto tcp ip saddr 1.1.1.1", &["Match", "Match"]),
        ("meta priority set 1:f", &["Set"]),
        ("dnat to 1.1.1.1:80 counter", &["Unsupported", "Counter"]),
        (
            "dnat ip addr . port to ip saddr map { 1.1.1.1 : 2.2.2.2 . 80 }",
            &["Unsupported"],
        ),
        (
            "masquerade random,persistent counter",
            &["Unsupported", "Counter"],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(kinds(text), *expected, "{text}");
    }
}

#[test]
fn a_number_and_a_verdict_may_touch_the_colon_between_them() {
    with_rule("tcp dport vmap { 22:accept, 80:drop }", |_, rule| {
        let StmtKind::Vmap { map, .. } = &rule.statements[0].kind else {
            panic!("{rule:?}");
        };
        let ExprKind::Set(elements) = &map.kind else {
            panic!("{map:?}");
        };
        assert_eq!(elements.len(), 2);
        assert!(elements.iter().all(|element| element.data.is_some()));
    });
}

#[test]
fn a_log_prefix_takes_variables() {
    let script = parsed("define who = \"me\"\nadd rule t c log prefix \"$who: \"");
    let Object::Rule(_, _, rule) = &script.commands[0].object else {
        panic!("{script:?}");
    };
    let StmtKind::Log(log) = &rule.statements[0].kind else {
        panic!("{rule:?}");
    };
    let prefix = log
        .prefix
        .map(|text| script.names.get(text.text).to_string());
    assert_eq!(prefix.as_deref(), Some("me: "));
}

#[test]
fn a_set_has_all_of_its_properties() {
    let text = "table inet t {
        set s {
            type ipv4_addr . inet_service
            flags interval,timeout
            timeout 1h30m; gc-interval 10s; size 5; policy memory
            auto-merge
            counter
            comment \"x\"
            elements = { 1.2.3.4 . 80 timeout 5m expires 4m comment \"y\" counter packets 1 bytes 2,
                         * counter }
        }
        map m { typeof ip saddr . meta mark : interval ip daddr; elements = { } }
        map o { type ipv4_addr : ct helper; }
        counter c { packets 1 bytes 2 comment \"x\" }
        ct helper h { type \"ftp\" protocol tcp; l3proto ip; }
        ct timeout o { protocol tcp; policy = { established : 120, close : 20s } }
        secmark k { \"system_u\" }
    }";
    let script = parsed(text);
    let Object::Table(_, Some(block)) = &script.commands[0].object else {
        panic!("{script:?}");
    };
    let (_, set) = &block.sets[0];
    let elements = set.elements.as_ref().expect("elements");
    assert_eq!(set.timeout.map(|time| time.millis), Some(5_400_000));
    assert!(set.auto_merge.is_some() && set.comment.is_some() && set.policy.is_some());
    assert_eq!((set.flags.len(), set.statements.len()), (2, 1));
    assert_eq!(
        elements[0].more.expires.map(|time| time.millis),
        Some(240_000)
    );
    assert_eq!(elements[0].more.statements.len(), 1);
    assert!(elements[1].key.is_none());
    assert!(block.sets[1].1.interval_data && block.sets[1].1.map);
    assert_eq!(block.objects.len(), 4);
}

#[test]
fn every_verb_has_its_object() {
    let table: &[(&str, Verb, &str)] = &[
        ("list ruleset inet", Verb::List, "Ruleset"),
        ("list tables", Verb::List, "All(Table"),
        ("list sets table ip6 t", Verb::List, "All(Set"),
        ("list counters ip t", Verb::List, "All(Counter"),
        ("list set ip t s", Verb::List, "Set"),
        ("list ct helper ip t h", Verb::List, "Stateful(CtHelper"),
        ("list ct helpers table ip t", Verb::List, "All(CtHelper"),
        ("reset rules", Verb::Reset, "All(Rule"),
        ("reset rules ip t c", Verb::Reset, "Rules"),
        ("reset rule t c handle 5", Verb::Reset, "Rules"),
        ("reset counter t c", Verb::Reset, "Stateful(Counter"),
        ("get element t s { 1.2.3.4 }", Verb::Get, "Element"),
        ("rename chain t a b", Verb::Rename, "Rename"),
        ("replace rule t c handle 5 accept", Verb::Replace, "Rule("),
        ("insert rule t c index 1 accept", Verb::Insert, "Rule("),
        ("delete table handle 5", Verb::Delete, "Table"),
        ("delete set ip t handle 5", Verb::Delete, "Set"),
        ("destroy map t m", Verb::Destroy, "Set"),
        ("flush set t s", Verb::Flush, "Set"),
        ("create counter t c", Verb::Create, "Stateful(Counter"),
        ("add quota t q over 10 mbytes", Verb::Add, "Stateful(Quota"),
        (
            "add limit t l { rate 1/second }",
            Verb::Add,
            "Stateful(Limit",
        ),
        ("element t s { 1, 2 }", Verb::Add, "Element"),
        ("describe tcp flags", Verb::Describe, "Describe"),
        ("describe ipv4_addr", Verb::Describe, "Describe"),
    ];
    for (text, verb, object) in table {
        let script = parsed(text);
        assert_eq!(script.commands[0].verb, *verb, "{text}");
        let debug = format!("{:?}", script.commands[0].object);
        assert!(debug.starts_with(object), "{text}: {debug}");
    }
}

#[test]
fn commands_may_share_a_line() {
    let script = parsed("table ip x; add chain x y ; flush ruleset");
    assert_eq!(script.commands.len(), 3);
}

#[test]
fn an_unsupported_set_does_not_hide_the_chain_behind_it() {
    let script = parsed(
        "table t { flowtable f { hook ingress priority 0; devices = { lo }; }
         set s { typeof osf name; flags dynamic; elements = { \"Linux\" } }
         chain c { accept; }
         }",
    );
    let Object::Table(_, Some(block)) = &script.commands[0].object else {
        panic!("{script:?}");
    };
    assert_eq!(block.unsupported.len(), 2);
    assert_eq!(block.chains.len(), 1);
}

#[test]
fn each_bad_rule_of_a_chain_is_reported() {
    let errors = refused(
        "table t { chain c {
            limit rate 5 packets
            tcp dport
            accept
            queue num symhash mod 3
        }
        }",
    );
    assert_eq!(errors.matches("message:").count(), 3, "{errors}");
}

#[test]
fn an_object_statement_names_its_kind() {
    with_rule("ct expectation set \"e\"", |_, rule| {
        let StmtKind::Object { kind, .. } = &rule.statements[0].kind else {
            panic!("{rule:?}");
        };
        assert_eq!(*kind, Kind::CtExpectation);
    });
}
