// SPDX-License-Identifier: GPL-2.0
//! A prompt on the console, with the module loaded and the topology in place.

use std::process::{Command, Stdio};

use std::fs::OpenOptions;

use anyhow::{Context, Result};

use crate::ferrule;
use crate::topology::Topology;

/// What the user sees first.
const GREETING: &str = "\
ferrule.ko is loaded. Namespaces: client - router - server (`ip netns exec router bash`).
  userctl --netns router load /usr/share/ferrule/examples/demo.nft
  ip netns exec client ping -c 1 10.0.2.2
  userctl --netns router hooks
`exit` powers the guest off.
";

/// Runs the shell to its end; gives the status to report.
pub(crate) fn run() -> Result<i32> {
    let _topology = Topology::create()?;
    ferrule::insert()?;
    let console = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/ttyS0")
        .context("cannot open the console")?;
    std::io::Write::write_all(&mut &console, GREETING.as_bytes())?;
    // `-c` makes the console the shell's terminal: job control, and Ctrl-C for what runs in it. Not
    // busybox's own shell: that takes its applets, `ip` among them, before the programs on the path.
    Command::new("busybox")
        .args(["setsid", "-c", "bash", "--norc"])
        .env("PS1", r"guest:\w# ")
        .stdin(Stdio::from(console.try_clone()?))
        .stdout(Stdio::from(console.try_clone()?))
        .stderr(Stdio::from(console))
        .status()
        .context("cannot start a shell")?;
    Ok(0)
}
