// SPDX-License-Identifier: GPL-2.0

//! What a bench's measurements come to.
//!
//! ```text
//! guest's lines ─► results ─► statistics ─► summary ─┬─► table (terminal)
//!                                                    └─► JSON
//! ```

pub(crate) mod results;
mod statistics;
pub(crate) mod summary;
pub(crate) mod table;
