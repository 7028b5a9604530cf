// SPDX-License-Identifier: GPL-2.0
//! The command line: what `--help`, completions and manual pages are made of, too.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use ferrule_uapi::hook::Hook;
use userctl::compile::Pass;
use userctl::simulate::connection::Connection;

/// Control Ferrule, the packet filter in Rust: compile rules, load them, see what they do
///
/// Rules are written in the language of nftables: a file loads with `nft -f` and with `userctl load`
/// and means the same.
///
/// nft's commands are understood, too, on the command line (`userctl add rule …`, `userctl -f FILE`) and
/// in files: options come before them, as in nft.
#[derive(Debug, Parser)]
#[command(name = "userctl", version, after_help = EXIT_STATUS, max_term_width = 100)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = false
)]
pub(crate) struct Cli {
    /// Work in this network namespace (a name as `ip netns list` prints it)
    #[arg(long, global = true, value_name = "NAME", help_heading = GLOBAL)]
    pub(crate) netns: Option<String>,
    /// The device of ferrule.ko
    #[arg(long, global = true, value_name = "PATH", hide_short_help = true, help_heading = GLOBAL)]
    #[arg(default_value = ferrule_uapi::DEVICE_PATH)]
    pub(crate) device: PathBuf,
    /// Execute the commands of a file, as `nft -f` does (`-` is standard input)
    #[arg(short, long, value_name = "FILE", help_heading = NFT)]
    pub(crate) file: Option<PathBuf>,
    /// Read commands from the terminal, with history and completion
    #[arg(short, long, conflicts_with = "file", help_heading = NFT)]
    pub(crate) interactive: bool,
    /// Check the commands, down to the module's verifier, without effect
    #[arg(short, long, help_heading = NFT)]
    pub(crate) check: bool,
    /// Print what was added, with its handles
    #[arg(short, long, help_heading = NFT)]
    pub(crate) echo: bool,
    #[command(flatten)]
    pub(crate) show: ShowArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options that nft has, too.
const NFT: &str = "As in nft";

/// How rulesets are listed: nft's options.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct ShowArgs {
    /// Print JSON, and read it with -f, in libnftables' schema
    #[arg(short, long, help_heading = NFT)]
    pub(crate) json: bool,
    /// Print handles
    #[arg(short = 'a', long = "handle", help_heading = NFT)]
    pub(crate) handles: bool,
    /// Print numbers instead of the names of priorities, protocols and types
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = NFT)]
    pub(crate) numeric: u8,
    /// Leave out what counters, quotas and timeouts have come to
    #[arg(short, long, help_heading = NFT)]
    pub(crate) stateless: bool,
    /// Leave out the elements of sets
    #[arg(short, long, help_heading = NFT)]
    pub(crate) terse: bool,
    /// Print numbers instead of the names of hook priorities
    #[arg(short = 'y', long, help_heading = NFT)]
    pub(crate) numeric_priority: bool,
    /// Print names of services instead of ports
    #[arg(short = 'S', long = "service", help_heading = NFT)]
    pub(crate) services: bool,
    /// Print names of hosts instead of addresses, where the resolver knows them
    #[arg(short = 'N', long = "reversedns", help_heading = NFT)]
    pub(crate) hosts: bool,
}

impl ShowArgs {
    /// Takes an option that stands behind the command (`list ruleset -a`). Whether it is one.
    fn take(&mut self, word: &str) -> bool {
        match word {
            "--json" => self.json = true,
            "--handle" => self.handles = true,
            "--numeric" => self.numeric += 1,
            "--stateless" => self.stateless = true,
            "--terse" => self.terse = true,
            "--numeric-priority" => self.numeric_priority = true,
            "--service" => self.services = true,
            "--reversedns" => self.hosts = true,
            _ => return self.take_letters(word),
        }
        true
    }

    fn take_letters(&mut self, word: &str) -> bool {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return false;
        };
        if !letters.chars().all(|letter| "janstySN".contains(letter)) {
            return false;
        }
        for letter in letters.chars() {
            match letter {
                'j' => self.json = true,
                'a' => self.handles = true,
                'n' => self.numeric += 1,
                's' => self.stateless = true,
                't' => self.terse = true,
                'y' => self.numeric_priority = true,
                _ => self.services = true,
            }
        }
        true
    }
}

/// The words of a command of nft's.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct VerbArgs {
    /// What nft takes there
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "WORD"
    )]
    pub(crate) words: Vec<String>,
}

impl VerbArgs {
    /// The command's text, without options that stand behind it, which are added to `show`.
    pub(crate) fn text(&self, verb: &str, show: &mut ShowArgs) -> String {
        let words = self.words.iter().filter(|word| !show.take(word));
        let mut text = verb.to_owned();
        for word in words {
            text.push(' ');
            text.push_str(word);
        }
        text
    }
}

/// Options of every command.
const GLOBAL: &str = "Global options";

/// What every page of help ends with.
const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 the rules are wrong, 2 something else is (no module, no such file, no right).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check rule files, without loading them
    Check(CheckArgs),
    /// Load a rule file
    Load(LoadArgs),
    /// Add a table, chain, rule, set, map, element or object
    Add(VerbArgs),
    /// As add, but fail if it is there
    Create(VerbArgs),
    /// Add a rule at the beginning of its chain, or before another
    Insert(VerbArgs),
    /// Replace a rule
    Replace(VerbArgs),
    /// Remove a table, chain, rule, set, map, element or object
    Delete(VerbArgs),
    /// As delete, but do not fail if it is not there
    Destroy(VerbArgs),
    /// Rename a chain
    Rename(VerbArgs),
    /// List the ruleset that is loaded, or a part of it
    List(VerbArgs),
    /// Get elements of a set
    Get(VerbArgs),
    /// Describe a field or a type
    Describe(VerbArgs),
    /// Print what iptables-save or ip6tables-save saved, in the language of nftables
    Import(ImportArgs),
    /// Remove all tables, or the rules of a table or chain, or the elements of a set
    Flush(FlushArgs),
    /// Follow changes of the ruleset, and what rules log
    Monitor(MonitorArgs),
    /// Show what the rules have counted, and which of them dropped packets
    Counters(CountersArgs),
    /// Begin counters and quotas anew: all, those of hooks, or what nft's reset takes
    Reset(VerbArgs),
    /// Show the program that rules are compiled to
    Disasm(DisasmArgs),
    /// Try rules on the packets of a capture, with no kernel involved
    Simulate(SimulateArgs),
    /// Show where the module is hooked in, and what passed there
    Hooks(HooksArgs),
    /// Show what is loaded, in figures, and who loaded it
    Status,
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one per command
    Man(ManArgs),
    /// Commands as one word: `userctl 'add table x; add chain x y'`
    #[command(external_subcommand)]
    Script(Vec<String>),
}

/// Options wherever rules are read.
#[derive(Args, Debug, Default)]
pub(crate) struct SourceArgs {
    /// Have `include` look in this directory, too (may be repeated)
    #[arg(short = 'I', long = "includepath", value_name = "DIR")]
    pub(crate) include_path: Vec<PathBuf>,
    /// Define a variable, as `define NAME = VALUE` does (may be repeated)
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = parse_define)]
    pub(crate) define: Vec<Define>,
    /// Leave out a pass of the optimiser: 1 fuses counters, 2 unwraps sets, 3 classifies (may be repeated).
    /// Rules mean the same without it
    #[arg(long, value_name = "PASS", value_parser = parse_pass)]
    pub(crate) without_pass: Vec<Pass>,
}

/// A pass of the optimiser, by its number.
fn parse_pass(text: &str) -> Result<Pass, String> {
    let number = text.parse().ok().and_then(Pass::numbered);
    number.ok_or_else(|| format!("passes are numbered from 1 to {}", Pass::ALL.len()))
}

/// A variable that is defined on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Define {
    /// Its name, without the dollar sign.
    pub(crate) name: String,
    /// What it stands for, in the language of the rules.
    pub(crate) value: String,
}

/// Splits `NAME=VALUE`.
fn parse_define(text: &str) -> Result<Define, String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("it has no `=`: write NAME=VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    let mut letters = name.chars();
    let starts_well = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    if !starts_well || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!(
            "`{name}` is no name: letters, digits and `_`, a letter first"
        ));
    }
    if value.is_empty() || value.contains('\n') {
        return Err("the value is to be one line that is not empty".into());
    }
    Ok(Define {
        name: name.into(),
        value: value.into(),
    })
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Files with rules; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// List what nft itself would refuse, too, and fail if there is anything
    #[arg(long)]
    pub(crate) compat: bool,
    /// Show what each chain became, and what a packet costs in it at most
    #[arg(long)]
    pub(crate) explain_plan: bool,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// File with rules; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only say what would change, after the module has verified it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Load only if this generation is the loaded one (`userctl status` says which is)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) generation: Option<u64>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Args, Debug)]
pub(crate) struct MonitorArgs {
    /// Print JSON, one object an event
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Follow only what rules log
    #[arg(long, conflicts_with = "changes")]
    pub(crate) logs: bool,
    /// Follow only changes of the ruleset and of sets
    #[arg(long)]
    pub(crate) changes: bool,
    /// Stop after so many events
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// Output of iptables-save or ip6tables-save; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// It is of iptables-save (else the file's name tells, or what is in it)
    #[arg(long, conflicts_with = "ip6")]
    pub(crate) ip: bool,
    /// It is of ip6tables-save
    #[arg(long)]
    pub(crate) ip6: bool,
    /// Print what can be imported, even if something cannot; the exit status still says so
    #[arg(long)]
    pub(crate) partial: bool,
}

#[derive(Args, Debug)]
pub(crate) struct FlushArgs {
    /// Flush only if this generation is the loaded one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) generation: Option<u64>,
    #[command(flatten)]
    pub(crate) verb: VerbArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CountersArgs {
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Print those that have counted nothing, too
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DisasmArgs {
    /// File with rules; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "loaded")]
    pub(crate) file: Option<PathBuf>,
    /// Show the loaded program instead
    #[arg(long, conflicts_with = "file")]
    pub(crate) loaded: bool,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// File with rules; `-` is standard input
    #[arg(value_name = "RULES")]
    pub(crate) rules: PathBuf,
    /// Capture, in pcap or pcapng format; `-` is standard input
    #[arg(value_name = "PCAP")]
    pub(crate) capture: PathBuf,
    /// The hook that the packets come to
    #[arg(long, value_name = "HOOK", default_value = "forward", value_parser = parse_hook)]
    pub(crate) hook: Hook,
    /// The interface that they come in by, instead of the one that the capture names
    #[arg(long, value_name = "NAME", value_parser = parse_interface)]
    pub(crate) iif: Option<String>,
    /// The interface that they go out by
    #[arg(long, value_name = "NAME", value_parser = parse_interface)]
    pub(crate) oif: Option<String>,
    /// Their connection: a state (new, established, related, invalid, untracked), then any of original,
    /// reply, a status (assured, …), mark=N, zone=N, helper=NAME
    #[arg(long, value_name = "STATE[,…]")]
    pub(crate) ct: Option<Connection>,
    /// Their mark
    #[arg(long, value_name = "N", value_parser = parse_mark, default_value = "0")]
    pub(crate) mark: u32,
    /// Print JSON, one object a packet and one for the sum
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Write the packets to this pcapng file, each with its verdict as a comment, and print the sum only
    #[arg(short, long, value_name = "OUT", conflicts_with = "json")]
    pub(crate) write: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Reads the name of a hook.
fn parse_hook(text: &str) -> Result<Hook, String> {
    let hooks = [
        Hook::PreRouting,
        Hook::LocalIn,
        Hook::Forward,
        Hook::LocalOut,
        Hook::PostRouting,
    ];
    let hook = hooks.into_iter().find(|hook| hook.name() == text);
    hook.ok_or_else(|| "the hooks are prerouting, input, forward, output, postrouting".into())
}

/// Reads the name of an interface.
fn parse_interface(text: &str) -> Result<String, String> {
    match text.len() {
        1..=15 => Ok(text.to_owned()),
        _ => Err("the name of an interface has 1 to 15 bytes".into()),
    }
}

/// Reads a mark: decimal, or hexadecimal behind `0x`.
fn parse_mark(text: &str) -> Result<u32, String> {
    let mark = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    mark.map_err(|_| "a mark is a number of 32 bits: 7, 0x10".into())
}

#[derive(Args, Debug)]
pub(crate) struct HooksArgs {
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write userctl.1 and userctl-COMMAND.1 there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_definition_is_a_name_and_a_value() {
        let define = parse_define("lan = { 10.0.0.0/8 }").unwrap();
        assert_eq!(define.name, "lan");
        assert_eq!(define.value, "{ 10.0.0.0/8 }");
        for wrong in ["lan", "=1", "1a=2", "a b=1", "a=", "a=1\ndrop", "$a=1"] {
            assert!(parse_define(wrong).is_err(), "{wrong:?}");
        }
    }
}
