// SPDX-License-Identifier: GPL-2.0
//! What can go wrong with a command, and whose fault it is.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use userctl::device;
use userctl::netns;
use userctl::simulate::capture::CaptureError;

/// Why a command could not do its work.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The rules are wrong: messages with line and caret, ready to print in black and white and in
    /// colour.
    #[error("{plain}")]
    Rules {
        /// Without colour.
        plain: String,
        /// With.
        coloured: String,
    },
    /// The verifier refused what the compiler made of the rules.
    #[error("{0}")]
    Refused(String),
    /// A file that cannot be a ruleset.
    #[error("{name}: {reason}")]
    NoRuleset {
        /// Its name.
        name: String,
        /// What it is instead.
        reason: &'static str,
    },
    /// More than one.
    #[error("{} files failed", .0.len())]
    Several(Vec<Failure>),
    /// A file cannot be read or written.
    #[error("{}: {}", path.display(), words(source))]
    File {
        /// Its name.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A path leads to something that is read in another way.
    #[error("{}: is a directory", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// A capture cannot be read, or not to its end.
    #[error("{name}: {error}")]
    Capture {
        /// Its name.
        name: String,
        /// Why.
        error: CaptureError,
    },
    /// No packet of a capture could be tried.
    #[error("{name}: no packet to try: {reason}")]
    NoPackets {
        /// Its name.
        name: String,
        /// What became of them.
        reason: String,
    },
    /// An option that means nothing here.
    #[error("{0}")]
    Option(String),
    /// What is loaded cannot be understood.
    #[error("the loaded program was not made by this userctl: {0}")]
    Loaded(String),
    /// What userctl lists, it cannot read.
    #[error("the listing of the loaded ruleset cannot be read back: this is a bug in userctl")]
    Listing,
    /// Somebody else loads rulesets all the time.
    #[error("gave up after {attempts} attempts: another writer is active")]
    Contended {
        /// How often it was tried.
        attempts: usize,
    },
    /// The command line does not say what to do.
    #[error("{0}")]
    Usage(String),
    /// The terminal.
    #[error("cannot read from the terminal: {0}")]
    Terminal(String),
    /// The device.
    #[error("{0}")]
    Device(#[from] device::Error),
    /// The network namespace.
    #[error("{0}")]
    Netns(#[from] netns::Error),
    /// Standard output.
    #[error("cannot write: {}", words(.0))]
    Output(#[from] io::Error),
}

impl Failure {
    /// No failure, the only one, or several.
    pub(crate) fn all(mut failures: Vec<Failure>) -> Result<(), Failure> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Failure::Several(failures)),
        }
    }

    /// Whether whoever reads the output has had enough of it.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit status: 1 if the rules are wrong, 2 if the environment is.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Failure::Rules { .. } | Failure::Refused(_) | Failure::NoRuleset { .. } => 1,
            Failure::Several(failures) => failures.iter().map(Failure::status).max().unwrap_or(2),
            _ => 2,
        }
    }

    /// The message as it is printed, with what to do about it.
    pub(crate) fn render(&self, colour: bool) -> String {
        match self {
            Failure::Rules { plain, .. } if !colour => return plain.clone(),
            Failure::Rules { coloured, .. } => return coloured.clone(),
            Failure::Several(all) => return all.iter().map(|one| one.render(colour)).collect(),
            _ => {}
        }
        let styles = clap::builder::Styles::styled();
        let (error, help) = match colour {
            true => (*styles.get_error(), *styles.get_valid()),
            false => Default::default(),
        };
        let mut text = format!("{error}error:{error:#} {self}\n");
        if let Some(hint) = self.hint() {
            text.push_str(&format!("{help}hint:{help:#} {hint}\n"));
        }
        text
    }

    /// What to do about it, if anything can be done.
    fn hint(&self) -> Option<String> {
        match self {
            Failure::Device(error) => error.help(),
            Failure::Netns(error) => error.help(),
            Failure::Directory { .. } => Some("give a file with rules in it".into()),
            Failure::NoPackets { .. } => Some(
                "the links that are known are Ethernet, raw IP, Linux cooked (both versions), null and loop"
                    .into(),
            ),
            Failure::Contended { .. } => {
                Some("see who loads rulesets here with `userctl status`".into())
            }
            Failure::Loaded(_) => Some(
                "`userctl flush` removes it; `userctl disasm --loaded` shows what it does".into(),
            ),
            _ => None,
        }
    }
}

/// The operating system's own words, without the number that Rust puts behind them.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
