// SPDX-License-Identifier: GPL-2.0
//! A value in the JSON, and where it is.

use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value};

use super::{JsonError, Read};

/// Where a value is: how to come to it from the root.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, key) => write!(f, "{key}"),
            Path::Key(above, key) => write!(f, "{above}.{key}"),
            Path::Index(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}

/// A value and its path.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    value: &'a Value,
    path: Path<'a>,
}

impl<'a> At<'a> {
    pub(super) fn new(value: &'a Value, path: &Path<'a>) -> Self {
        At { value, path: *path }
    }

    pub(super) fn path(&'a self) -> &'a Path<'a> {
        &self.path
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// An error here.
    pub(super) fn error<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(JsonError {
            path: self.path.to_string(),
            message: message.into(),
            hint: None,
        })
    }

    /// An error here, and what to do about it.
    pub(super) fn error_with_hint<T>(&self, message: impl Into<String>, hint: &str) -> Read<T> {
        Err(JsonError {
            path: self.path.to_string(),
            message: message.into(),
            hint: Some(hint.to_owned()),
        })
    }

    /// It is not what must be here.
    pub(super) fn not<T>(&self, expected: &str) -> Read<T> {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.error(format!("expected {expected}, found {found}"))
    }

    pub(super) fn members(&self) -> Read<&'a Map<String, Value>> {
        match self.value {
            Value::Object(members) => Ok(members),
            _ => self.not("an object"),
        }
    }

    /// The only member of an object: its name and value.
    pub(super) fn only(&'a self) -> Read<(&'a str, At<'a>)> {
        let members = self.members()?;
        let mut all = members.iter();
        match (all.next(), all.next()) {
            (Some((key, value)), None) => {
                let path = Path::Key(&self.path, key);
                Ok((key, At { value, path }))
            }
            _ => self.error(format!("expected one member, found {}", members.len())),
        }
    }

    /// A member, if it is there and not null.
    pub(super) fn get(&'a self, key: &'a str) -> Read<Option<At<'a>>> {
        let value = self.members()?.get(key).filter(|value| !value.is_null());
        Ok(value.map(|value| At {
            value,
            path: Path::Key(&self.path, key),
        }))
    }

    /// A member that must be there.
    pub(super) fn need(&'a self, key: &'a str) -> Read<At<'a>> {
        match self.members()?.get(key) {
            Some(value) => Ok(At {
                value,
                path: Path::Key(&self.path, key),
            }),
            None => self.error(format!("`{key}` is missing")),
        }
    }

    pub(super) fn items(&self) -> Read<&'a [Value]> {
        match self.value {
            Value::Array(items) => Ok(items),
            _ => self.not("a list"),
        }
    }

    /// The items of a list, or the one thing that stands in place of a list of one.
    pub(super) fn each(&'a self) -> Vec<At<'a>> {
        match self.value {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, value)| At {
                        value,
                        path: Path::Index(&self.path, index),
                    })
                    .collect()
            }
            _ => vec![*self],
        }
    }

    /// The two items of a pair.
    pub(super) fn pair(&'a self) -> Read<(At<'a>, At<'a>)> {
        match self.each().as_slice() {
            [first, second] if self.value.is_array() => Ok((*first, *second)),
            _ => self.error("expected a list of two"),
        }
    }

    pub(super) fn text(&self) -> Read<&'a str> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => self.not("a string"),
        }
    }

    pub(super) fn number(&self) -> Read<u64> {
        match self.value.as_u64() {
            Some(number) => Ok(number),
            None => self.not("a number that is not negative"),
        }
    }

    /// Whether it is `true`.
    pub(super) fn flag(&self) -> Read<bool> {
        match self.value {
            Value::Bool(flag) => Ok(*flag),
            _ => self.not("`true` or `false`"),
        }
    }

    /// Whether the member is there and `true`.
    pub(super) fn is_set(&'a self, key: &'a str) -> Read<bool> {
        self.get(key)?.map_or(Ok(false), |flag| flag.flag())
    }

    /// A name or a word of the language.
    pub(super) fn word(&self) -> Read<&'a str> {
        let text = self.text()?;
        let mut bytes = text.bytes();
        let first = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
        let other = |byte: u8| first(byte) || byte.is_ascii_digit() || matches!(byte, b'/' | b'-');
        if bytes.next().is_some_and(first) && bytes.all(other) {
            return Ok(text);
        }
        self.error("this is no name")
    }

    /// A string in quotes, as the rules' text has it.
    pub(super) fn quoted(&self) -> Read<String> {
        let text = self.text()?;
        match text.contains(['"', '\n']) {
            true => self.error("the string has a quote or a newline in it"),
            false => Ok(format!("\"{text}\"")),
        }
    }
}
