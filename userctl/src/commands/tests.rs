// SPDX-License-Identifier: GPL-2.0
//! Command lines against a kernel that is not there: see [`super::fake`].

mod change;
mod show;

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Parser;
use ferrule_uapi::ioctl::CounterValue;
use userctl::device::Kernel;
use userctl::image::Image;

use super::dispatch;
use super::fake::Fake;
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
        let result = dispatch(&cli, &mut open, &mut screen);
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
        for counter in view.counters() {
            let rule = (counter.flags & ferrule_uapi::program::COUNTER_POLICY == 0)
                .then(|| view.rules()[counter.owner as usize].line);
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
