// SPDX-License-Identifier: GPL-2.0
//! The interfaces of a simulated machine: there is every one that somebody names.

use std::cell::RefCell;

use crate::host::Nic;
use crate::ruleset::Environment;

/// A machine whose interfaces get an index when they are first named; `lo` has 1.
#[derive(Debug)]
pub struct Simulated {
    /// Names by index, from 1.
    names: RefCell<Vec<String>>,
}

impl Default for Simulated {
    fn default() -> Self {
        Self {
            names: RefCell::new(vec!["lo".to_owned()]),
        }
    }
}

impl Simulated {
    /// The index of the interface of this name.
    pub fn index(&self, name: &str) -> u32 {
        let mut names = self.names.borrow_mut();
        let known = names.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        u32::try_from(at + 1).unwrap_or(u32::MAX)
    }

    /// The interface of this name, of which 15 bytes count.
    pub fn nic(&self, name: &str) -> Nic {
        let mut padded = [0; 16];
        for (to, from) in padded.iter_mut().take(15).zip(name.bytes()) {
            *to = from;
        }
        Nic {
            index: self.index(name),
            name: padded,
        }
    }
}

impl Environment for Simulated {
    fn interface_index(&self, name: &str) -> Option<u32> {
        Some(self.index(name))
    }

    fn interface_name(&self, index: u32) -> Option<String> {
        let at = (index as usize).checked_sub(1)?;
        self.names.borrow().get(at).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_named_is_there_and_stays_the_same() {
        let machine = Simulated::default();
        let eth0 = machine.interface_index("eth0").unwrap();
        assert_eq!(machine.interface_index("lo"), Some(1));
        assert_eq!(machine.interface_index("eth0"), Some(eth0));
        assert_eq!(machine.interface_name(eth0).as_deref(), Some("eth0"));
        assert_eq!(machine.interface_name(99), None);
    }
}
