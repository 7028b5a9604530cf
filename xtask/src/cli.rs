// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Build Ferrule and prove it, under QEMU, on an unmodified Debian kernel.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Debian kernel to use, from 7.3 on: `7.3.4`, `7.4` (the newest of that series)
    ///
    /// Without it the newest 7.3 that the mirror offers, or the newest later one when there is none.
    /// What was chosen is remembered: later runs need no mirror until `cargo xtask clean --all`.
    #[arg(long, global = true, value_name = "VERSION", conflicts_with = "kdir")]
    pub(crate) kernel: Option<String>,
    /// A kernel build tree of your own (7.3 or later, CONFIG_RUST=y) instead of Debian's
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) kdir: Option<PathBuf>,
    /// Which kind of test kernel
    #[arg(long, global = true, value_enum, default_value_t = Flavour::Stock)]
    pub(crate) flavour: Flavour,
    /// How the guest's processor is run
    #[arg(long, global = true, value_enum, default_value_t = AccelChoice::Auto)]
    pub(crate) accel: AccelChoice,
    /// Never use the network; fail when something is not in the cache
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Print what the tools print
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// The kinds of test kernel there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flavour {
    /// Debian's own kernel image, unmodified
    Stock,
}

/// How the guest's processor is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccelChoice {
    /// KVM where a trial guest proves that it works, TCG otherwise
    Auto,
    /// KVM, without a trial
    Kvm,
    /// QEMU's translator
    Tcg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show rules at work: three namespaces, real packets, what happened to each
    Demo {
        /// Rule file to load instead of userctl/examples/demo.nft
        rules: Option<PathBuf>,
    },
    /// Run the tests: first the host's, then the guest's scenarios
    Test {
        /// Run only the tests whose name contains this
        filter: Option<String>,
        /// Only those that run on the host
        #[arg(long, conflicts_with = "guest_only")]
        host_only: bool,
        /// Only those that run in the guest
        #[arg(long)]
        guest_only: bool,
        /// Let the randomised host tests run for minutes (10 million programs)
        #[arg(long)]
        long: bool,
    },
    /// Try random rulesets in nftables and in Ferrule, in the guest, and compare all that can be seen
    Differential {
        /// How many rulesets
        #[arg(long, default_value_t = 3000)]
        rulesets: u32,
        /// How many packets go through each
        #[arg(long, default_value_t = 200)]
        packets: u32,
        /// What they are made from; the same number makes the same ones [default: the clock]
        #[arg(long)]
        seed: Option<u32>,
        /// Number of the first ruleset
        #[arg(long, default_value_t = 0)]
        first: u32,
        /// A part of the language that every ruleset has; an unknown one lists those there are
        #[arg(long, value_name = "FEATURE")]
        only: Option<String>,
    },
    /// Score userctl over the rule tests of nftables and iptables
    Conformance {
        /// Only files whose name contains one of these (`ip/ct.t`); every line is printed, with its
        /// reason, as with --verbose
        files: Vec<String>,
        /// Print every line as a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Open a prompt in a guest that has the module loaded
    Shell,
    /// Build everything that runs in the guest
    Build,
    /// Check formatting, lints and the rules of the house
    Check,
    /// Remove what was built in the tree, and cache entries no longer in use
    Clean {
        /// The whole cache too: the next run starts from nothing
        #[arg(long)]
        all: bool,
    },
}
