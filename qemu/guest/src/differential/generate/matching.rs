// SPDX-License-Identifier: GPL-2.0
//! Matches: a selector and what it is compared with.

use super::super::grammar::{Pool, Selector, MATCHES, SELECTORS};
use super::super::quirks::can_be_key;
use super::rule::Context;
use super::Maker;

impl Maker<'_> {
    pub(super) fn matching(&mut self, context: &mut Context) -> Option<String> {
        if self.has("concatenation") && self.random.chance(30) {
            return self.concatenation(context);
        }
        if self.has("named-set") && self.random.chance(35) {
            return self.named_set(context);
        }
        if self.has("dynamic-set") && self.random.chance(25) {
            return self.dynamic_match(context);
        }
        if self.random.chance(45) {
            if let Some(text) = self.phrase(MATCHES, context) {
                return Some(text);
            }
        }
        let selector = self.selector(context, |_| true)?;
        context.narrow(&selector.needs);
        Some(self.comparison(selector))
    }

    /// A selector that goes with the rule.
    pub(super) fn selector(
        &mut self,
        context: &Context,
        wanted: impl Fn(&Selector) -> bool,
    ) -> Option<&'static Selector> {
        let fitting: Vec<&'static Selector> = SELECTORS
            .iter()
            .filter(|row| self.fits(&row.needs, context) && wanted(row))
            .collect();
        if fitting.is_empty() {
            return None;
        }
        Some(*self.random.pick(&fitting))
    }

    fn comparison(&mut self, selector: &Selector) -> String {
        let pool = selector.pool;
        let not = if self.random.chance(25) { "!= " } else { "" };
        let value = match self.random.below(100) {
            0..=24 if self.has("anonymous-set") => {
                let elements = self.elements(pool, true);
                format!("{{ {} }}", elements.join(", "))
            }
            25..=39 if pool.ordered => self.range(pool),
            40..=54 if !pool.prefixes.is_empty() => (*self.random.pick(pool.prefixes)).to_owned(),
            55..=69 if pool.ordered => return self.order(selector),
            _ => (*self.random.pick(pool.values)).to_owned(),
        };
        format!("{} {not}{value}", selector.text)
    }

    /// `a-b`.
    fn range(&mut self, pool: &Pool) -> String {
        let places = self.random.places(2, pool.values.len());
        format!("{}-{}", pool.values[places[0]], pool.values[places[1]])
    }

    /// `<` and its kin, never with the least or the largest value there is.
    fn order(&mut self, selector: &Selector) -> String {
        let last = selector.pool.values.len() - 1;
        let value = selector.pool.values[self.random.between(1, last - 1)];
        let relation = *self.random.pick(&["<", ">", "<=", ">="]);
        format!("{} {relation} {value}", selector.text)
    }

    /// Disjoint elements of one type, ascending; ranges and prefixes among them if `intervals`.
    pub(super) fn elements(&mut self, pool: &Pool, intervals: bool) -> Vec<String> {
        if intervals && !pool.prefixes.is_empty() && self.random.chance(25) {
            let count = self.random.between(1, 3);
            let places = self.random.places(count, pool.prefixes.len());
            return places
                .into_iter()
                .map(|place| pool.prefixes[place].to_owned())
                .collect();
        }
        let count = self.random.between(1, 5);
        let places = self.random.places(count, pool.values.len());
        let mut places = places.into_iter().peekable();
        let mut elements = Vec::new();
        while let Some(place) = places.next() {
            let value = pool.values[place];
            let to = places.peek().copied();
            match to.filter(|_| intervals && pool.ordered && self.random.chance(30)) {
                Some(to) => {
                    places.next();
                    elements.push(format!("{value}-{}", pool.values[to]));
                }
                None => elements.push(value.to_owned()),
            }
        }
        elements
    }

    /// Selectors whose concatenation is a key; one of them is no concatenation.
    pub(super) fn key(&mut self, context: &mut Context, longest: usize) -> Vec<&'static Selector> {
        let count = self.random.between(1, longest);
        let mut key: Vec<&'static Selector> = Vec::new();
        for _ in 0..count {
            let taken: Vec<_> = key.iter().map(|row| row.text).collect();
            let wanted = |row: &Selector| can_be_key(row) && !taken.contains(&row.text);
            let Some(selector) = self.selector(context, wanted) else {
                break;
            };
            context.narrow(&selector.needs);
            key.push(selector);
        }
        key
    }

    /// Elements of a key: disjoint in the first component, anything in the others.
    pub(super) fn key_elements(&mut self, key: &[&Selector], intervals: bool) -> Vec<String> {
        let Some((first, rest)) = key.split_first() else {
            return Vec::new();
        };
        let firsts = self.elements(first.pool, intervals);
        let element = |value: String| {
            rest.iter().fold(value, |text, selector| {
                let values = self.elements(selector.pool, intervals);
                format!("{text} . {}", values[0])
            })
        };
        firsts.into_iter().map(element).collect()
    }

    fn concatenation(&mut self, context: &mut Context) -> Option<String> {
        let key = self.key(context, 3);
        if key.is_empty() {
            return None;
        }
        let intervals = self.random.chance(50);
        let elements = self.key_elements(&key, intervals);
        let not = if self.random.chance(20) { "!= " } else { "" };
        Some(format!(
            "{} {not}{{ {} }}",
            texts(&key),
            elements.join(", ")
        ))
    }
}

/// `ip saddr . tcp dport`.
pub(super) fn texts(key: &[&Selector]) -> String {
    let texts: Vec<_> = key.iter().map(|selector| selector.text).collect();
    texts.join(" . ")
}
