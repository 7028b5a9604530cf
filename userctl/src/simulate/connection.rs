// SPDX-License-Identifier: GPL-2.0
//! What conntrack would know of a packet, as it is given on the command line: `established,reply,mark=7`.

use std::str::FromStr;

use ferrule_uapi::expr::{CtKey, ExprKind};

use crate::host::Context;

/// The connection that packets belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// A bit of `NF_CT_STATE_BIT`.
    state: u32,
    /// `IP_CT_DIR_*`.
    direction: u8,
    /// Bits of `IPS_*`.
    status: u32,
    mark: u32,
    zone: u16,
    /// Padded with zeros.
    helper: Option<[u8; 16]>,
}

/// States, by their bits.
const STATES: &[(&str, u32)] = &[
    ("invalid", INVALID),
    ("established", 2),
    ("related", 4),
    ("new", 8),
    ("untracked", UNTRACKED),
];

/// There is no connection.
const INVALID: u32 = 1;

/// There is none, and none is wanted.
const UNTRACKED: u32 = 64;

/// Directions, by their numbers.
const DIRECTIONS: &[(&str, u8)] = &[("original", 0), ("reply", 1)];

/// Status, by its bits.
const STATUS: &[(&str, u32)] = &[
    ("expected", 1),
    ("seen-reply", 2),
    ("assured", 4),
    ("confirmed", 8),
    ("snat", 16),
    ("dnat", 32),
    ("dying", 512),
];

/// What is written wrong in a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// It begins with no state.
    #[error("begin with the state: new, established, related, invalid or untracked")]
    NoState,
    /// A word that means nothing.
    #[error(
        "`{0}` is neither a direction (original, reply) nor a status (expected, seen-reply, assured, \
         confirmed, snat, dnat, dying) nor mark=N, zone=N or helper=NAME"
    )]
    Word(String),
    /// Something that a packet without a connection does not have.
    #[error("a packet that is {state} has no connection: `{word}` means nothing")]
    NoConnection {
        /// The state.
        state: String,
        /// What means nothing.
        word: String,
    },
}

impl FromStr for Connection {
    type Err = ConnectionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split(',').map(str::trim);
        let name = words.next().unwrap_or_default();
        let state = value_of(STATES, name).ok_or(ConnectionError::NoState)?;
        let mut connection = Self {
            state,
            direction: 0,
            status: 0,
            mark: 0,
            zone: 0,
            helper: None,
        };
        for word in words {
            if !connection.is_there() {
                return Err(ConnectionError::NoConnection {
                    state: name.to_owned(),
                    word: word.to_owned(),
                });
            }
            let known = connection.word(word);
            known.ok_or_else(|| ConnectionError::Word(word.to_owned()))?;
        }
        Ok(connection)
    }
}

impl Connection {
    /// Whether there is a connection at all.
    fn is_there(&self) -> bool {
        self.state & (INVALID | UNTRACKED) == 0
    }

    fn word(&mut self, word: &str) -> Option<()> {
        if let Some(direction) = value_of(DIRECTIONS, word) {
            self.direction = direction;
        } else if let Some(status) = value_of(STATUS, word) {
            self.status |= status;
        } else {
            let (key, value) = word.split_once('=')?;
            match key {
                "mark" => self.mark = number(value)?,
                "zone" => self.zone = number(value)?.try_into().ok()?,
                "helper" => self.helper = Some(padded(value)?),
                _ => return None,
            }
        }
        Some(())
    }

    /// Tells it to what rules will ask.
    pub fn tell(&self, context: &mut Context) {
        context.set_ct_state(self.state);
        if !self.is_there() {
            return;
        }
        let mut set = |key: CtKey, value: u128| context.set(ExprKind::Ct, key as u8, 0, value);
        set(CtKey::Direction, self.direction.into());
        set(CtKey::Status, self.status.into());
        set(CtKey::Mark, self.mark.into());
        set(CtKey::Zone, self.zone.into());
        if let Some(helper) = self.helper {
            set(CtKey::Helper, u128::from_be_bytes(helper));
        }
    }
}

fn value_of<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    let found = table.iter().find(|(name, _)| *name == word);
    found.map(|(_, value)| *value)
}

/// Decimal, or hexadecimal behind `0x`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn padded(name: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let to = bytes
        .get_mut(..name.len())
        .filter(|to| (1..16).contains(&to.len()))?;
    to.copy_from_slice(name.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_any_order_behind_the_state() {
        let connection: Connection = "established,mark=0x7,reply,assured,helper=ftp"
            .parse()
            .unwrap();
        assert_eq!((connection.state, connection.direction), (2, 1));
        assert_eq!((connection.status, connection.mark), (4, 7));
        assert_eq!(&connection.helper.unwrap()[..4], b"ftp\0");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, message) in [
            ("reply", "begin with the state"),
            ("", "begin with the state"),
            ("new,old", "`old` is neither"),
            ("new,zone=65536", "`zone=65536` is neither"),
            (
                "invalid,reply",
                "a packet that is invalid has no connection",
            ),
        ] {
            let error = text.parse::<Connection>().unwrap_err().to_string();
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }
}
