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
    /// Which kind of test kernel [default: stock; for benches: um]
    #[arg(long, global = true, value_enum)]
    pub(crate) flavour: Option<Flavour>,
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
    /// User Mode Linux from the same source, for benches at native speed
    Um,
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
    /// Measure what filtering costs a packet: Ferrule, nftables, iptables and ipset, in one boot
    ///
    /// Every peer has the same rules, in its own form, in a network namespace of its own; packets drawn
    /// from the rules are put into the receive path and forwarded, in rounds that go from peer to peer.
    /// What is printed is the median, over the rounds, of nanoseconds a packet above those of no filter at
    /// all, and the median distance from it. A peer that does not forward what the rules say is shown as
    /// wrong; one that cannot load them is shown as out, with the reason.
    ///
    /// With --flavour stock the same is done on Debian's kernel under QEMU, whose clock then counts
    /// instructions (one a "nanosecond") unless KVM is used: slow, and without noise.
    ///
    /// Results: tables here, and target/bench/results.json and target/bench/plots/*.svg; the rules and packets
    /// that were used are in target/bench/files/. Linear peers are sent fewer packets, never none; loading is
    /// given up after --patience. ClassBench's filter sets are read from $FERRULE_CORPORA, or from
    /// ../shared/corpora beside the repository.
    Bench(BenchOptions),
    /// Score userctl over the rule tests of nftables and iptables
    Conformance {
        /// Only files whose name contains one of these (`ip/ct.t`); every line is printed, with its
        /// reason, as with --verbose
        files: Vec<String>,
        /// Print every line as a JSON object
        #[arg(long)]
        json: bool,
        /// Have nft load what userctl lists of nftables' rules, instead of scoring
        #[arg(long, conflicts_with = "json")]
        listing: bool,
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

/// What `bench` takes.
#[derive(Args, Debug)]
pub(crate) struct BenchOptions {
    /// Workloads (see --list); all, if none is named
    pub(crate) names: Vec<String>,
    /// Show the workloads there are, and their sizes
    #[arg(long)]
    pub(crate) list: bool,
    /// Sizes to measure instead of all: `100,1000`
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) rules: Vec<u64>,
    /// Only these peers: baseline (always there), empty (the module without rules), ferrule, nft (as
    /// written), nft-optimised (`nft -o`), nft-hand (sets and maps), iptables, ipset
    #[arg(long, value_delimiter = ',', value_name = "PEER")]
    pub(crate) peers: Vec<String>,
    /// Only these kinds of traffic: `miss,hit`
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub(crate) traffic: Vec<String>,
    /// ip, ip6 or both [default: ip]
    #[arg(long, value_name = "FAMILY")]
    pub(crate) family: Option<String>,
    /// How often everything is measured [default: 7; with --quick: 3]
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<u32>,
    /// How long a measurement takes that is not slow, in milliseconds
    #[arg(long, default_value_t = 40, value_name = "MS")]
    pub(crate) budget_ms: u64,
    /// After how many seconds a peer that still loads its rules is given up
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub(crate) patience: u64,
    /// Write qemu/BENCHMARKS.md and its plots from this run
    #[arg(long)]
    pub(crate) page: bool,
    /// Small sizes and few rounds: does it all work?
    #[arg(long)]
    pub(crate) quick: bool,
}
