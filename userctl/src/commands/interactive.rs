// SPDX-License-Identifier: GPL-2.0
//! `userctl -i`: commands from the terminal, one a line, with history and completion.
//!
//! A line that goes wrong is reported and the next one asked for; `quit`, or the end of input, ends. The line
//! editor is `rustyline`: it has history files, completion and search like a shell's.

use std::io::Write;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Context, Editor, Helper, Highlighter, Hinter, Validator};
use userctl::device::Kernel;

use super::loaded::Loaded;
use super::rules::Rules;
use super::script::{self, Options};
use crate::cli::Cli;
use crate::failure::Failure;
use crate::screen::{self, Screen};

const PROMPT: &str = "userctl> ";

/// What a line may begin with, and what may follow.
const WORDS: &[&str] = &[
    "add",
    "create",
    "insert",
    "replace",
    "delete",
    "destroy",
    "list",
    "flush",
    "reset",
    "rename",
    "get",
    "describe",
    "quit",
    "table",
    "chain",
    "rule",
    "set",
    "map",
    "element",
    "counter",
    "quota",
    "limit",
    "ruleset",
    "tables",
    "chains",
    "sets",
    "maps",
    "counters",
    "quotas",
    "limits",
    "handle",
    "index",
    "position",
    "ip",
    "ip6",
    "inet",
    "accept",
    "drop",
    "jump",
    "goto",
    "return",
    "continue",
    "reject",
    "log",
    "saddr",
    "daddr",
    "sport",
    "dport",
    "tcp",
    "udp",
    "icmp",
    "icmpv6",
    "meta",
    "ct",
    "state",
    "established",
    "related",
    "new",
    "iifname",
    "oifname",
];

/// Completes words of the language and names of what is loaded.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Names(Vec<String>);

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..position).unwrap_or_default();
        let start = before
            .rfind(|letter: char| letter.is_whitespace() || "{};,@".contains(letter))
            .map_or(0, |at| at + 1);
        let begun = before.get(start..).unwrap_or_default();
        let known = WORDS.iter().map(|word| (*word).to_owned());
        let mut candidates: Vec<String> = known
            .chain(self.0.iter().cloned())
            .filter(|word| word.starts_with(begun))
            .collect();
        candidates.sort();
        candidates.dedup();
        Ok((start, candidates))
    }
}

/// Reads and executes lines until there are none.
pub(super) fn run(
    cli: &Cli,
    options: Options,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let terminal = |error: ReadlineError| Failure::Terminal(error.to_string());
    let mut editor: Editor<Names, DefaultHistory> = Editor::new().map_err(terminal)?;
    let history = history_file();
    if let Some(path) = &history {
        // There is none the first time.
        let _ = editor.load_history(path);
    }
    loop {
        editor.set_helper(Some(Names(names(kernel))));
        match editor.readline(PROMPT) {
            Ok(line) if matches!(line.trim(), "quit" | "exit" | "q") => break,
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => {
                // A line that cannot be remembered is executed all the same.
                let _ = editor.add_history_entry(line.as_str());
                execute(cli, options, &line, kernel, screen)?;
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(terminal(error)),
        }
    }
    if let Some(path) = &history {
        // The commands were executed: that their history is lost is no failure of theirs.
        let _ = editor.save_history(path);
    }
    Ok(())
}

/// Executes one line; what is wrong with it is said at once.
fn execute(
    cli: &Cli,
    options: Options,
    line: &str,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let result = Rules::typed("<line>", line, &cli.source)
        .and_then(|rules| script::run(&rules, options, kernel, screen));
    match result {
        Err(failure) if failure.is_broken_pipe() => Err(failure),
        Err(failure) => {
            write!(screen, "{}", failure.render(screen::colour_on_stderr()))?;
            screen.flush()?;
            Ok(())
        }
        Ok(()) => Ok(screen.flush()?),
    }
}

/// Names of tables, chains, sets and objects that are loaded; none if that cannot be told.
fn names(kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>) -> Vec<String> {
    let loaded = kernel().and_then(|mut kernel| Loaded::read(&mut *kernel)?.ruleset());
    let mut names = Vec::new();
    for table in loaded.iter().flat_map(|ruleset| ruleset.tables()) {
        names.push(table.name.to_string());
        names.extend(table.chains.iter().map(|chain| chain.name.to_string()));
        names.extend(table.sets.iter().map(|set| set.name.to_string()));
        names.extend(table.objects.iter().map(|object| object.name.to_string()));
    }
    names
}

/// Where lines are remembered: `userctl_history` in the user's state folder.
fn history_file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = set("XDG_STATE_HOME").map(PathBuf::from);
    let folder = state.or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/state")))?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("userctl_history"))
}
