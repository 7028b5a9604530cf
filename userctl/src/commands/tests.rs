// SPDX-License-Identifier: GPL-2.0
//! Command lines against a kernel that is not there: see [`super::fake`].

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Parser;
use ferrule_uapi::error::VerifyError;
use ferrule_uapi::hook::Hook;
use ferrule_uapi::ioctl::CounterValue;
use ferrule_uapi::program::SectionId;
use userctl::device::{Kernel, ModuleRefusal, Reset};
use userctl::image::Image;

use super::fake::Fake;
use super::{dispatch, load};
use crate::cli::Cli;
use crate::failure::Failure;
use crate::screen::Screen;

const RULES: &str = "\
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		iifname \"lo\" accept
		tcp dport 22 counter accept comment \"ssh\"
		ip saddr 192.0.2.0/24 drop
		tcp dport 23 counter drop
	}
}
";

/// What a command printed, and how it ended.
struct Output {
    text: String,
    result: Result<(), Failure>,
}

impl Output {
    /// What it printed, as it must have done its work.
    #[track_caller]
    fn ok(self) -> String {
        if let Err(failure) = self.result {
            panic!("{}", failure.render(false));
        }
        self.text
    }

    /// The message and the status with which it must have failed, having printed nothing.
    #[track_caller]
    fn failed(self) -> (String, u8) {
        let failure = self.result.expect_err(&self.text);
        assert_eq!(self.text, "");
        (failure.render(false), failure.status())
    }
}

/// A folder with rule files and a kernel to load them into.
struct Bench {
    directory: tempfile::TempDir,
    kernel: Fake,
}

impl Bench {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            kernel: Fake::new(),
        }
    }

    /// Writes a rule file; gives its path.
    fn file(&self, name: &str, rules: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, rules).unwrap();
        path
    }

    /// Runs a command line; `FILE` stands for the given file.
    fn run_on(&self, file: &Path, line: &str) -> Output {
        let file = file.to_str().unwrap();
        let words = line
            .split(' ')
            .map(|word| if word == "FILE" { file } else { word });
        let cli = Cli::try_parse_from(std::iter::once("userctl").chain(words)).unwrap();
        let memory = Memory::default();
        let mut screen = Screen::plain(memory.clone());
        let mut open = || -> Result<Box<dyn Kernel>, Failure> { Ok(Box::new(self.kernel.clone())) };
        let result = dispatch(&cli.command, &mut open, &mut screen);
        let text = String::from_utf8(memory.0.borrow().clone()).unwrap();
        Output {
            text: text.replace(self.directory.path().to_str().unwrap(), "DIR"),
            result,
        }
    }

    fn run(&self, line: &str) -> Output {
        self.run_on(Path::new("absent"), line)
    }

    /// A bench with [`RULES`] loaded as generation 2.
    fn loaded() -> Self {
        let bench = Self::new();
        let file = bench.file("rules.nft", RULES);
        bench.run_on(&file, "load FILE").ok();
        bench
    }

    /// Gives the counters of the loaded program values: what `value` says of a counter's flags and
    /// of the line of the rule that owns it.
    fn count(&self, value: impl Fn(u32, Option<u32>) -> u64) {
        let mut state = self.kernel.state();
        let program = Image::new(&state.program).verify().unwrap();
        let view = program.view();
        for counter in view.counters {
            let rule = (counter.flags & ferrule_uapi::program::COUNTER_POLICY == 0)
                .then(|| view.rules[counter.owner as usize].line);
            let packets = value(counter.flags, rule);
            let bytes = packets * 100;
            state
                .values
                .insert(counter.identity, CounterValue { packets, bytes });
        }
    }
}

/// Memory that outlives the screen that writes to it.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
        .extend(vec![program; load::ATTEMPTS]);
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
        "error: the ruleset is no longer generation 1: another one has been loaded since\n\
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
        .rules
        .iter()
        .find(|rule| rule.line == 6)
        .unwrap();
    bench.kernel.state().refusal = Some(ModuleRefusal {
        code: VerifyError::Opcode as u32,
        section: Some(SectionId::Insns),
        index: rule.first_insn,
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
        "table ip x {\n\tchain y {\n\t\tip saddr $lan drop\n\t}\n}\n",
    );
    let (_, status) = bench.run_on(&file, "check FILE").failed();
    assert_eq!(status, 1);
    bench.run_on(&file, "load FILE -D lan=10.0.0.0/8").ok();
    let counters = bench.run("counters --all").ok();
    assert!(
        counters.contains("DIR/rules.nft:3  ip x y  ip saddr 10.0.0.0/8 drop"),
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
fn counters_say_which_rule_dropped_most() {
    let bench = Bench::loaded();
    bench.count(|_, line| match line {
        Some(5) => 40,
        Some(6) => 2,
        Some(7) => 30,
        _ => 1,
    });
    assert_eq!(
        bench.run("counters").ok(),
        "\
Drops by rule
PACKETS  BYTES  FROM             CHAIN              RULE
     30   3000  DIR/rules.nft:7  inet filter input  tcp dport 23 counter drop
      2    200  DIR/rules.nft:6  inet filter input  ip saddr 192.0.2.0/24 drop

Drops by policy
PACKETS  BYTES  CHAIN
      1    100  inet filter input

Counters
PACKETS  BYTES  FROM             CHAIN              RULE
     40   4000  DIR/rules.nft:5  inet filter input  tcp dport 22 counter accept comment \"ssh\"
     30   3000  DIR/rules.nft:7  inet filter input  tcp dport 23 counter drop
"
    );
}

#[test]
fn counters_at_zero_are_left_out_unless_all_are_asked_for() {
    let bench = Bench::loaded();
    assert_eq!(
        bench.run("counters").ok(),
        "Drops by rule: none\n\nDrops by policy: none\n\nCounters: none\n"
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
fn each_reset_says_what_it_set_to_zero() {
    let bench = Bench::new();
    for (line, what, text) in [
        (
            "reset",
            Reset::Counters,
            "the counters of rules and policies are at zero\n",
        ),
        (
            "reset counters",
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
ABI           version 1
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
