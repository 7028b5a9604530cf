// SPDX-License-Identifier: GPL-2.0
//! The program as a user meets it on a machine without the module: messages and exit statuses.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

const NO_DEVICE: &str = "/nonexistent/ferrule";

fn userctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_userctl"));
    command.args(["--device", NO_DEVICE]).args(args);
    command.env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

/// Runs a command that must fail. Gives what it said and its exit status.
#[track_caller]
fn failure(args: &[&str]) -> (String, i32) {
    let Output {
        status,
        stdout,
        stderr,
    } = userctl(args).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&stdout), "");
    (String::from_utf8(stderr).unwrap(), status.code().unwrap())
}

#[test]
fn without_the_module_every_command_that_needs_it_says_so() {
    let rules = tempfile::NamedTempFile::new().unwrap();
    let rules = rules.path().to_str().unwrap();
    for args in [
        &["load", rules][..],
        &["list"],
        &["flush"],
        &["counters"],
        &["reset"],
        &["disasm", "--loaded"],
        &["hooks"],
        &["status"],
    ] {
        let (message, status) = failure(args);
        let line = message.lines().next().unwrap();
        assert_eq!(
            line, "error: /nonexistent/ferrule: no such device: ferrule.ko is not loaded",
            "{args:?}"
        );
        assert!(message.contains("\nhint: "), "{message}");
        assert_eq!(status, 2, "{args:?}");
    }
}

#[test]
fn another_device_is_not_taken_for_ours() {
    for path in ["/dev/null", "/dev/zero", "/etc/passwd", "/"] {
        let output = Command::new(env!("CARGO_BIN_EXE_userctl"))
            .args(["--device", path, "status"])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            format!(
                "error: {path}: not the device of ferrule.ko\nhint: the device is /dev/ferrule\n"
            )
        );
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn a_missing_namespace_is_named_before_anything_is_tried() {
    let (message, status) = failure(&["--netns", "no-such-netns", "status"]);
    assert!(
        message.starts_with("error: no network namespace \"no-such-netns\"\nhint: there are"),
        "{message}"
    );
    assert_eq!(status, 2);
    let (message, status) = failure(&["--netns", "../net", "status"]);
    assert_eq!(
        message,
        "error: \"../net\" cannot be the name of a network namespace\n\
         hint: give a name as `ip netns list` prints it\n"
    );
    assert_eq!(status, 2);
}

#[test]
fn what_is_no_rule_file_is_refused_by_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (binary, latin1, absent) = (path("binary"), path("latin1"), path("absent"));
    fs::write(&binary, b"\x7fELF\x02\x01\x01\0\0\0").unwrap();
    fs::write(&latin1, b"# R\xe9gles\n").unwrap();
    let folder = directory.path().to_str().unwrap();
    for (path, reason, status) in [
        (&*binary, "no ruleset: a binary file\n", 1),
        (&*latin1, "no ruleset: not a text in UTF-8\n", 1),
        (&*absent, "No such file or directory\n", 2),
        (
            folder,
            "is a directory\nhint: give a file with rules in it\n",
            2,
        ),
    ] {
        assert_eq!(
            failure(&["check", path]),
            (format!("error: {path}: {reason}"), status)
        );
    }
}

#[test]
fn a_wrong_command_line_is_the_environments_fault() {
    for args in [
        &["check"][..],
        &["load"],
        &["load", "a", "--generation", "0"],
        &["check", "-", "-D", "lan"],
        &["disasm"],
        &["disasm", "a", "--loaded"],
    ] {
        let (message, status) = failure(args);
        assert!(message.starts_with("error: "), "{args:?}: {message}");
        assert_eq!(status, 2, "{args:?}");
    }
}

#[test]
fn a_command_that_nft_does_not_know_is_refused_like_a_script_with_it() {
    for args in [&["frobnicate"][..], &["reset", "everything"]] {
        let (message, status) = failure(args);
        assert!(message.starts_with("error: "), "{args:?}: {message}");
        assert_eq!(status, 1, "{args:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = userctl(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut message = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut message)
        .unwrap();
    assert_eq!(message, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = userctl(&["completions", "bash"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: cannot write: No space left on device\n"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = userctl(&["completions", shell]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("userctl") && text.contains("counters"),
            "{shell}"
        );
        assert!(output.status.success());
    }
}

#[test]
fn there_is_a_manual_page_for_the_program_and_for_each_command() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("man1");
    let status = userctl(&["man", "--out", folder.to_str().unwrap()])
        .status()
        .unwrap();
    assert!(status.success());
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "userctl-add.1",
            "userctl-check.1",
            "userctl-completions.1",
            "userctl-counters.1",
            "userctl-create.1",
            "userctl-delete.1",
            "userctl-describe.1",
            "userctl-destroy.1",
            "userctl-disasm.1",
            "userctl-flush.1",
            "userctl-get.1",
            "userctl-hooks.1",
            "userctl-import.1",
            "userctl-insert.1",
            "userctl-list.1",
            "userctl-load.1",
            "userctl-man.1",
            "userctl-monitor.1",
            "userctl-rename.1",
            "userctl-replace.1",
            "userctl-reset.1",
            "userctl-simulate.1",
            "userctl-status.1",
            "userctl.1",
        ]
    );
    let page = fs::read_to_string(folder.join("userctl-load.1")).unwrap();
    assert!(page.contains(".TH userctl-load 1"), "{page}");
    assert!(page.contains("dry\\-run"), "{page}");
}

#[test]
fn rules_come_from_standard_input_too() {
    let mut child = userctl(&["check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"table ip x {\n\tchain y {\n\t\tdrop\n\t}\n}\n")
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("-: 1 table, 1 chain (0 base), 1 rule; "),
        "{text}"
    );
    assert!(output.status.success());
}

#[test]
fn what_nft_would_refuse_is_listed_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.nft");
    let text = "table ip t {\n\tset a {\n\t\ttype ipv4_addr\n\t\tflags interval,dynamic\n\t}\n\tset b \
                {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t}\n\tset c {\n\t\ttype \
                ipv4_addr\n\t\tflags dynamic\n\t}\n\tchain x {\n\t\tadd @b { ip saddr }\n\t\tadd @c \
                { ip saddr }\n\t}\n}\n";
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    assert!(userctl(&["check", path]).status().unwrap().success());
    let (message, status) = failure(&["check", "--compat", path]);
    assert_eq!(status, 1);
    assert!(message.contains("rules.nft:2:6"), "{message}");
    assert!(message.contains("rules.nft:6:6"), "{message}");
    assert_eq!(message.matches("error:").count(), 2, "{message}");
}
