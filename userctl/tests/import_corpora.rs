// SPDX-License-Identifier: GPL-2.0
//! `userctl import` over what other projects wrote: iptables' own tests and saves of real machines.
//!
//! - `.t` lines marked OK are imported or refused, and at least so many are imported; lines marked FAIL
//!   are refused, as iptables refuses them.
//! - `.txlate` lines give what iptables-translate gives, but for spelling, or are listed here with the
//!   reason (`DIFFERENT`).
//! - Saves are imported as a whole.
//!
//! The corpora are in `$FERRULE_CORPORA`, or beside the repository; a test that has none says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use userctl::import::{import, Family, Imported};
use userctl::source::SourceMap;

#[path = "import/spelling.rs"]
mod spelling;
#[path = "import/translations.rs"]
mod translations;

/// Finds a folder of the corpora.
fn corpus(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("FERRULE_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
    };
    let folder = folder.join(name);
    if !folder.is_dir() {
        eprintln!("skipped: no {} here", folder.display());
        return None;
    }
    Some(folder)
}

/// The files of a folder that end so, in order.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| path.to_string_lossy().ends_with(end));
    paths.sort();
    assert!(!paths.is_empty(), "no {end} in {}", folder.display());
    paths
}

/// Imports a text.
fn import_text(text: &str, family: Family) -> Imported {
    let mut sources = SourceMap::new();
    let file = sources.add("save", text).expect("a small text");
    import(&sources, file, family)
}

/// A save of one rule; a chain that iptables does not have is made.
fn save_of(table: &str, chain: &str, rule: &str) -> String {
    let own = match chain.chars().all(char::is_uppercase) {
        true => String::new(),
        false => format!(":{chain} - [0:0]\n"),
    };
    format!("*{table}\n{own}{rule}\nCOMMIT\n")
}

/// A line of a `.t` file, in one of its chains and families.
struct Case {
    table: String,
    chain: String,
    family: Family,
    rule: String,
    ok: bool,
}

/// Reads a `.t` file. Those of `libxt_` are for both families.
fn cases(path: &Path) -> Vec<Case> {
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let families: &[Family] = match () {
        () if name.starts_with("libip6t_") => &[Family::Ip6],
        () if name.starts_with("libxt_") => &[Family::Ip, Family::Ip6],
        () => &[Family::Ip],
    };
    let (mut table, mut chains) = ("filter".to_owned(), vec!["INPUT".to_owned()]);
    let mut found = Vec::new();
    for line in fs::read_to_string(path).expect("a text").lines() {
        if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut table);
        } else if let Some(names) = line.strip_prefix(':') {
            chains = names.split(',').map(str::to_owned).collect();
        }
        let parts: Vec<_> = line.split(';').collect();
        let comment = line.is_empty() || line.starts_with(['#', ':', '*', '%']);
        let [rule, _, verdict, ..] = parts.as_slice() else {
            continue;
        };
        if comment {
            continue;
        }
        for chain in &chains {
            for family in families {
                found.push(Case {
                    table: table.clone(),
                    chain: chain.clone(),
                    family: *family,
                    rule: (*rule).to_owned(),
                    ok: *verdict == "OK",
                });
            }
        }
    }
    found
}

impl Case {
    fn import(&self) -> Imported {
        let rule = format!("-A {} {}", self.chain, self.rule);
        import_text(&save_of(&self.table, &self.chain, &rule), self.family)
    }
}

/// Extensions of iptables' tests that nothing in nft corresponds to, which issue 3 does not name.
const WITHOUT_COUNTERPART: &[&str] = &[
    "libip6t_DNPT.t",
    "libip6t_SNPT.t",
    "libip6t_ipvs.t",
    "libxt_HMARK.t",
    "libxt_IDLETIMER.t",
    "libxt_LED.t",
    "libxt_ipvs.t",
    "libxt_rateest.t",
];

/// Refused on purpose, says issue 3.
const REFUSED_ON_PURPOSE: &[&str] = &["libxt_physdev.t"];

/// Lines that iptables accepts, and how many are imported: a line is, if it is in all of its chains and
/// families.
#[test]
fn lines_that_iptables_accepts_are_imported_or_refused_with_a_reason() {
    let Some(folder) = corpus("iptables-rules") else {
        return;
    };
    let (mut all, mut named, mut imported) = (0, 0, 0);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for path in files(&folder, ".t") {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let mut lines: BTreeMap<String, Option<String>> = BTreeMap::new();
        for case in cases(&path) {
            if !case.ok || case.table == "nat" {
                continue;
            }
            let result = case.import();
            let reason = result.left_out.first().map(|one| one.message.clone());
            let line = lines.entry(case.rule.clone()).or_default();
            *line = line.take().or(reason);
        }
        let counterpart = !WITHOUT_COUNTERPART.contains(&name.as_str());
        for reason in lines.values() {
            all += 1;
            named += usize::from(counterpart);
            match reason {
                None => imported += 1,
                Some(reason) => *reasons.entry(format!("{name}: {reason}")).or_default() += 1,
            }
        }
    }
    for (reason, count) in &reasons {
        println!("{count:4} refused: {reason}");
    }
    println!("{imported} of {all} lines imported, of {named} with a counterpart in nft");
    let purpose = |reason: &&String| {
        REFUSED_ON_PURPOSE
            .iter()
            .any(|file| reason.starts_with(file))
    };
    let on_purpose: usize = reasons
        .iter()
        .filter(|(r, _)| purpose(r))
        .map(|(_, n)| n)
        .sum();
    assert!(
        imported * 100 >= (named - on_purpose) * 90,
        "{imported} of {named}"
    );
}

#[test]
fn lines_that_iptables_refuses_are_refused() {
    let Some(folder) = corpus("iptables-rules") else {
        return;
    };
    let mut wrong = Vec::new();
    for path in files(&folder, ".t") {
        for case in cases(&path).iter().filter(|case| !case.ok) {
            let result = case.import();
            if result.left_out.is_empty() {
                wrong.push(format!(
                    "{}: {}\n{}",
                    path.display(),
                    case.rule,
                    result.text
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn saves_of_real_machines_are_imported_as_a_whole() {
    let Some(folder) = corpus("iptables-save") else {
        return;
    };
    for path in files(&folder, "save") {
        let text = fs::read_to_string(&path).expect("a text");
        let family = Family::guess(&path.to_string_lossy(), &text);
        let result = import_text(&text, family);
        assert_eq!(result.left_out, [], "{}", path.display());
        let rules = text.lines().filter(|line| line.starts_with("-A ")).count();
        let counters = result.text.matches("counter").count();
        assert_eq!(counters, rules, "{}: each rule counts once", path.display());
    }
}

#[test]
fn translations_are_those_of_iptables_translate_or_listed() {
    let Some(folder) = corpus("iptables-rules") else {
        return;
    };
    let mut wrong = Vec::new();
    let mut listed: Vec<_> = translations::DIFFERENT
        .iter()
        .flat_map(|(_, lines)| lines.iter().copied())
        .collect();
    let (mut same, mut different) = (0, 0);
    for path in files(&folder, ".txlate") {
        for (command, expected) in translations::read(&path) {
            let ours = translations::ours(&command);
            if ours.as_deref() == Some(expected.as_str()) {
                same += 1;
                continue;
            }
            different += 1;
            match listed.iter().position(|line| *line == command) {
                Some(at) => drop(listed.swap_remove(at)),
                None => wrong.push(format!(
                    "{command}\n    theirs: {expected}\n    ours:   {}",
                    ours.unwrap_or_else(|| "refused".into())
                )),
            }
        }
    }
    println!("{same} translations are the same, {different} are listed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(listed.is_empty(), "they are the same by now: {listed:#?}");
}
