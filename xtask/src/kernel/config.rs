// SPDX-License-Identifier: GPL-2.0

//! A kernel's configuration (`.config`).

use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};

/// The text of a `.config`.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    text: String,
}

impl Config {
    /// Reads the file.
    pub(crate) fn read(file: &Path) -> Result<Config> {
        let text = fs::read_to_string(file).with_context(|| {
            format!(
                "{} cannot be read: is this a configured kernel build tree?",
                file.display()
            )
        })?;
        Ok(Config { text })
    }

    /// The value of an option, without quotation marks; `None` when it is not set.
    pub(crate) fn get(&self, option: &str) -> Option<&str> {
        self.text
            .lines()
            .find_map(|line| line.strip_prefix(option)?.strip_prefix('='))
            .map(|value| value.trim_matches('"'))
    }

    /// What `rustc --version` said when the kernel was configured.
    pub(crate) fn rustc(&self) -> Option<&str> {
        self.get("CONFIG_RUSTC_VERSION_TEXT")
    }

    /// The C compiler that it was configured for, as in `x86_64-linux-gnu-gcc-14`.
    pub(crate) fn cc(&self) -> Option<&str> {
        self.get("CONFIG_CC_VERSION_TEXT")?.split(' ').next()
    }

    /// Refuses a kernel without Rust.
    pub(crate) fn want_rust(&self, kernel: &str) -> Result<()> {
        if self.get("CONFIG_RUST") != Some("y") {
            bail!(
                "{kernel} is configured without CONFIG_RUST=y, so no Rust module can be built for it; \
                 `make rustavailable` in its source says what its configuration lacked"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn config(text: &str) -> Config {
        Config {
            text: text.to_owned(),
        }
    }

    #[test]
    fn options_are_found_by_their_whole_name() {
        let config = config(
            "CONFIG_RUST_IS_AVAILABLE=n\n# CONFIG_KASAN is not set\nCONFIG_RUST=y\n\
             CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0\"\n",
        );
        assert_eq!(config.get("CONFIG_RUST"), Some("y"));
        assert_eq!(config.get("CONFIG_KASAN"), None);
        assert_eq!(config.cc(), Some("x86_64-linux-gnu-gcc-14"));
        config.want_rust("it").unwrap();
    }

    #[test]
    fn a_kernel_without_rust_is_refused() {
        let error = config("# CONFIG_RUST is not set\n")
            .want_rust("Linux 7.3.4")
            .unwrap_err();
        assert!(error
            .to_string()
            .starts_with("Linux 7.3.4 is configured without CONFIG_RUST=y"));
    }
}
