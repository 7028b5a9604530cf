// SPDX-License-Identifier: GPL-2.0
//! The strings of a script, each a number: a [`Name`] is four bytes, and its text one allocation for the whole
//! script.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// A string of a [`super::Script`]. Interned ones are equal if their texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(u32);

/// Set in a [`Name`] that was not interned.
const PLAIN: u32 = 1 << 31;

/// The strings of a script.
#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: Vec<Arc<str>>,
    index: FxHashMap<Arc<str>, Name>,
    /// Those that were not interned, one behind the other, and where each ends.
    plain: String,
    ends: Vec<u32>,
}

impl Names {
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.index.get(text) {
            return *name;
        }
        let text: Arc<str> = text.into();
        let name = Name(self.texts.len() as u32);
        self.texts.push(text.clone());
        self.index.insert(text, name);
        name
    }

    /// As [`Names::intern`], for what is seldom there twice and never asked whether it is the same: addresses.
    pub(crate) fn plain(&mut self, text: &str) -> Name {
        let name = Name(self.ends.len() as u32 | PLAIN);
        self.plain.push_str(text);
        self.ends.push(self.plain.len() as u32);
        name
    }

    pub(crate) fn get(&self, name: Name) -> &str {
        if name.0 & PLAIN == 0 {
            return &self.texts[name.0 as usize];
        }
        let index = (name.0 & !PLAIN) as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.plain[start as usize..self.ends[index] as usize]
    }

    /// The text, to be kept.
    pub(crate) fn shared(&self, name: Name) -> Arc<str> {
        match self.texts.get(name.0 as usize) {
            Some(text) => text.clone(),
            None => self.get(name).into(),
        }
    }
}
