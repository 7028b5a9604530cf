// SPDX-License-Identifier: GPL-2.0

//! What a bench's measurements come to.
//!
//! ```text
//! guest's lines ─► results ─► statistics ─► summary ─┬─► table (terminal), JSON
//!                                                    ├─► plot (SVG)
//!                                                    └─► verdict (where a peer is ahead) ─► page
//! ```

pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod results;
mod statistics;
pub(crate) mod summary;
pub(crate) mod table;
mod verdict;
