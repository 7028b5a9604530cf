// SPDX-License-Identifier: GPL-2.0

//! Watches a guest: passes on what it says, and ends it when it has said nothing for too long, or
//! goes on for too long.

use std::collections::VecDeque;
use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How many of the console's last lines are kept for the user.
const KEPT_LINES: usize = 40;

/// How long the console may be behind when the guest is over.
const DRAIN: Duration = Duration::from_millis(300);

/// What the kernel prints when it gives up.
const PANIC: &str = "Kernel panic - not syncing";

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The kernel's console, and what QEMU itself has to say.
    Console,
    /// What the guest's init reports.
    Report,
}

/// How long a guest may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Without a byte on either port.
    pub(crate) silence: Duration,
    /// From beginning to end.
    pub(crate) total: Duration,
}

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// QEMU ended by itself.
    Exit(ExitStatus),
    /// It said nothing for so long.
    Silent(Duration),
    /// It took longer than this.
    TooLong(Duration),
}

/// A guest that is over.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) end: End,
    /// Did its kernel panic?
    pub(crate) panicked: bool,
    /// The console's last lines.
    pub(crate) console: VecDeque<String>,
}

impl Run {
    /// What is wrong with how it ended, in words.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self.end {
            _ if self.panicked => Some("the guest's kernel panicked".to_owned()),
            End::Silent(time) => Some(format!("the guest said nothing for {} s", time.as_secs())),
            End::TooLong(time) => Some(format!("the guest took more than {} s", time.as_secs())),
            End::Exit(status) if !status.success() => Some(format!("QEMU failed ({status})")),
            End::Exit(_) => None,
        }
    }
}

/// Watches `child` until it ends, or a limit is passed and it is killed.
///
/// `console` may block until the guest opens its console.
pub(crate) fn watch<R: Read>(
    mut child: Child,
    report: impl Read + Send + 'static,
    complaints: impl Read + Send + 'static,
    console: impl FnOnce() -> std::io::Result<R> + Send + 'static,
    limits: Limits,
    mut each: impl FnMut(Port, &str),
) -> Result<Run> {
    let (sender, receiver) = channel();
    let (second, third) = (sender.clone(), sender.clone());
    thread::spawn(move || pump(Port::Report, report, &sender));
    thread::spawn(move || pump(Port::Console, complaints, &second));
    thread::spawn(move || {
        if let Ok(console) = console() {
            pump(Port::Console, console, &third);
        }
    });

    let mut lines = Lines::default();
    let start = Instant::now();
    let mut heard = start;
    let mut over = None;
    let end = loop {
        let now = Instant::now();
        if let Some(status) = over {
            if now.duration_since(heard) >= DRAIN {
                break End::Exit(status);
            }
        } else if now.duration_since(start) >= limits.total {
            break End::TooLong(limits.total);
        } else if now.duration_since(heard) >= limits.silence {
            break End::Silent(limits.silence);
        }
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok((port, bytes)) => {
                heard = Instant::now();
                lines.take(port, &bytes, &mut each);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(5)),
        }
        if over.is_none() {
            over = child.try_wait().context("waiting for QEMU")?;
            if over.is_some() {
                heard = Instant::now();
            }
        }
    };
    if over.is_none() {
        child.kill().context("ending QEMU")?;
        child.wait().context("waiting for QEMU")?;
    }
    lines.finish(&mut each);
    Ok(Run {
        end,
        panicked: lines.panicked,
        console: lines.console,
    })
}

/// Sends on what a port says, until it is closed or nobody listens.
fn pump(port: Port, mut from: impl Read, to: &Sender<(Port, Vec<u8>)>) {
    let mut buffer = [0; 4096];
    while let Ok(length) = from.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        if bytes.is_empty() || to.send((port, bytes.to_vec())).is_err() {
            return;
        }
    }
}

/// Makes lines of bytes, and keeps the console's last ones.
#[derive(Debug, Default)]
struct Lines {
    report: Vec<u8>,
    unfinished: Vec<u8>,
    console: VecDeque<String>,
    panicked: bool,
}

impl Lines {
    fn take(&mut self, port: Port, bytes: &[u8], each: &mut impl FnMut(Port, &str)) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end_line(port, each);
            } else {
                self.buffer(port).push(*byte);
            }
        }
    }

    fn finish(&mut self, each: &mut impl FnMut(Port, &str)) {
        for port in [Port::Report, Port::Console] {
            if !self.buffer(port).is_empty() {
                self.end_line(port, each);
            }
        }
    }

    fn end_line(&mut self, port: Port, each: &mut impl FnMut(Port, &str)) {
        let bytes = std::mem::take(self.buffer(port));
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        each(port, &line);
        if port == Port::Console {
            self.panicked |= line.contains(PANIC);
            if self.console.len() == KEPT_LINES {
                self.console.pop_front();
            }
            self.console.push_back(line);
        }
    }

    fn buffer(&mut self, port: Port) -> &mut Vec<u8> {
        match port {
            Port::Report => &mut self.report,
            Port::Console => &mut self.unfinished,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A guest that is a shell script: its output is the report, its complaints are the console.
    fn guest(script: &str, silence: u64, total: u64) -> (Run, Vec<String>) {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let report = child.stdout.take().unwrap();
        let console = child.stderr.take().unwrap();
        let limits = Limits {
            silence: Duration::from_millis(silence),
            total: Duration::from_millis(total),
        };
        let mut seen = Vec::new();
        let run = watch(
            child,
            report,
            std::io::empty(),
            || Ok(console),
            limits,
            |port, line| {
                seen.push(format!("{port:?} {line}"));
            },
        );
        (run.unwrap(), seen)
    }

    #[test]
    fn lines_of_both_ports_come_whole() {
        let (run, mut seen) = guest(
            "printf 'a\\r\\nb'; sleep 0.1; echo c; echo log >&2",
            5000,
            9000,
        );
        seen.sort();
        assert_eq!(seen, ["Console log", "Report a", "Report bc"]);
        assert_eq!(run.complaint(), None);
        assert_eq!(run.console, ["log"]);
    }

    #[test]
    fn a_silent_guest_is_ended() {
        let start = Instant::now();
        let (run, _) = guest("echo booting >&2; exec sleep 60", 300, 60_000);
        assert_eq!(run.end, End::Silent(Duration::from_millis(300)));
        assert_eq!(run.console, ["booting"]);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_talkative_guest_is_not_silent_but_may_take_too_long() {
        let (run, seen) = guest("while :; do echo tick; sleep 0.05; done", 2000, 600);
        assert_eq!(run.end, End::TooLong(Duration::from_millis(600)));
        assert!(seen.len() > 3, "{seen:?}");
    }

    #[test]
    fn a_panic_is_noticed_and_the_last_lines_are_kept() {
        let script = "seq 100 >&2; echo 'Kernel panic - not syncing: Fatal exception' >&2";
        let (run, _) = guest(script, 5000, 9000);
        assert_eq!(run.complaint().unwrap(), "the guest's kernel panicked");
        assert_eq!(run.console.len(), KEPT_LINES);
        assert!(run.console.back().unwrap().ends_with("Fatal exception"));
    }

    #[test]
    fn a_qemu_that_fails_is_no_success() {
        let (run, _) = guest("echo no such machine >&2; exit 1", 5000, 9000);
        assert_eq!(run.complaint().unwrap(), "QEMU failed (exit status: 1)");
    }
}
