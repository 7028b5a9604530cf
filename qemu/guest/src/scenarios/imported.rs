// SPDX-License-Identifier: GPL-2.0
//! Rulesets that `iptables-save` wrote on real machines, in iptables and, imported, in Ferrule.

use crate::imported::trials;
use crate::runner::Scenario;

/// The group: one of each file.
pub(super) fn scenarios() -> Vec<Scenario> {
    trials()
}
