// SPDX-License-Identifier: GPL-2.0
//! What rules of a save share by a name of their own: the lists of `recent` and the tables of
//! `hashlimit`.
//!
//! iptables keeps both per network namespace, whatever table the rules are in; nft keeps sets per
//! table. So the whole save is looked through before any rule is translated, and tables that share a
//! name become one table of nft.

use std::collections::BTreeMap;

use super::arguments::{Arguments, Use};
use super::family::Family;
use super::matches::{hashlimit, recent};
use super::refusal::Result;

/// Everything that is shared.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The lists of `recent`.
    pub(super) lists: BTreeMap<String, recent::List>,
    /// The tables of `hashlimit`, as the first rule that names them makes them.
    pub(super) buckets: BTreeMap<String, hashlimit::Bucket>,
    /// Which tables use a name.
    users: BTreeMap<String, Vec<usize>>,
}

impl Shared {
    /// Notes what a rule of table number `table` shares. Rules come in the order in which the kernel
    /// would see them.
    pub(super) fn note(
        &mut self,
        table: usize,
        arguments: &Arguments,
        family: Family,
    ) -> Result<()> {
        for used in &arguments.matches {
            let name = match used.extension.name {
                "recent" => self.note_list(used, family)?,
                "hashlimit" => self.note_bucket(used, arguments, family)?,
                _ => continue,
            };
            let users = self.users.entry(name).or_default();
            if !users.contains(&table) {
                users.push(table);
            }
        }
        Ok(())
    }

    fn note_list(&mut self, used: &Use, family: Family) -> Result<String> {
        let demand = recent::Demand::read(used, family)?;
        let name = demand.name.clone();
        self.lists.entry(name.clone()).or_default().note(&demand);
        Ok(format!("recent {name}"))
    }

    fn note_bucket(&mut self, used: &Use, arguments: &Arguments, family: Family) -> Result<String> {
        let bucket = hashlimit::Bucket::read(used, arguments, family)?;
        let name = bucket.name.clone();
        self.buckets.entry(name.clone()).or_insert(bucket);
        Ok(format!("hashlimit {name}"))
    }

    /// Sorts tables `0..count` into groups that become one table each, in order.
    pub(super) fn groups(&self, count: usize) -> Vec<Vec<usize>> {
        let mut group_of: Vec<usize> = (0..count).collect();
        for users in self.users.values() {
            for pair in users.windows(2) {
                let (keep, lose) = (group_of[pair[0]], group_of[pair[1]]);
                let (keep, lose) = (keep.min(lose), keep.max(lose));
                for group in &mut group_of {
                    if *group == lose {
                        *group = keep;
                    }
                }
            }
        }
        let mut groups = vec![Vec::new(); count];
        for (table, group) in group_of.into_iter().enumerate() {
            groups[group].push(table);
        }
        groups.retain(|group| !group.is_empty());
        groups
    }
}
