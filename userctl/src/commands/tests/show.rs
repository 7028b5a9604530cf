// SPDX-License-Identifier: GPL-2.0
//! Commands that show what is loaded.

use ferrule_uapi::hook::Hook;

use super::Bench;

#[test]
fn a_load_is_listed_as_nft_lists_it() {
    let bench = Bench::loaded();
    assert_eq!(
        bench.run("list").ok(),
        "\
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname \"lo\" accept
		tcp dport 22 counter packets 0 bytes 0 accept comment \"ssh\"
		ip saddr 192.0.2.0/24 drop
		tcp dport 23 counter packets 0 bytes 0 drop
	}
}
"
    );
}

#[test]
fn listing_shows_live_counters_unless_stateless() {
    let bench = Bench::loaded();
    bench.count(|_, line| if line == Some(5) { 7 } else { 0 });
    let listing = bench.run("list").ok();
    assert!(
        listing.contains("tcp dport 22 counter packets 7 bytes 700 accept"),
        "{listing}"
    );
    let listing = bench.run("list -s").ok();
    assert!(listing.contains("tcp dport 22 counter accept"), "{listing}");
}

#[test]
fn listing_shows_handles_when_asked() {
    let bench = Bench::loaded();
    let listing = bench.run("list -a").ok();
    assert!(
        listing.starts_with("table inet filter { # handle "),
        "{listing}"
    );
    assert!(
        listing.contains("\t\tiifname \"lo\" accept # handle "),
        "{listing}"
    );
}

/// A line without what makes it line up with others.
fn squeezed(line: &str) -> String {
    let cells = line
        .split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty());
    cells.collect::<Vec<_>>().join("  ")
}

#[test]
fn counters_say_which_rule_dropped_most() {
    let bench = Bench::loaded();
    bench.count(|_, line| match line {
        Some(5) => 40,
        Some(6) => 2,
        Some(7) => 30,
        _ => 1,
    });
    // How wide a column is depends on where the folder is; that columns line up is tested elsewhere.
    let text = bench.run("counters").ok();
    let lines: Vec<_> = text.lines().map(squeezed).collect();
    assert_eq!(
        lines.join("\n"),
        "\
Drops by rule
PACKETS  BYTES  FROM  CHAIN  RULE
30  3000  DIR/rules.nft:7  inet filter input  tcp dport 23 counter drop
2  200  DIR/rules.nft:6  inet filter input  ip saddr 192.0.2.0/24 drop

Drops by policy
PACKETS  BYTES  CHAIN
1  100  inet filter input

Counters
PACKETS  BYTES  FROM  CHAIN  RULE
40  4000  DIR/rules.nft:5  inet filter input  tcp dport 22 counter accept comment \"ssh\"
30  3000  DIR/rules.nft:7  inet filter input  tcp dport 23 counter drop"
    );
}

#[test]
fn counters_at_zero_are_left_out_unless_all_are_asked_for() {
    let bench = Bench::loaded();
    assert_eq!(
        bench.run("counters").ok(),
        "Drops by rule: none so far\n\nDrops by policy: none so far\n\nCounters: none so far\n"
    );
    let all = bench.run("counters --all").ok();
    assert_eq!(all.matches("DIR/rules.nft:").count(), 4, "{all}");
}

#[test]
fn counters_in_json_say_the_same() {
    let bench = Bench::loaded();
    bench.count(|_, line| if line == Some(6) { 3 } else { 0 });
    let text = bench.run("counters --json").ok();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["generation"], 2);
    let first = &json["rule_drops"][0];
    assert_eq!(first["packets"], 3);
    assert_eq!(first["bytes"], 300);
    assert_eq!(first["line"], 6);
    assert_eq!(first["chain"], "input");
    assert_eq!(first["rule"], "ip saddr 192.0.2.0/24 drop");
    assert_eq!(json["policy_drops"][0]["packets"], 0);
    assert_eq!(json["counters"][1]["line"], 7);
}

#[test]
fn hooks_name_the_base_chains_that_run_there() {
    let bench = Bench::loaded();
    for value in &mut bench.kernel.state().hooks {
        if value.hook == Hook::LocalIn as u8 {
            (value.packets, value.bytes, value.accepted, value.dropped) = (12, 1008, 9, 3);
        }
    }
    let text = bench.run("hooks").ok();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 11);
    assert_eq!(
        lines[..3],
        [
            "FAMILY  HOOK         PRIORITY  PACKETS  BYTES  ACCEPTED  DROPPED  CHAINS",
            "ip      prerouting          0        0      0         0        0  -",
            "ip      input               0       12   1008         9        3  inet filter input (policy drop)",
        ]
    );
    let json: serde_json::Value = serde_json::from_str(&bench.run("hooks --json").ok()).unwrap();
    assert_eq!(json["hooks"][1]["hook"], "input");
    assert_eq!(json["hooks"][1]["dropped"], 3);
    assert_eq!(json["hooks"][1]["chains"][0]["policy"], "drop");
}

#[test]
fn status_is_a_table_of_facts() {
    let text = Bench::new().run("status").ok();
    assert_eq!(
        text,
        "\
generation    1
chains        0, 0 of them base chains
rules         0
counters      0, on 2 CPUs
instructions  0, at most 0 a packet at a chain
program       0 bytes, 0 of them source
hooks         10 registered here
ABI           version 3
"
    );
}

#[test]
fn a_program_that_is_not_ours_is_said_to_be_so() {
    let bench = Bench::new();
    bench.kernel.state().program = b"table inet filter {}\n".to_vec();
    for line in ["disasm --loaded", "hooks"] {
        let (message, status) = bench.run(line).failed();
        assert!(message.starts_with("error: the loaded program was not made by this userctl: "));
        assert_eq!(status, 2);
    }
}

/// What nft 1.1.3 listed of one ruleset, as text and as JSON.
const NFT_LISTING: &str = include_str!("../../../tests/json/ruleset.nft");
const NFT_JSON: &str = include_str!("../../../tests/json/ruleset.json");

#[test]
fn what_nft_lists_is_listed_the_same() {
    let bench = Bench::new();
    let file = bench.file("nft.nft", NFT_LISTING);
    bench.run_on(&file, "load FILE").ok();
    assert_eq!(bench.run("list").ok(), NFT_LISTING);
}

/// The objects of a JSON listing, without handles, which each tool gives out in its own order, and
/// without who made it.
fn objects(json: &str) -> Vec<serde_json::Value> {
    let mut listing: serde_json::Value = serde_json::from_str(json).unwrap();
    let objects = listing["nftables"].as_array_mut().unwrap();
    assert_eq!(objects[0]["metainfo"]["json_schema_version"], 1);
    for object in objects.iter_mut().flat_map(|one| one.as_object_mut()) {
        for (_, members) in object.iter_mut() {
            members.as_object_mut().unwrap().remove("handle");
        }
    }
    objects.split_off(1)
}

#[test]
fn what_nft_lists_in_json_is_listed_the_same() {
    let bench = Bench::new();
    let file = bench.file("nft.nft", NFT_LISTING);
    bench.run_on(&file, "load FILE").ok();
    let ours = bench.run("list --json").ok();
    assert!(ours.contains("\"handle\":"), "{ours}");
    let (ours, theirs) = (objects(&ours), objects(NFT_JSON));
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}
