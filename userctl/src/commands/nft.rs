// SPDX-License-Identifier: GPL-2.0
//! nft's own commands, on the command line and in files: what makes an `nft` script run with `userctl`.

use std::io::Write;

use userctl::device::{Expected, Kernel, Reset};

use super::interactive;
use super::progress;
use super::rules::Rules;
use super::script::{self, Options};
use crate::cli::{Cli, Command, FlushArgs, VerbArgs};
use crate::failure::Failure;
use crate::screen::Screen;

/// What the text of a command line is called in messages.
const COMMAND_LINE: &str = "<cmdline>";

/// What is done without a command: `-f FILE` or `-i`.
pub(super) fn without_command(
    cli: &Cli,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let options = options(cli);
    match &cli.file {
        Some(path) => {
            let _progress = progress::begin();
            let rules = Rules::read_or_json(path, &cli.source, cli.show.json)?;
            script::run(&rules, options, kernel, screen)
        }
        None if cli.interactive => interactive::run(cli, options, kernel, screen),
        None => Err(Failure::Usage(
            "say what to do: `userctl --help` lists the commands".into(),
        )),
    }
}

/// How commands are executed, as the options say.
pub(super) fn options(cli: &Cli) -> Options {
    Options {
        show: cli.show,
        check: cli.check,
        echo: cli.echo,
    }
}

/// Executes a command whose words are nft's.
pub(super) fn run(
    cli: &Cli,
    command: &Command,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut options = options(cli);
    let nothing = VerbArgs::default();
    let (verb, args) = match command {
        Command::Add(args) => ("add", args),
        Command::Create(args) => ("create", args),
        Command::Insert(args) => ("insert", args),
        Command::Replace(args) => ("replace", args),
        Command::Delete(args) => ("delete", args),
        Command::Destroy(args) => ("destroy", args),
        Command::Rename(args) => ("rename", args),
        Command::Get(args) => ("get", args),
        Command::Describe(args) => ("describe", args),
        Command::List(args) => ("list", args),
        Command::Reset(args) => ("reset", args),
        Command::Flush(args) if args.verb.words.is_empty() => return flush(args, kernel, screen),
        Command::Flush(args) => ("flush", &args.verb),
        Command::Script(words) => {
            let text = words.join(" ");
            let rules = Rules::typed_or_json(COMMAND_LINE, &text, &cli.source, cli.show.json)?;
            return script::run(&rules, options, kernel, screen);
        }
        _ => ("", &nothing),
    };
    let mut text = match verb {
        "list" | "get" | "reset" | "describe" => args.text(verb, &mut options.show),
        _ => format!("{verb} {}", args.words.join(" ")),
    };
    match text.as_str() {
        "list" => text.push_str(" ruleset"),
        "reset" | "reset hooks" | "reset all" => return reset(&text, kernel, screen),
        _ => {}
    }
    let rules = Rules::typed(COMMAND_LINE, &text, &cli.source)?;
    script::run(&rules, options, kernel, screen)
}

/// Removes everything.
fn flush(
    args: &FlushArgs,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let expected = args.generation.map_or(Expected::Any, Expected::Generation);
    let generation = kernel()?.flush(expected)?;
    writeln!(screen, "loaded generation {generation}: no rules")?;
    Ok(())
}

/// Begins anew what nft has no word for: the counters of all rules and policies, those of hooks, or both.
fn reset(
    text: &str,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let (what, whose) = match text {
        "reset hooks" => (Reset::Hooks, "hooks"),
        "reset all" => (Reset::All, "rules, policies and hooks"),
        _ => (Reset::Counters, "rules and policies"),
    };
    kernel()?.reset(what, Expected::Any)?;
    writeln!(screen, "the counters of {whose} are at zero")?;
    Ok(())
}
