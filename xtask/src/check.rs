// SPDX-License-Identifier: GPL-2.0

//! placeholder
use crate::{session::Session, Outcome};
pub(crate) fn run(_: &Session) -> anyhow::Result<Outcome> { anyhow::bail!("not yet") }
