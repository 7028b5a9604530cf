// SPDX-License-Identifier: GPL-2.0
//! One rule.

use super::super::grammar::{Needs, Net, Phrases, ANY_TRANSPORT, REJECTS, STATEMENTS};
use super::super::quirks::{
    drop_families_of_reject, drop_fields_of_types, drop_protocols_of_connections, is_chosen,
    is_quirk, keep_one_tunnel,
};
use super::super::ruleset::Rule;
use super::Maker;

/// Where a rule is.
pub(super) struct Place<'a> {
    /// The hook of the base chain that it is reached from.
    pub(super) hook: &'static str,
    /// Chains that it can jump to.
    pub(super) targets: &'a [String],
    /// Not in a base chain.
    pub(super) regular: bool,
}

/// What the rule says so far about the headers that its packets have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) hook: &'static str,
    pub(super) net: Net,
    pub(super) transport: Option<&'static str>,
}

impl Context {
    /// Takes in that the rule has a row.
    pub(super) fn narrow(&mut self, needs: &Needs) {
        if needs.net != Net::Any {
            self.net = needs.net;
        }
        self.transport = needs.transport.or(self.transport);
    }
}

impl Maker<'_> {
    pub(super) fn rule(&mut self, place: &Place<'_>) -> Rule {
        let mut context = Context {
            hook: place.hook,
            net: Net::Any,
            transport: None,
        };
        let mut parts = Vec::new();
        let matches = *self.random.pick(&[0, 1, 1, 1, 1, 2, 2, 2, 3]);
        for _ in 0..matches {
            parts.extend(self.matching(&mut context));
        }
        let statements = *self.random.pick(&[0, 0, 1, 1, 2]);
        let early = self.random.chance(20);
        if early {
            parts.push("counter".to_owned());
        }
        for _ in 0..statements {
            parts.extend(self.statement(&mut context));
        }
        if !early && self.random.chance(80) {
            parts.push("counter".to_owned());
        }
        parts.extend(self.verdict(place, &mut context));
        parts.retain(|part| !is_quirk(part) && !is_chosen(part, place.hook));
        keep_one_tunnel(&mut parts);
        drop_fields_of_types(&mut parts);
        drop_families_of_reject(&mut parts);
        drop_protocols_of_connections(&mut parts);
        if parts.is_empty() {
            parts.push("counter".to_owned());
        }
        self.rules += 1;
        Rule {
            parts,
            comment: format!("r{}", self.rules),
        }
    }

    /// Whether a row goes with what the rule has.
    pub(super) fn fits(&self, needs: &Needs, context: &Context) -> bool {
        let net = match (context.net, needs.net) {
            (_, Net::Any) | (Net::Any, _) => true,
            (Net::Which, _) | (_, Net::Which) => false,
            (one, other) => one == other,
        };
        let transport = match (context.transport, needs.transport) {
            (_, None) | (None, _) => true,
            (Some(ANY_TRANSPORT), _) | (_, Some(ANY_TRANSPORT)) => false,
            (Some(one), Some(other)) => one == other,
        };
        self.has(needs.feature)
            && net
            && transport
            && needs.net.fits(self.family)
            && needs.hooks.contain(context.hook)
    }

    /// One of the rows that go with the rule; rows of the theme's rarer features more often.
    pub(super) fn phrase(&mut self, rows: &[Phrases], context: &mut Context) -> Option<String> {
        let fitting: Vec<_> = rows
            .iter()
            .filter(|row| self.fits(&row.needs, context))
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let row = *self.random.pick(&fitting);
        context.narrow(&row.needs);
        Some((*self.random.pick(row.texts)).to_owned())
    }

    fn statement(&mut self, context: &mut Context) -> Option<String> {
        if self.has("map") && self.random.chance(40) {
            return self.map_statement(context);
        }
        if self.has("dynamic-set") && self.random.chance(50) {
            return self.update_statement(context);
        }
        self.phrase(STATEMENTS, context)
    }

    fn verdict(&mut self, place: &Place<'_>, context: &mut Context) -> Option<String> {
        if self.has("vmap") && self.random.chance(25) {
            return self.verdict_map(place, context);
        }
        if self.has("reject") && self.random.chance(25) {
            return self.phrase(REJECTS, context);
        }
        if self.random.chance(35) {
            return None;
        }
        Some(self.plain_verdict(place))
    }

    /// A verdict that is not looked up.
    pub(super) fn plain_verdict(&mut self, place: &Place<'_>) -> String {
        if !place.targets.is_empty() && self.random.chance(50) {
            let verb = *self.random.pick(&["jump", "jump", "goto"]);
            return format!("{verb} {}", self.random.pick(place.targets));
        }
        let verdict = if place.regular && self.random.chance(25) {
            "return"
        } else {
            *self
                .random
                .pick(&["accept", "accept", "drop", "drop", "continue"])
        };
        verdict.to_owned()
    }
}
