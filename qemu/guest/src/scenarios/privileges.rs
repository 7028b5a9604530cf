// SPDX-License-Identifier: GPL-2.0
//! Who may do what.

use std::fs::File;

use anyhow::{ensure, Result};
use ferrule_uapi::DEVICE_PATH;

use crate::ferrule;
use crate::filter::Filter;
use crate::lab::Lab;
use crate::probe::{Probe, User};
use crate::runner::Scenario;

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("the-device-is-for-root-only", |lab| {
            expect(lab, Probe::Open, User::Nobody, "EACCES")?;
            expect(lab, Probe::Open, User::Root, "ok")
        }),
        Scenario::new("an-inherited-descriptor-gives-no-right-to-change", |lab| {
            expect(lab, Probe::Flush, User::Nobody, "EPERM")?;
            expect(lab, Probe::Flush, User::Root, "ok")
        }),
        Scenario::new("an-inherited-descriptor-may-be-read", |lab| {
            expect(lab, Probe::Info, User::Nobody, "ok")
        }),
        Scenario::new(
            "root-of-a-user-namespace-may-change-its-own-network",
            |lab| expect(lab, Probe::OwnNamespace, User::Root, "ok"),
        ),
        Scenario::new(
            "root-of-a-user-namespace-may-not-change-anothers-network",
            |lab| expect(lab, Probe::ForeignNamespace, User::Root, "EPERM"),
        ),
        Scenario::new("the-device-is-a-character-device-of-mode-0600", device_mode),
    ]
}

/// Tries something with a descriptor that is bound to the router, and looks whether the ruleset there
/// is still in force exactly when it should be.
fn expect(lab: &mut Lab, probe: Probe, user: User, expected: &str) -> Result<()> {
    Filter::Ferrule.load(
        lab.router(),
        "table ip t {\n chain c {\n  udp dport 1 drop\n }\n}\n",
    )?;
    let before = ferrule::info(lab.router())?.generation;
    let device = lab.router().inside(|| File::open(DEVICE_PATH))??;
    let got = probe.run(user, device)?;
    ensure!(
        got == expected,
        "{probe:?} as {user:?}: {got}, expected {expected}"
    );
    let changed = ferrule::info(lab.router())?.generation != before;
    let should = probe == Probe::Flush && expected == "ok";
    ensure!(
        changed == should,
        "{probe:?} as {user:?}: changed is {changed}"
    );
    Ok(())
}

fn device_mode(_: &mut Lab) -> Result<()> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let metadata = std::fs::metadata(DEVICE_PATH)?;
    ensure!(metadata.file_type().is_char_device(), "no character device");
    ensure!(
        metadata.mode() & 0o777 == 0o600,
        "mode {:o}",
        metadata.mode()
    );
    ensure!((metadata.uid(), metadata.gid()) == (0, 0), "not root's");
    Ok(())
}
