// SPDX-License-Identifier: GPL-2.0
//! Sets, maps and objects that a table declares, and the matches and statements that use them.

use super::super::quirks::{are_whole, can_have_catch_all};
use super::super::ruleset::Declared;
use super::matching::texts;
use super::rule::{Context, Place};
use super::Maker;

/// Data of maps of marks.
const MARKS: [&str; 4] = ["0x1", "0x2", "0x10", "0xff"];

/// Objects of a table that has any.
const OBJECTS: &[(&str, &str)] = &[
    ("counter c0", "packets 0 bytes 0"),
    ("counter c1", "packets 5 bytes 500"),
    ("quota q0", "over 300 bytes"),
    ("quota q1", "200 bytes"),
    ("limit l0", "rate 5/day burst 3 packets"),
    ("limit l1", "rate over 100 bytes/day burst 300 bytes"),
];

impl Maker<'_> {
    pub(super) fn declare_objects(&mut self) {
        let objects = OBJECTS.iter().map(|(head, line)| Declared {
            head: (*head).to_owned(),
            lines: vec![(*line).to_owned()],
            elements: Vec::new(),
        });
        self.declared.extend(objects);
    }

    fn declare(&mut self, kind: &str, lines: Vec<String>, elements: Vec<String>) -> String {
        let name = format!("{kind}{}", self.declared.len());
        self.declared.push(Declared {
            head: format!("{kind} {name}"),
            lines,
            elements,
        });
        name
    }

    pub(super) fn named_set(&mut self, context: &mut Context) -> Option<String> {
        let longest = if self.has("concatenation") { 3 } else { 1 };
        let key = self.key(context, longest);
        if key.is_empty() {
            return None;
        }
        let intervals = self.random.chance(50) && are_whole(&key);
        let mut lines = vec![format!("typeof {}", texts(&key))];
        let mut flags = Vec::new();
        if intervals {
            flags.push("interval");
        }
        // nf_tables has one or the other.
        match self.random.below(100) {
            0..=14 => flags.push("constant"),
            15..=29 => flags.push("timeout"),
            _ => {}
        }
        if !flags.is_empty() {
            lines.push(format!("flags {}", flags.join(",")));
        }
        if self.random.chance(15) {
            lines.push("counter".to_owned());
        }
        let mut elements = self.key_elements(&key, intervals);
        if self.random.chance(10) && can_have_catch_all(&key) {
            elements.push("*".to_owned());
        }
        let name = self.declare("set", lines, elements);
        let not = if self.random.chance(20) { "!= " } else { "" };
        Some(format!("{} {not}@{name}", texts(&key)))
    }

    pub(super) fn map_statement(&mut self, context: &mut Context) -> Option<String> {
        let longest = if self.has("concatenation") { 2 } else { 1 };
        let key = self.key(context, longest);
        if key.is_empty() {
            return None;
        }
        let intervals = self.random.chance(50);
        let mut elements = self.key_elements(&key, intervals);
        if self.random.chance(15) && can_have_catch_all(&key) {
            elements.push("*".to_owned());
        }
        for element in &mut elements {
            *element += &format!(" : {}", self.random.pick(&MARKS));
        }
        let listable = !intervals || are_whole(&key);
        let looked_up = if self.has("named-set") && self.random.chance(50) && listable {
            let mut lines = vec![format!("typeof {} : meta mark", texts(&key))];
            if intervals {
                lines.push("flags interval".to_owned());
            }
            format!("@{}", self.declare("map", lines, elements))
        } else {
            format!("{{ {} }}", elements.join(", "))
        };
        Some(format!("meta mark set {} map {looked_up}", texts(&key)))
    }

    pub(super) fn verdict_map(
        &mut self,
        place: &Place<'_>,
        context: &mut Context,
    ) -> Option<String> {
        let longest = if self.has("concatenation") { 2 } else { 1 };
        let key = self.key(context, longest);
        if key.is_empty() {
            return None;
        }
        let intervals = self.random.chance(50);
        let mut elements = self.key_elements(&key, intervals);
        if self.random.chance(15) && can_have_catch_all(&key) {
            elements.push("*".to_owned());
        }
        for element in &mut elements {
            *element += &format!(" : {}", self.plain_verdict(place));
        }
        let listable = !intervals || are_whole(&key);
        let looked_up = if self.has("named-set") && self.random.chance(50) && listable {
            let mut lines = vec![format!("typeof {} : verdict", texts(&key))];
            if intervals {
                lines.push("flags interval".to_owned());
            }
            format!("@{}", self.declare("map", lines, elements))
        } else {
            format!("{{ {} }}", elements.join(", "))
        };
        Some(format!("{} vmap {looked_up}", texts(&key)))
    }

    /// Adds to a set of its own, or takes away from it again.
    pub(super) fn update_statement(&mut self, context: &mut Context) -> Option<String> {
        let longest = if self.has("concatenation") { 2 } else { 1 };
        let key = self.key(context, longest);
        if key.is_empty() {
            return None;
        }
        let key = texts(&key);
        let timeouts = self.random.chance(50);
        let name = self.dynamic_set(&key, timeouts);
        let verb = *self
            .random
            .pick(&["add", "add", "update", "update", "delete"]);
        let options: &[&str] = match (verb, timeouts) {
            ("delete", _) => &[""],
            (_, true) => &["", " timeout 2h", " timeout 1d"],
            (_, false) => &[
                "",
                " counter",
                " limit rate 3/day burst 2 packets",
                " quota 100 bytes",
            ],
        };
        let option = *self.random.pick(options);
        Some(format!("{verb} @{name} {{ {key}{option} }}"))
    }

    /// Looks up in a set that rules add to.
    pub(super) fn dynamic_match(&mut self, context: &mut Context) -> Option<String> {
        let sets: Vec<_> = self
            .declared
            .iter()
            .filter(|set| set.lines.iter().any(|line| line.contains("dynamic")))
            .filter_map(|set| {
                let key = set.lines.first()?.strip_prefix("typeof ")?.to_owned();
                Some((key, set.head.strip_prefix("set ")?.to_owned()))
            })
            .collect();
        let fitting: Vec<_> = sets
            .into_iter()
            .filter_map(|(key, name)| {
                let row = self.selector(context, |row| row.text == key)?;
                Some((row, name))
            })
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let (selector, name) = self.random.pick(&fitting);
        context.narrow(&selector.needs);
        Some(format!("{} @{name}", selector.text))
    }

    /// A set for rules to add to: a new one or one of the same key.
    fn dynamic_set(&mut self, key: &str, timeouts: bool) -> String {
        let flags = if timeouts {
            "flags dynamic,timeout"
        } else {
            "flags dynamic"
        };
        let line = format!("typeof {key}");
        let known = self.declared.iter().find(|set| {
            set.lines.first() == Some(&line) && set.lines.iter().any(|line| line == flags)
        });
        if let Some(set) = known {
            return set.head.trim_start_matches("set ").to_owned();
        }
        let size = *self.random.pick(&["size 2", "size 128", "size 65535"]);
        let mut lines = vec![line, size.to_owned(), flags.to_owned()];
        if timeouts && self.random.chance(50) {
            lines.push("timeout 1h".to_owned());
        }
        self.declare("set", lines, Vec::new())
    }
}
