// SPDX-License-Identifier: GPL-2.0
//! What is listed, as text or as JSON, can be read again and gives the same.

use std::path::{Path, PathBuf};

use serde_json::Value;
use userctl::json;
use userctl::lang::{self, Entry, Script};
use userctl::listing::{self, Options};
use userctl::ruleset::{Environment, Ruleset};
use userctl::source::SourceMap;

/// A ruleset with something of everything.
const EVERYTHING: &str = include_str!("roundtrip/everything.nft");

/// A machine with a loopback interface.
struct Machine;

impl Environment for Machine {
    fn interface_index(&self, name: &str) -> Option<u32> {
        (name == "lo").then_some(1)
    }

    fn interface_name(&self, index: u32) -> Option<String> {
        (index == 1).then(|| "lo".to_owned())
    }
}

fn apply(script: &Script, sources: &SourceMap) -> Result<Ruleset, String> {
    Ruleset::default()
        .apply(script, sources, &Machine)
        .map_err(|errors| format!("{errors:?}"))
}

fn of_text(text: &str) -> Result<Ruleset, String> {
    let mut sources = SourceMap::new();
    let entry = Entry::Text { name: "t", text };
    let script = lang::parse(&mut sources, entry).map_err(|errors| format!("{errors:?}"))?;
    apply(&script, &sources)
}

fn of_json(json: &Value) -> Result<Ruleset, String> {
    let mut sources = SourceMap::new();
    let script = json::parse(&mut sources, "t.json", &json.to_string())
        .map_err(|errors| format!("{errors:?}"))?;
    apply(&script, &sources)
}

fn json(ruleset: &Ruleset) -> Value {
    let mut value = json::to_json(ruleset, &Options::default()).expect("a listing parses");
    without_handles(&mut value);
    value
}

/// Handles are given in the order of the commands, which differs between text and JSON.
fn without_handles(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("handle");
            members.values_mut().for_each(without_handles);
        }
        Value::Array(items) => items.iter_mut().for_each(without_handles),
        _ => {}
    }
}

/// What is wrong with going round, if anything is.
fn around(text: &str) -> Result<(), String> {
    let ruleset = of_text(text)?;
    let listed = listing::to_text(&ruleset, &Options::default());
    let again = of_text(&listed).map_err(|error| format!("{listed}: {error}"))?;
    let relisted = listing::to_text(&again, &Options::default());
    if listed != relisted {
        return Err(format!("listed as {listed}, and that as {relisted}"));
    }
    let first = json(&ruleset);
    let again = of_json(&first).map_err(|error| format!("{first}: {error}"))?;
    let relisted = listing::to_text(&again, &Options::default());
    if listed != relisted {
        return Err(format!("through JSON {first}: {listed} became {relisted}"));
    }
    Ok(())
}

#[test]
fn a_ruleset_with_something_of_everything_goes_round() {
    around(EVERYTHING).expect("a fixed point");
}

#[test]
fn a_group_at_the_end_of_a_range_has_its_name_in_json_and_its_number_in_text() {
    let text = "table ip t {\n\tchain c {\n\t\tiifgroup 0-7\n\t}\n}\n";
    let ruleset = of_text(text).expect("a ruleset");
    assert_eq!(listing::to_text(&ruleset, &Options::default()), text);
    let listed = json(&ruleset).to_string();
    assert!(listed.contains(r#"{"range":["default",7]}"#), "{listed}");
    around(text).expect("a fixed point");
}

#[test]
fn the_rules_of_nftables_own_tests_go_round() {
    let Some(rules) = rules() else {
        eprintln!("note: SKIPPED: no corpora; set FERRULE_CORPORA to their folder");
        return;
    };
    let (mut count, mut failed) = (0, Vec::new());
    for (folder, origin, rule) in rules {
        let table = if folder == "any" { "inet" } else { folder };
        let text = format!(
            "table {table} t {{ chain c {{ type filter hook output priority 0; }}\n }}\n\
             add rule {table} t c {rule}\n"
        );
        // Some need sets that their file declares, or what this machine has not.
        if of_text(&text).is_err() {
            continue;
        }
        count += 1;
        if let Err(error) = around(&text) {
            failed.push(format!("{origin}: {rule}: {error}"));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count}: {failed:#?}",
        failed.len()
    );
    assert!(count > 600, "{count}");
}

/// They have every statement and expression, also those that are refused later.
#[test]
fn the_rules_of_nftables_own_tests_parse() {
    let Some(rules) = rules() else {
        eprintln!("note: SKIPPED: no corpora; set FERRULE_CORPORA to their folder");
        return;
    };
    let count = rules.len();
    let mut failed = Vec::new();
    for (_, origin, rule) in rules {
        let text = &*format!("add rule ip t c {rule}");
        let entry = Entry::Text { name: "t", text };
        if let Err(errors) = lang::parse(&mut SourceMap::new(), entry) {
            failed.push(format!("{origin}: {rule}: {errors:?}"));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count}: {failed:#?}",
        failed.len()
    );
    assert!(count > 800, "{count}");
}

/// The rules of nftables' own tests that are marked ok: folder, file and rule.
fn rules() -> Option<Vec<(&'static str, String, String)>> {
    let corpus = corpus()?;
    let mut rules = Vec::new();
    for folder in ["any", "inet", "ip", "ip6"] {
        for entry in std::fs::read_dir(corpus.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "t") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            for line in text.lines().filter(|line| is_rule(line)) {
                let rule = line.split(';').next().unwrap_or_default();
                rules.push((folder, path.display().to_string(), rule.to_owned()));
            }
        }
    }
    Some(rules)
}

fn is_rule(line: &str) -> bool {
    let ok = line.split(';').nth(1).map(str::trim) == Some("ok");
    ok && !line.starts_with([':', '*', '!', '?', '%', '-', '#'])
}

fn corpus() -> Option<PathBuf> {
    let folder = match std::env::var_os("FERRULE_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|above| above.join("shared/corpora"))
            .find(|folder| folder.is_dir())?,
    };
    let rules = folder.join("nft-rules");
    rules.is_dir().then_some(rules)
}

#[test]
fn what_nft_lists_as_json_is_read_as_what_it_lists_as_text() {
    let pairs = [
        (
            include_str!("roundtrip/nft.nft"),
            include_str!("roundtrip/nft.json"),
        ),
        (
            include_str!("json/ruleset.nft"),
            include_str!("json/ruleset.json"),
        ),
    ];
    for (text, json) in pairs {
        let json: Value = serde_json::from_str(json).expect("JSON");
        let from_json = of_json(&json).expect("good JSON");
        let from_text = of_text(text).expect("good text");
        assert_eq!(
            listing::to_text(&from_json, &Options::default()),
            listing::to_text(&from_text, &Options::default())
        );
    }
}

#[test]
fn values_that_nft_knows_by_no_name_are_listed_as_numbers() {
    let rules = [
        "ct mark set ip dscp << 2 | 0x10",
        "ip protocol set 1",
        "fib saddr . iif oif missing drop",
    ];
    for rule in rules {
        let text = format!("table ip t {{\n\tchain c {{\n\t\ttype filter hook prerouting priority 0; policy accept;\n\t\t{rule}\n\t}}\n}}\n");
        let ruleset = of_text(&text).expect("a ruleset");
        let listed = listing::to_text(&ruleset, &Options::default());
        assert!(listed.contains(&format!("\t\t{rule}\n")), "{listed}");
    }
}

#[test]
fn addresses_get_the_names_of_their_hosts_where_there_are_any() {
    let hosts = |address: std::net::IpAddr| match address.to_string().as_str() {
        "192.0.2.1" => Some("www.example.org".to_owned()),
        "192.0.2.2" => Some("192.0.2.2".to_owned()),
        _ => None,
    };
    let rule = "ip saddr { 192.0.2.1, 192.0.2.2, 192.0.2.3 } ip daddr 192.0.2.0/24 accept";
    let ruleset = of_text(&format!("table ip t {{ chain c {{ {rule}; }}\n }}\n")).expect("rules");
    let options = Options {
        hosts: Some(&hosts),
        ..Options::default()
    };
    let listed = listing::to_text(&ruleset, &options);
    let expected = rule.replace("192.0.2.1,", "www.example.org,");
    assert!(listed.contains(&expected), "{listed}");
}
