// SPDX-License-Identifier: GPL-2.0
//! Commands that check rules, and those that change what is loaded.

use ferrule_uapi::error::VerifyError;
use ferrule_uapi::program::SectionId;
use userctl::device::{ModuleRefusal, Reset};
use userctl::image::Image;

use super::{Bench, RULES};
use crate::commands::script;

#[test]
fn a_load_says_what_it_loaded() {
    let bench = Bench::new();
    let file = bench.file("rules.nft", RULES);
    assert_eq!(
        bench.run_on(&file, "load FILE").ok(),
        "loaded generation 2: 1 table, 1 chain, 4 rules\n"
    );
}

#[test]
fn a_second_load_adds_to_the_first_as_with_nft() {
    let bench = Bench::loaded();
    let file = bench.file(
        "more.nft",
        "add rule inet filter input tcp dport 80 accept\n",
    );
    bench.run_on(&file, "load FILE").ok();
    let listing = bench.run("list -s").ok();
    assert!(
        listing.contains("\t\tip saddr 192.0.2.0/24 drop\n"),
        "{listing}"
    );
    assert!(
        listing.contains("\t\ttcp dport 80 accept\n\t}\n"),
        "{listing}"
    );
}

#[test]
fn wrong_rules_change_nothing() {
    let bench = Bench::loaded();
    let file = bench.file(
        "wrong.nft",
        "table ip x {\n\tchain y {\n\t\ttcp dport 70000 drop\n\t}\n}\n",
    );
    let (message, status) = bench.run_on(&file, "load FILE").failed();
    assert_eq!(status, 1);
    assert!(message.contains("wrong.nft:3:"), "{message}");
    assert_eq!(bench.kernel.state().generation, 2);
}

#[test]
fn a_load_that_is_overtaken_starts_again_from_what_the_other_published() {
    let rival = Bench::new();
    let file = rival.file("rival.nft", "table ip rival {\n}\n");
    rival.run_on(&file, "load FILE").ok();
    let bench = Bench::loaded();
    bench
        .kernel
        .state()
        .rivals
        .push_back(rival.kernel.state().program.clone());
    let file = bench.file("mine.nft", "table ip mine {\n}\n");
    bench.run_on(&file, "load FILE").ok();
    assert_eq!(
        bench.run("list").ok(),
        "table ip rival {\n}\ntable ip mine {\n}\n"
    );
    assert_eq!(bench.kernel.state().generation, 4);
}

#[test]
fn a_load_that_is_overtaken_each_time_gives_up() {
    let bench = Bench::loaded();
    let program = bench.kernel.state().program.clone();
    bench
        .kernel
        .state()
        .rivals
        .extend(vec![program; script::ATTEMPTS]);
    let file = bench.file("mine.nft", "table ip mine {\n}\n");
    let (message, status) = bench.run_on(&file, "load FILE").failed();
    assert_eq!(
        message,
        "error: gave up after 5 attempts: another writer is active\n\
         hint: see who loads rulesets here with `userctl status`\n"
    );
    assert_eq!(status, 2);
}

#[test]
fn a_load_that_insists_on_a_generation_does_not_try_again() {
    let bench = Bench::loaded();
    let file = bench.file("mine.nft", "table ip mine {\n}\n");
    let (message, status) = bench.run_on(&file, "load FILE --generation 1").failed();
    assert_eq!(
        message,
        "error: the loaded ruleset is not generation 1\n\
         hint: see who loads rulesets here with `userctl status`\n"
    );
    assert_eq!(status, 2);
    let program = bench.kernel.state().program.clone();
    bench.kernel.state().rivals.push_back(program);
    let (_, status) = bench.run_on(&file, "load FILE --generation 2").failed();
    assert_eq!(status, 2);
    bench.run_on(&file, "load FILE --generation 3").ok();
}

#[test]
fn a_refusal_of_the_module_names_the_rule() {
    let bench = Bench::new();
    let file = bench.file("rules.nft", RULES);
    bench.run_on(&file, "load FILE").ok();
    let program = Image::new(&bench.kernel.state().program).verify().unwrap();
    let rule = program
        .view()
        .rules()
        .iter()
        .find(|rule| rule.line == 6)
        .unwrap();
    bench.kernel.state().refusal = Some(ModuleRefusal {
        code: VerifyError::Opcode as u32,
        section: Some(SectionId::Insns),
        index: rule.first_insn,
        element: None,
    });
    let again = bench.file("rules.nft", &format!("flush ruleset; {RULES}"));
    let (message, status) = bench.run_on(&again, "load FILE").failed();
    let index = rule.first_insn;
    assert_eq!(
        message.replace(bench.directory.path().to_str().unwrap(), "DIR"),
        format!(
            "error: DIR/rules.nft:6: ip saddr 192.0.2.0/24 drop\n  ferrule.ko refused this: \
             unknown instruction (section insns, element {index})\n"
        )
    );
    assert_eq!(status, 1);
    assert_eq!(bench.kernel.state().generation, 2);
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would_change() {
    let bench = Bench::loaded();
    let file = bench.file(
        "more.nft",
        "add rule inet filter input udp dport 53 accept\n",
    );
    assert_eq!(
        bench.run_on(&file, "load FILE --dry-run").ok(),
        "\
the module accepts it; generation 2 would change so:
@@ -5,5 +5,6 @@
 \t\ttcp dport 22 counter accept comment \"ssh\"
 \t\tip saddr 192.0.2.0/24 drop
 \t\ttcp dport 23 counter drop
+\t\tudp dport 53 accept
 \t}
 }
"
    );
    assert_eq!(bench.kernel.state().generation, 2);
    let nothing = bench.file("nothing.nft", "# nothing\n");
    assert_eq!(
        bench.run_on(&nothing, "load FILE --dry-run").ok(),
        "the module accepts it; generation 2 would change in nothing\n"
    );
}

#[test]
fn variables_come_from_the_command_line_and_lines_keep_their_numbers() {
    let bench = Bench::new();
    let file = bench.file(
        "rules.nft",
        "table ip x {\n\tchain y {\n\t\ttype filter hook input priority 0\n\t\tip saddr $lan drop\n\t}\n}\n",
    );
    let (_, status) = bench.run_on(&file, "check FILE").failed();
    assert_eq!(status, 1);
    bench.run_on(&file, "load FILE -D lan=10.0.0.0/8").ok();
    let counters = bench.run("counters --all").ok();
    assert!(
        counters.contains("DIR/rules.nft:4  ip x y  ip saddr 10.0.0.0/8 drop"),
        "{counters}"
    );
}

#[test]
fn includes_are_looked_for_where_the_command_line_says() {
    let bench = Bench::new();
    bench.file("part.nft", "table ip part {\n}\n");
    let file = bench.file("whole.nft", "include \"part.nft\"\n");
    let (message, status) = bench.run_on(&file, "check FILE").failed();
    assert_eq!(status, 1);
    assert!(message.contains("part.nft"), "{message}");
    let directory = bench.directory.path().to_str().unwrap().to_owned();
    bench
        .run_on(&file, &format!("load FILE -I {directory}"))
        .ok();
    assert_eq!(bench.run("list").ok(), "table ip part {\n}\n");
}

#[test]
fn a_flush_leaves_nothing() {
    let bench = Bench::loaded();
    assert_eq!(bench.run("flush").ok(), "loaded generation 3: no rules\n");
    assert_eq!(bench.run("list").ok(), "");
    assert_eq!(bench.run("disasm --loaded").ok(), "no ruleset is loaded\n");
    let (_, status) = bench.run("flush --generation 2").failed();
    assert_eq!(status, 2);
    bench.run("flush --generation 3").ok();
}

#[test]
fn each_reset_says_what_it_set_to_zero() {
    let bench = Bench::new();
    for (line, what, text) in [
        (
            "reset",
            Reset::Counters,
            "the counters of rules and policies are at zero\n",
        ),
        (
            "reset hooks",
            Reset::Hooks,
            "the counters of hooks are at zero\n",
        ),
        (
            "reset all",
            Reset::All,
            "the counters of rules, policies and hooks are at zero\n",
        ),
    ] {
        assert_eq!(bench.run(line).ok(), text);
        assert_eq!(bench.kernel.state().resets.pop(), Some(what));
    }
}

#[test]
fn a_check_says_what_is_in_each_file_and_goes_on_after_a_wrong_one() {
    let bench = Bench::new();
    let file = bench.file("rules.nft", RULES);
    let output = bench.run_on(&file, "check FILE /nonexistent/rules.nft");
    assert!(
        output
            .text
            .starts_with("DIR/rules.nft: 1 table, 1 chain (1 base), 4 rules; "),
        "{}",
        output.text
    );
    let failure = output.result.unwrap_err();
    assert_eq!(
        failure.render(false),
        "error: /nonexistent/rules.nft: No such file or directory\n"
    );
    assert_eq!(failure.status(), 2);
}
