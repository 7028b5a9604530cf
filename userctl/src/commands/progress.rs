// SPDX-License-Identifier: GPL-2.0
//! A bar for loads that take longer than a second, on standard error and only if that is a terminal.
//!
//! A load is a row of [`Step`]s, none of which knows how far it is; so the bar shows which one it is at, and
//! since when. Whoever loads begins it ([`begin`]), and the stages say [`step`], which does nothing if nobody did.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What goes faster is over before anybody could have read it.
const SILENCE: Duration = Duration::from_secs(1);

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// A step of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Text to syntax.
    Parse,
    /// Syntax to rules, on top of what is loaded.
    Check,
    /// Rules to a program.
    Compile,
    /// The program as the module will look at it.
    Verify,
    /// To the module, which publishes it.
    Load,
}

impl Step {
    const COUNT: u64 = Step::Load as u64 + 1;

    const fn name(self) -> &'static str {
        match self {
            Step::Parse => "parsing",
            Step::Check => "checking",
            Step::Compile => "compiling",
            Step::Verify => "verifying",
            Step::Load => "loading",
        }
    }
}

/// A bar, and who waits to show it.
struct Shown {
    bar: ProgressBar,
    over: Sender<()>,
    waiting: JoinHandle<()>,
}

thread_local! {
    static CURRENT: RefCell<Option<Shown>> = const { RefCell::new(None) };
}

/// A load that goes on: there is no bar any more when this is dropped.
pub(super) struct Progress;

/// Begins a load.
pub(super) fn begin() -> Progress {
    if std::io::stderr().is_terminal() {
        CURRENT.set(Some(shown()));
    }
    Progress
}

fn shown() -> Shown {
    let bar = ProgressBar::with_draw_target(Some(Step::COUNT), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>5} {bar:20} {msg}") {
        bar.set_style(style);
    }
    let (over, is_over) = channel();
    let later = bar.clone();
    let waiting = thread::spawn(move || {
        if is_over.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
            later.set_draw_target(ProgressDrawTarget::stderr());
            later.enable_steady_tick(TICK);
        }
    });
    Shown { bar, over, waiting }
}

/// Says that `step` begins.
pub(super) fn step(step: Step) {
    CURRENT.with_borrow(|shown| {
        if let Some(Shown { bar, .. }) = shown {
            bar.set_message(step.name());
            bar.set_position(step as u64);
        }
    });
}

/// Says that it is over: what is written now is not to meet a bar.
pub(super) fn end() {
    if let Some(Shown { bar, over, waiting }) = CURRENT.take() {
        // The thread must not show it afterwards.
        drop(over);
        let _ = waiting.join();
        bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_fill_the_bar_in_their_order_until_it_ends() {
        let shown = shown();
        let bar = shown.bar.clone();
        CURRENT.set(Some(shown));
        let steps = [
            Step::Parse,
            Step::Check,
            Step::Compile,
            Step::Verify,
            Step::Load,
        ];
        for (position, at) in (0..).zip(steps) {
            step(at);
            assert_eq!(
                (bar.position(), bar.message()),
                (position, at.name().to_owned())
            );
        }
        drop(Progress);
        assert!(bar.is_finished());
        assert!(CURRENT.with_borrow(Option::is_none));
    }
}
