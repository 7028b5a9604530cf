// SPDX-License-Identifier: GPL-2.0
//! Whether nft loads what `userctl list` prints.
//!
//! Every rule of nftables' own tests that userctl takes is listed, with the sets and objects that it names, and
//! `nft -c -f` reads the listing, in user and network namespaces of its own: nothing of the machine's ruleset
//! is asked or changed. nft and its libraries come from a root file system, such as the one xtask makes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{ensure, Context, Result};

use crate::corpora;
use crate::nft_rules::{self, Listed};

/// What nft refuses: a part of the rule's line, what nft says, and the reason.
const EXCUSES: &[(&str, &str, &str)] = &[
    (
        "fib daddr check",
        "syntax error",
        "`fib … check` in a map is newer than nft 1.1.3",
    ),
    (
        "queue",
        "Could not process rule: No such file or directory",
        "nft reads it, and the kernel of this machine has no nft_queue",
    ),
];

/// Makes the interfaces that the corpora name, has nft check each file of a folder, and leaves what it says beside
/// the file. Arguments: the root, the folder.
const SCRIPT: &str = r#"
root=$1; cd "$2" || exit 2
in_root() {
    program=$1; shift
    "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" "$root/usr/sbin/$program" "$@"
}
in_root ip link set lo up || exit 2
in_root ip link add eth0 type veth peer name dummy0 || exit 2
in_root ip link add eth1 type veth peer name eth2 || exit 2
echo 'add table ip t' > trial
in_root nft -c -f trial || exit 2
for file in *.nft; do
    in_root nft -c -f "$file" 2> "$file.said" || : > "$file.refused"
done
"#;

/// What became of the listings.
#[derive(Debug, Default)]
pub struct Loading {
    /// How many there are.
    pub count: usize,
    /// Those that nft refuses for a reason that is known: where they come from, and the reason.
    pub excused: Vec<(String, &'static str)>,
    /// Those that it refuses else: where they come from, the listing and what it says.
    pub refused: Vec<String>,
}

/// Gives nft the listings of all rules in the files whose name contains one of `filters`.
///
/// # Errors
///
/// nft cannot be run: a namespace, a tool, or `nf_tables` in the kernel is missing.
pub fn run(root: &Path, folder: &Path, filters: &[String]) -> Result<Loading> {
    let mut listed: Vec<(String, Listed)> = Vec::new();
    for (name, text) in corpora::nft_rules(folder, filters)? {
        let of_file = nft_rules::listings(&name, &text);
        listed.extend(of_file.into_iter().map(|listed| (name.clone(), listed)));
    }
    ensure!(!listed.is_empty(), "no rule is listed");
    let place = Scratch::new()?;
    for (number, (_, listed)) in listed.iter().enumerate() {
        let path = place.file(number, "");
        fs::write(&path, &listed.text).with_context(|| format!("writing {}", path.display()))?;
    }
    let status = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "sh",
            "-c",
            SCRIPT,
            "sh",
        ])
        .args([root, &place.0])
        .stdin(Stdio::null())
        .status()
        .context("cannot run unshare (package util-linux)")?;
    ensure!(
        status.success(),
        "nft cannot be run in a namespace ({status})"
    );
    let mut loading = Loading {
        count: listed.len(),
        ..Loading::default()
    };
    for (number, (name, listed)) in listed.iter().enumerate() {
        if place.file(number, ".refused").exists() {
            let said = fs::read_to_string(place.file(number, ".said"))?;
            loading.refused(name, listed, &said);
        }
    }
    Ok(loading)
}

impl Loading {
    fn refused(&mut self, name: &str, listed: &Listed, said: &str) {
        let origin = format!("{name}:{}: {}", listed.line, listed.rule);
        let excuse = EXCUSES
            .iter()
            .find(|(part, error, _)| listed.rule.contains(part) && said.contains(error));
        match excuse {
            Some((_, _, reason)) => self.excused.push((origin, reason)),
            None => self
                .refused
                .push(format!("{origin}\n{}\n{}", listed.text, said.trim_end())),
        }
    }

    /// The figures, and what is refused.
    pub fn report(&self) -> String {
        let mut out = String::new();
        for refused in &self.refused {
            let _ = writeln!(out, "refused: {refused}\n");
        }
        for (_, _, reason) in EXCUSES {
            let excused = self.excused.iter().filter(|(_, why)| why == reason);
            let origins: Vec<_> = excused.map(|(origin, _)| origin.as_str()).collect();
            if let Some(first) = origins.first() {
                let _ = writeln!(out, "excused: {} like {first} ({reason})", origins.len());
            }
        }
        let (excused, refused) = (self.excused.len(), self.refused.len());
        let loaded = self.count - excused - refused;
        let _ = writeln!(
            out,
            "{} listings: nft loads {loaded}, refuses {excused} for a known reason and {refused} others",
            self.count
        );
        out
    }
}

/// A folder that is gone when this is.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("ferrule-listings-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    fn file(&self, number: usize, what: &str) -> PathBuf {
        self.0.join(format!("{number:05}.nft{what}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
