// SPDX-License-Identifier: GPL-2.0

//! Which of several kernels is used.

use anyhow::{bail, Result};

use super::offer::Offer;
use super::version::{Request, OLDEST};

/// The kernel to use, and what the user should know of the choice.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    pub(super) offer: &'a Offer,
    pub(super) remark: Option<String>,
}

/// Chooses among the mirror's offers, which come newest first.
///
/// # Errors
///
/// When none will do, with what the mirror has and what is wrong with it.
pub(super) fn choose(offers: &[Offer], request: Request) -> Result<Choice<'_>> {
    if let Some(choice) = find(offers, request) {
        return Ok(choice);
    }
    let kept: Vec<String> = offers.iter().map(describe).collect();
    bail!(
        "the mirror has no Debian kernel of the cloud flavour that is {request} and whole; it offers {}",
        if kept.is_empty() { "none at all".to_owned() } else { kept.join(", ") }
    )
}

/// Chooses among offers that come newest first, if one will do.
pub(super) fn find(offers: &[Offer], request: Request) -> Option<Choice<'_>> {
    let fits = |offer: &&Offer| request.admits(offer.version) && offer.lacking.is_empty();
    let preferred = |offer: &&Offer| request != Request::Default || offer.version.is_of(OLDEST);
    if let Some(offer) = offers.iter().filter(fits).find(preferred) {
        return Some(Choice {
            offer,
            remark: None,
        });
    }
    let offer = offers.iter().find(fits)?;
    let remark = format!(
        "no Linux {} is to be had; using the newest later one, {}",
        OLDEST.series(),
        offer.release
    );
    Some(Choice {
        offer,
        remark: Some(remark),
    })
}

fn describe(offer: &Offer) -> String {
    if offer.version < OLDEST {
        format!("{} (too old)", offer.release)
    } else if offer.lacking.is_empty() {
        offer.release.clone()
    } else {
        format!(
            "{} (without {} of version {})",
            offer.release,
            offer.lacking.join(" and "),
            offer.package_version
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::offer::{self, tests::*};
    use super::*;

    /// What a mirror with these releases offers, each with its source unless it is marked by `!`.
    fn mirror(releases: &str) -> Vec<Offer> {
        let mut list = Vec::new();
        for word in releases.split_whitespace() {
            let version = word.trim_end_matches('!');
            list.extend(kernel(
                &format!("{version}+deb13-cloud-amd64"),
                &format!("{version}-1"),
            ));
            if !word.ends_with('!') {
                let series = version.rsplit_once('.').unwrap().0;
                list.extend(packages(&format!("linux-source-{series}={version}-1")));
            }
        }
        offer::find(&list)
    }

    fn choice(releases: &str, request: Option<&str>) -> String {
        let offers = mirror(releases);
        match choose(&offers, Request::parse(request).unwrap()) {
            Ok(choice) => choice.offer.version.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_newest_whole_kernel_of_the_preferred_series_is_chosen() {
        assert_eq!(choice("7.2.12 7.3.4 7.3.9 7.3.11! 7.4.1", None), "7.3.9");
        assert_eq!(choice("7.2.12 7.3.4 7.3.9 7.4.1", Some("7.3.4")), "7.3.4");
        assert_eq!(choice("7.2.12 7.3.4 7.3.9 7.4.1", Some("7.4")), "7.4.1");
    }

    #[test]
    fn a_later_series_is_taken_with_a_remark() {
        let offers = mirror("7.2.12 7.4.1 7.5.2");
        let choice = choose(&offers, Request::Default).unwrap();
        assert_eq!(choice.offer.version.to_string(), "7.5.2");
        assert_eq!(
            choice.remark.unwrap(),
            "no Linux 7.3 is to be had; using the newest later one, 7.5.2+deb13-cloud-amd64"
        );
    }

    #[test]
    fn when_none_will_do_the_mirror_s_offer_is_told() {
        let error = choice("7.2.12 7.3.4!", None);
        assert!(error.contains("that is 7.3 or later and whole"), "{error}");
        assert!(
            error.contains("7.2.12+deb13-cloud-amd64 (too old)"),
            "{error}"
        );
        assert!(
            error.contains("(without linux-source-7.3 of version 7.3.4-1)"),
            "{error}"
        );
        let error = choice("", None);
        assert!(error.ends_with("it offers none at all"), "{error}");
        assert!(choice("7.3.4", Some("7.3.5")).contains("that is 7.3.5 and whole"));
    }
}
