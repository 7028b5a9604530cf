// SPDX-License-Identifier: GPL-2.0
//! What few of many have: nothing is stored for the others.
//!
//! A set may have millions of elements, and hardly one of them a comment.

use std::ops::{Deref, DerefMut};

/// A `T`, without memory of its own as long as it is [`Usual::USUAL`].
#[derive(Clone, Debug)]
pub struct Rare<T>(Option<Box<T>>);

/// What is not worth storing.
pub trait Usual: Sized + 'static {
    /// The value that most have.
    const USUAL: &'static Self;
}

impl<T: Usual + PartialEq> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Rare((value != *T::USUAL).then(|| Box::new(value)))
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Rare(None)
    }
}

impl<T: Usual> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::USUAL)
    }
}

impl<T: Usual + Default> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Usual + PartialEq> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Usual + Eq> Eq for Rare<T> {}
