// SPDX-License-Identifier: GPL-2.0

//! Disagreements between nftables and Ferrule that the guest printed: each becomes a file, to be
//! looked at, and to be kept in `qemu/differential` once its cause is mended.

use std::fs;
use std::path::PathBuf;

use crate::session::Session;

/// The lines around a file, after the mark of a KTAP diagnostic.
const BEGIN: &str = "differential-case ";
const END: &str = "differential-end";

/// Takes files out of a report.
#[derive(Debug)]
pub(crate) struct Findings {
    folder: PathBuf,
    open: Option<(String, String)>,
    written: Vec<PathBuf>,
}

impl Findings {
    /// Nothing found yet.
    pub(crate) fn new(session: &Session) -> Findings {
        Findings::into_folder(session.workspace.target("differential"))
    }

    fn into_folder(folder: PathBuf) -> Findings {
        Findings {
            folder,
            open: None,
            written: Vec::new(),
        }
    }

    /// Takes a line of the report.
    pub(crate) fn line(&mut self, line: &str) {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = line.strip_prefix(BEGIN) {
            let safe = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
            self.open = Some((name.chars().filter(safe).collect(), String::new()));
        } else if line == END {
            self.close();
        } else if let Some((_, text)) = &mut self.open {
            text.push_str(line);
            text.push('\n');
        }
    }

    fn close(&mut self) {
        let Some((name, text)) = self.open.take() else {
            return;
        };
        let file = self.folder.join(format!("{name}.nft"));
        let written = fs::create_dir_all(&self.folder).and_then(|()| fs::write(&file, text));
        match written {
            Ok(()) => self.written.push(file),
            Err(error) => eprintln!("{}: {error}", file.display()),
        }
    }

    /// Says what was written.
    pub(crate) fn report(&self) {
        for file in &self.written {
            println!("a disagreement with nftables: {}", file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_case_becomes_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut findings = Findings::into_folder(folder.path().join("differential"));
        for line in [
            "# differential-case 1-7",
            "# # packet: x",
            "# table ip t {",
            "# }",
        ] {
            findings.line(line);
        }
        findings.line("# differential-end");
        findings.line("# more");
        let text = fs::read_to_string(&findings.written[0]).unwrap();
        assert_eq!(text, "# packet: x\ntable ip t {\n}\n");
        assert!(findings.written[0].ends_with("differential/1-7.nft"));
    }
}
