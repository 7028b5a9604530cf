// SPDX-License-Identifier: GPL-2.0

//! Says what is going on and how long it took.
//!
//! On a terminal each stage has a bar while it runs; elsewhere it has one line when it ends. Either
//! way it is timed, and [`Report::print_times`] closes a command with the table of all stages.
//! Everything here goes to standard error: standard output is for results.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// How often a bar is redrawn although nothing happened.
const TICK: Duration = Duration::from_millis(120);

/// The stages of one run and their times.
#[derive(Debug)]
pub(crate) struct Report {
    verbose: bool,
    terminal: bool,
    started: Instant,
    times: RefCell<Vec<Timing>>,
}

#[derive(Debug)]
struct Timing {
    name: String,
    note: String,
    took: Duration,
}

impl Report {
    /// A report with no stages yet.
    pub(crate) fn new(verbose: bool) -> Report {
        Report {
            verbose,
            terminal: std::io::stderr().is_terminal() && !verbose,
            started: Instant::now(),
            times: RefCell::default(),
        }
    }

    /// Does `work` under a bar called `name`, and times it.
    pub(crate) fn stage<T>(&self, name: &str, work: impl FnOnce(&Stage) -> Result<T>) -> Result<T> {
        let stage = Stage::start(name, self.terminal, self.verbose);
        let result = work(&stage);
        let timing = stage.end(result.is_ok());
        self.times.borrow_mut().push(timing);
        result
    }

    /// Prints how long each stage took.
    pub(crate) fn print_times(&self) {
        let times = self.times.borrow();
        eprintln!("\n    seconds  stage");
        for timing in times.iter() {
            eprintln!("{}", timing.line());
        }
        eprintln!("{:>11.1}  in all", self.started.elapsed().as_secs_f64());
    }
}

impl Timing {
    fn line(&self) -> String {
        let note = if self.note.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.note)
        };
        format!("{:>11.1}  {}{note}", self.took.as_secs_f64(), self.name)
    }
}

/// One stage while it runs.
#[derive(Debug)]
pub(crate) struct Stage {
    name: String,
    started: Instant,
    bar: ProgressBar,
    verbose: bool,
    note: RefCell<String>,
    counts_lines: Cell<bool>,
}

impl Stage {
    fn start(name: &str, terminal: bool, verbose: bool) -> Stage {
        let bar = if terminal {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(style("{spinner} {elapsed:>5} {prefix}: {wide_msg}"));
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(TICK);
        Stage {
            name: name.to_owned(),
            started: Instant::now(),
            bar,
            verbose,
            note: RefCell::default(),
            counts_lines: Cell::new(false),
        }
    }

    /// Turns the spinner into a bar that [`Stage::advance`] or each [`Stage::line`] fills.
    ///
    /// `lines` says that it is the tools' lines that are counted; `length` is then what they were when
    /// it was measured, which is close enough for a bar.
    pub(crate) fn set_length(&self, length: u64, lines: bool) {
        self.counts_lines.set(lines);
        self.bar.set_length(length);
        self.bar.set_style(style(
            "{elapsed:>7} {prefix} [{bar:30}] {percent:>3}% {wide_msg}",
        ));
    }

    /// One more of what [`Stage::set_length`] counts is done.
    pub(crate) fn advance(&self) {
        let last = self.bar.length().unwrap_or(u64::MAX).saturating_sub(1);
        if self.bar.position() < last {
            self.bar.inc(1);
        }
    }

    /// Shows what is being done, until the next message.
    pub(crate) fn message(&self, message: impl Into<String>) {
        self.bar.set_message(message.into());
    }

    /// A line that a tool printed.
    pub(crate) fn line(&self, line: &str) {
        if self.verbose {
            eprintln!("{line}");
        }
        if self.counts_lines.get() {
            self.advance();
        }
        self.bar.set_message(line.trim().to_owned());
    }

    /// Prints a line that stays.
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Runs `print`, which writes to standard output, without the bar in its way.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Is there a terminal that shows a bar?
    pub(crate) fn is_drawn(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Remarks on how the stage came by its result, for the table.
    pub(crate) fn note(&self, note: impl Into<String>) {
        *self.note.borrow_mut() = note.into();
    }

    fn end(self, succeeded: bool) -> Timing {
        self.bar.finish_and_clear();
        if !succeeded {
            self.note("failed");
        }
        let timing = Timing {
            name: self.name,
            note: self.note.into_inner(),
            took: self.started.elapsed(),
        };
        eprintln!("{}", timing.line());
        timing
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).map_or_else(
        |_| ProgressStyle::default_spinner(),
        |style| style.progress_chars("=> "),
    )
}
