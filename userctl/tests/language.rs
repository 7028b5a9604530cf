// SPDX-License-Identifier: GPL-2.0
//! Files, variables and commands: what a script does to the ruleset that is there.

use std::fs;
use std::path::Path;

use userctl::compile::{compile, Options};
use userctl::diagnostic::Diagnostics;
use userctl::image::Image;
use userctl::lang::{self, Entry};
use userctl::listing;
use userctl::ruleset::{NoEnvironment, Ruleset};
use userctl::source::SourceMap;

fn apply_entry(
    ruleset: &Ruleset,
    entry: Entry<'_>,
    folder: Option<&Path>,
) -> Result<Ruleset, String> {
    let mut sources = SourceMap::new();
    if let Some(folder) = folder {
        sources.add_include_dir(folder);
    }
    let result: Result<Ruleset, Diagnostics> = lang::parse(&mut sources, entry)
        .and_then(|script| ruleset.apply(&script, &sources, &NoEnvironment));
    result.map_err(|refusal| refusal.render(&sources, false))
}

fn apply(ruleset: &Ruleset, text: &str) -> Ruleset {
    apply_entry(ruleset, Entry::Text { name: "text", text }, None).expect("it is accepted")
}

fn refusal(text: &str) -> String {
    let entry = Entry::Text { name: "text", text };
    apply_entry(&Ruleset::default(), entry, None).expect_err("it is refused")
}

fn list(ruleset: &Ruleset) -> String {
    listing::to_text(ruleset, &listing::Options::default())
}

#[test]
fn a_file_without_flush_adds_to_what_is_there_and_rules_append() {
    let first = apply(
        &Ruleset::default(),
        "table t {\n chain c {\n tcp dport 1 accept\n }\n}\n",
    );
    let second = apply(
        &first,
        "table t {\n chain c {\n tcp dport 2 accept\n }\n}\ntable u {\n}\n",
    );
    assert_eq!(
        list(&second),
        "table ip t {\n\tchain c {\n\t\ttcp dport 1 accept\n\t\ttcp dport 2 accept\n\t}\n}\n\
         table ip u {\n}\n"
    );
}

#[test]
fn flush_ruleset_begins_anew_but_handles_are_never_given_out_twice() {
    let first = apply(
        &Ruleset::default(),
        "table t {\n chain c {\n accept\n }\n}\n",
    );
    let second = apply(
        &first,
        "flush ruleset\ntable t {\n chain c {\n accept\n }\n}\n",
    );
    assert_eq!(list(&first), list(&second));
    assert!(second.tables()[0].handle >= first.next_handle());
}

#[test]
fn flush_of_a_family_leaves_the_others() {
    let both = apply(&Ruleset::default(), "table ip t {\n}\ntable inet t {\n}\n");
    assert_eq!(
        list(&apply(&both, "flush ruleset ip\n")),
        "table inet t {\n}\n"
    );
}

#[test]
fn a_refused_script_changes_nothing_even_in_part() {
    let text = "table t {\n}\nadd rule t nowhere accept\n";
    assert!(refusal(text).contains("there is no chain `nowhere`"));
}

#[test]
fn every_wrong_rule_of_a_file_is_reported() {
    let text = "table t {\n chain c {\n tcp dport 70000\n accept\n ip ttl 300\n foo\n }\n}\n";
    assert!(refusal(text).contains("unknown statement `foo`"));
    let text = text.replace(" foo\n", "");
    let message = refusal(&text);
    assert!(
        message.contains("70000") && message.contains("300"),
        "{message}"
    );
}

#[test]
fn a_rule_remembers_the_file_and_line_that_it_came_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("inner.nft");
    fs::write(&inner, "# two lines\n\ntcp dport 23 drop\n").expect("a file");
    let text = format!(
        "table t {{\n chain c {{\n accept\n include \"{}\"\n }}\n}}\n",
        inner.display()
    );
    let ruleset = apply(&Ruleset::default(), &text);
    let rules = &ruleset.tables()[0].chains[0].rules;
    assert_eq!((&*rules[0].origin.file, rules[0].origin.line), ("text", 3));
    assert_eq!(
        (&*rules[1].origin.file, rules[1].origin.line),
        (&*inner.to_string_lossy(), 3)
    );
}

#[test]
fn a_pattern_includes_what_it_matches_in_order_and_may_match_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, port) in [
        ("20-b.nft", 2),
        ("10-a.nft", 1),
        ("30-c.conf", 3),
        (".40.nft", 4),
    ] {
        fs::write(
            folder.path().join(name),
            format!("add rule t c tcp dport {port}\n"),
        )
        .expect("a file");
    }
    let text = "add table t\nadd chain t c\ninclude \"*.nft\"\ninclude \"none-*.nft\"\n";
    let entry = Entry::Text { name: "text", text };
    let ruleset = apply_entry(&Ruleset::default(), entry, Some(folder.path())).expect("accepted");
    assert_eq!(
        list(&ruleset),
        "table ip t {\n\tchain c {\n\t\ttcp dport 1\n\t\ttcp dport 2\n\t}\n}\n"
    );
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("self.nft");
    fs::write(&path, format!("include \"{}\"\n", path.display())).expect("a file");
    let refusal = apply_entry(&Ruleset::default(), Entry::Path(&path), None).expect_err("refused");
    assert!(
        refusal.contains("includes nest more than 16 deep"),
        "{refusal}"
    );
}

#[test]
fn files_that_cannot_be_read_or_are_no_text_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = folder.path().join("binary");
    fs::write(&binary, b"accept\n\xff\xfe").expect("a file");
    for (path, words) in [
        (folder.path().join("missing"), "No such file"),
        (folder.path().to_owned(), "it is a directory"),
        (binary, "not a text: line 2 is not UTF-8"),
    ] {
        let refusal = apply_entry(&Ruleset::default(), Entry::Path(&path), None);
        let refusal = refusal.expect_err("it is refused");
        assert!(refusal.contains(words), "{refusal}");
    }
}

#[test]
fn a_variable_is_known_in_its_block_only() {
    let text =
        "table t {\n define p = 1\n chain c {\n tcp dport $p\n }\n}\nadd rule t c tcp dport $p\n";
    assert!(refusal(text).contains("`$p` is not defined"));
}

#[test]
fn counters_of_loaded_rules_go_on_and_those_of_new_ones_begin_as_written() {
    let text = "add table t\nadd chain t c { type filter hook input priority 0; }\n\
                add rule t c counter packets 5 bytes 6\n";
    let initial = |ruleset: &Ruleset| -> Vec<u64> {
        let compiled = compile(ruleset, &Options::default()).expect("it compiles");
        let program = Image::new(compiled.bytes()).verify().expect("it verifies");
        let initials = program.view().initials().iter();
        initials.map(|initial| initial.packets).collect()
    };
    let first = apply(&Ruleset::default(), text);
    assert_eq!(initial(&first), [5]);
    let compiled = compile(&first, &Options::default()).expect("it compiles");
    let program = Image::new(compiled.bytes()).verify().expect("it verifies");
    let loaded = Ruleset::from_program(&program.view(), &mut SourceMap::new()).expect("a listing");
    assert!(initial(&loaded).is_empty());
    let more = apply(&loaded, "add rule t c counter packets 7 bytes 8\n");
    assert_eq!(initial(&more), [7]);
}

#[test]
fn the_examples_compile_and_list_as_they_were_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an entry").path();
        struct Loopback;
        impl userctl::ruleset::Environment for Loopback {
            fn interface_index(&self, name: &str) -> Option<u32> {
                (name == "lo").then_some(1)
            }
            fn interface_name(&self, _: u32) -> Option<String> {
                Some("lo".to_owned())
            }
        }
        let read = |ruleset: &Ruleset, entry| {
            let mut sources = SourceMap::new();
            let script = lang::parse(&mut sources, entry);
            let result = script.and_then(|script| ruleset.apply(&script, &sources, &Loopback));
            result.unwrap_or_else(|refusal| panic!("{}", refusal.render(&sources, false)))
        };
        let ruleset = read(&Ruleset::default(), Entry::Path(&path));
        let compiled = compile(&ruleset, &Options::default()).expect("it compiles");
        Image::new(compiled.bytes()).verify().expect("it verifies");
        let options = listing::Options {
            environment: Some(&Loopback),
            ..Default::default()
        };
        let text = listing::to_text(&ruleset, &options);
        let again = read(
            &Ruleset::default(),
            Entry::Text {
                name: "listing",
                text: &text,
            },
        );
        assert_eq!(listing::to_text(&again, &options), text);
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn rules_are_replaced_deleted_and_inserted_by_handle_and_index() {
    let first = apply(
        &Ruleset::default(),
        "table t {\n chain c {\n tcp dport 1\n tcp dport 2\n tcp dport 3\n }\n}\n",
    );
    let handle = first.tables()[0].chains[0].rules[1].handle;
    let second = apply(
        &first,
        &format!(
            "replace rule t c handle {handle} tcp dport 20\n\
             insert rule t c index 0 tcp dport 0\n\
             add rule t c index 0 tcp dport 5\n"
        ),
    );
    let text = list(&second);
    let ports: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tcp dport "))
        .collect();
    assert_eq!(ports, ["0", "5", "1", "20", "3"]);
    let third = apply(&second, &format!("delete rule t c handle {}\n", handle + 1));
    assert_eq!(third.tables()[0].chains[0].rules.len(), 4);
}

#[test]
fn a_chain_that_is_renamed_is_still_led_to() {
    let first = apply(
        &Ruleset::default(),
        "table t {\n map m {\n type ipv4_addr : verdict\n elements = { 1.1.1.1 : jump a }\n }\n\
         chain a {\n }\n chain c {\n ip saddr vmap { 1.1.1.1 : goto a }\n jump a\n }\n}\n",
    );
    let text = list(&apply(&first, "rename chain t a b\n"));
    assert!(text.contains("1.1.1.1 : jump b"), "{text}");
    assert!(text.contains("1.1.1.1 : goto b"), "{text}");
    assert!(text.contains("\t\tjump b\n"), "{text}");
}

#[test]
fn what_is_used_cannot_be_deleted() {
    let rules = "table t {\n set s {\n type ipv4_addr\n }\n counter n {\n }\n chain a {\n }\n\
                 chain c {\n ip saddr @s counter name \"n\" jump a\n }\n}\n";
    for (command, message) in [
        ("delete set t s", "set `s` is still used"),
        ("delete counter t n", "counter `n` is still used"),
        ("delete chain t a", "chain `a` is still jumped to"),
    ] {
        let refusal = refusal(&format!("{rules}{command}\n"));
        assert!(refusal.contains(message), "{refusal}");
    }
}

#[test]
fn a_set_that_rules_update_becomes_dynamic() {
    let ruleset = apply(
        &Ruleset::default(),
        "table t {\n set s {\n type ipv4_addr\n }\n chain c {\n add @s { ip saddr }\n }\n}\n",
    );
    assert!(ruleset.tables()[0].sets[0].dynamic);
}

#[test]
fn a_meter_declares_the_set_that_it_updates() {
    let ruleset = apply(
        &Ruleset::default(),
        "table t {\n chain c {\n meter m { ip saddr limit rate 3/second } accept\n }\n}\n",
    );
    let text = list(&ruleset);
    assert!(text.contains("set m {"), "{text}");
    assert!(
        text.contains("add @m { ip saddr limit rate 3/second burst 5 packets } accept"),
        "{text}"
    );
}

#[test]
fn changes_of_elements_are_kept_in_order() {
    use userctl::ruleset::set::Change;
    let first = apply(
        &Ruleset::default(),
        "table t {\n set s {\n type ipv4_addr\n elements = { 1.1.1.1 }\n }\n}\n\
         add element t s { 2.2.2.2 }\ndelete element t s { 1.1.1.1 }\nflush set t s\n",
    );
    let kinds: Vec<&str> = first.tables()[0].sets[0]
        .changes
        .iter()
        .map(|change| match change {
            Change::Replace => "replace",
            Change::Clear => "clear",
            Change::Add { .. } => "add",
            Change::Delete { .. } => "delete",
        })
        .collect();
    assert_eq!(kinds, ["replace", "add", "add", "delete", "clear"]);
}

#[test]
fn a_calculated_left_side_is_listed_so_that_it_can_be_read() {
    for rule in [
        "meta mark | 0x00000005 == 0x00000007",
        "ip dscp & 0x3f == lephb",
        "@ll,0,8 & 0x80 == 0x80",
        "tcp flags & (fin | syn) == syn",
    ] {
        let text = format!("table ip t {{\n\tchain c {{\n\t\t{rule}\n\t}}\n}}\n");
        assert_eq!(list(&apply(&Ruleset::default(), &text)), text);
    }
}

#[test]
fn a_rule_may_have_several_verdict_maps_and_a_verdict() {
    let ruleset = apply(
        &Ruleset::default(),
        "table t {\n chain c {\n type filter hook input priority 0\n\
         ip saddr vmap { 1.1.1.1 : drop } tcp dport vmap { 22 : drop } counter drop\n\
         ip saddr vmap { 1.1.1.1 : accept } drop\n }\n}\n",
    );
    let compiled = compile(&ruleset, &Options::default()).expect("it compiles");
    Image::new(compiled.bytes()).verify().expect("it verifies");
}

/// A loaded rule about the time of the day means the same in every time zone that it is read again in.
#[test]
fn a_programs_source_has_times_in_utc() {
    let rules = "table ip t {\n\tchain c {\n\t\tmeta hour \"08:00\"-\"17:00\" drop\n\t\tmeta time > \"2026-01-31 17:00:00\" drop\n\t}\n}\n";
    let mut sources = SourceMap::new();
    let entry = Entry::Text {
        name: "rules",
        text: rules,
    };
    let script = lang::parse(&mut sources, entry).expect("rules that parse");
    let ruleset = Ruleset::default()
        .apply(&script, &sources, &NoEnvironment)
        .expect("rules that check");
    let compiled = compile(&ruleset, &Options::default()).expect("a program");
    let program = Image::new(compiled.bytes()).verify().expect("a good one");
    let source = userctl::program_text::of(&program.view()).expect("a text");
    assert!(!source.contains('"'), "{source}");
    let again = Ruleset::from_program(&program.view(), &mut SourceMap::new())
        .expect("a source that is read again");
    let text = |ruleset: &Ruleset| listing::to_text(ruleset, &listing::Options::default());
    assert_eq!(text(&again), text(&ruleset));
}
