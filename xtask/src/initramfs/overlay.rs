// SPDX-License-Identifier: GPL-2.0

//! The part of the guest's file system that is ours.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use super::archive::{Node, Tree};
use crate::programs::Programs;
use crate::session::Session;

/// The example that is shown when no rules are named.
const EXAMPLE: &str = "userctl/examples/demo.nft";

/// Folders of the tree that the guest sees, where they exist.
const FOLDERS: &[(&str, &str)] = &[
    ("userctl/examples", "usr/share/ferrule/examples"),
    ("qemu/scenarios", "usr/share/ferrule/scenarios"),
    ("qemu/differential", "usr/share/ferrule/differential"),
    ("qemu/imported", "usr/share/ferrule/imported"),
];

/// Captures that differential runs send packets of: these of the corpora, if there are any, to there.
const CAPTURES: (&str, &str) = ("pcap", "usr/share/ferrule/captures");

/// Larger captures have more of the same: the guest's memory is for other things.
const LARGEST_CAPTURE: u64 = 16 << 10;

/// The corpus that the guest sees, where the host has it.
const CORPUS: (&str, &str) = ("iptables-save", "usr/share/ferrule/iptables-save");

/// What was built for the guest, and the rules it is to show.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) programs: Programs,
    pub(crate) module: PathBuf,
    /// A rule file of the user's instead of the example.
    pub(crate) rules: Option<PathBuf>,
    /// What else is wanted: place in the guest, file or directory.
    pub(crate) extra: Vec<(&'static str, PathBuf)>,
}

/// The overlay's files.
pub(super) fn tree(session: &Session, release: &str, contents: &Contents) -> Result<Tree> {
    let mut tree = Tree::default();
    let program = |from: &Path| Node::Copy {
        from: from.to_owned(),
        mode: 0o755,
    };
    let file = |from: &Path| Node::Copy {
        from: from.to_owned(),
        mode: 0o644,
    };
    tree.insert("init", program(&contents.programs.init));
    tree.insert("usr/bin/userctl", program(&contents.programs.userctl));
    tree.insert("ferrule.ko", file(&contents.module));
    // Not below lib/: the base has a link there.
    let place = format!("usr/lib/modules/{release}/extra/ferrule.ko");
    tree.insert(&place, Node::Symlink("/ferrule.ko".to_owned()));
    for (from, to) in FOLDERS {
        let from = session.workspace.path(from);
        if from.is_dir() {
            tree.insert_all(to, &from)?;
        }
    }
    for (to, from) in &contents.extra {
        if from.is_dir() {
            tree.insert_all(to, from)?;
        } else {
            tree.insert(to, file(from));
        }
    }
    insert_captures(session, &mut tree)?;
    let (from, to) = CORPUS;
    let corpus = session
        .workspace
        .corpora()
        .map(|corpora| corpora.join(from));
    if let Some(corpus) = corpus.filter(|corpus| corpus.is_dir()) {
        tree.insert_all(to, &corpus)?;
    }
    let example = session.workspace.path(EXAMPLE);
    let rules = contents.rules.as_deref().unwrap_or(&example);
    if rules.is_file() {
        tree.insert("etc/ferrule/rules.nft", file(rules));
    } else if contents.rules.is_some() {
        bail!("{}: there is no such rule file", rules.display());
    }
    Ok(tree)
}

/// The smaller captures of the corpora.
fn insert_captures(session: &Session, tree: &mut Tree) -> Result<()> {
    let (from, to) = CAPTURES;
    let Some(folder) = session
        .workspace
        .corpora()
        .map(|corpora| corpora.join(from))
    else {
        return Ok(());
    };
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.context("reading the captures")?;
        let about = entry.metadata().context("reading the captures")?;
        if about.is_file() && about.len() <= LARGEST_CAPTURE {
            let node = Node::Copy {
                from: entry.path(),
                mode: 0o644,
            };
            tree.insert(
                &format!("{to}/{}", entry.file_name().to_string_lossy()),
                node,
            );
        }
    }
    Ok(())
}
